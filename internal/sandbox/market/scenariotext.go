package market

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"adsteward/internal/badinput"
	"adsteward/internal/civil"
	"adsteward/internal/spelling"
)

// BadInput is what is wrong with a scenario, and what to do about it.
type BadInput = badinput.InJSON

func wrong(path, format string, args ...any) *BadInput {
	return &BadInput{Path: path, What: fmt.Sprintf(format, args...)}
}

// ReadScenario reads and checks a scenario's JSON. A field that is null counts as
// missing; one that is not known is an error. What is wrong is a *BadInput.
func ReadScenario(r io.Reader) (*Scenario, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		return nil, badSyntax(data, err)
	}
	t := &text{data: data, dec: json.NewDecoder(bytes.NewReader(data)), at: map[string]int{}, names: map[reflect.Type][]string{}}
	sc := &Scenario{Seed: 1, Nights: 120, Currency: "EUR", TimeZone: "Europe/Berlin", History: 60, TotalDailyBudget: math.NaN(),
		Discount: 0.1, RecordedMargin: 1, Horizon: 365}
	bad := t.value("", reflect.ValueOf(sc).Elem())
	if bad == nil {
		bad = sc.complete(math.IsNaN)
	}
	if bad != nil {
		return nil, t.placed(bad)
	}
	return sc, nil
}

// badSyntax says where text stops to be JSON.
func badSyntax(data []byte, err error) *BadInput {
	var s *json.SyntaxError
	if !errors.As(err, &s) || int(s.Offset) >= len(data) && strings.HasPrefix(s.Error(), "unexpected end") {
		bad := wrong("", "the text ends before the scenario does; give a whole JSON object")
		bad.Line, bad.Column = badinput.Position(data, len(data))
		return bad
	}
	bad := wrong("", "%s; correct the JSON there", s)
	bad.Line, bad.Column = badinput.Position(data, max(0, int(s.Offset)-1))
	return bad
}

// text is a scenario's JSON, valid and read from front to back, and where in it
// each path begins, at its key where it has one.
type text struct {
	data  []byte
	dec   *json.Decoder
	at    map[string]int
	names map[reflect.Type][]string
}

// next is where the next token begins.
func (t *text) next() int {
	at := int(t.dec.InputOffset())
	for at < len(t.data) && strings.IndexByte(" \t\r\n,:", t.data[at]) >= 0 {
		at++
	}
	return at
}

// placed says where a flaw is: at its path, or at what of its parents there is.
func (t *text) placed(bad *BadInput) *BadInput {
	at, found := t.at[bad.Path]
	for path := bad.Path; !found && path != ""; at, found = t.at[path] {
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	bad.Line, bad.Column = badinput.Position(t.data, at)
	return bad
}

// value reads what comes next into v.
func (t *text) value(path string, v reflect.Value) *BadInput {
	at := t.next()
	if _, known := t.at[path]; !known {
		t.at[path] = at
	}
	switch first, kind := t.data[at], v.Kind(); {
	case first == '{' && kind == reflect.Struct:
		return t.object(path, v)
	case first == '[' && (kind == reflect.Slice || kind == reflect.Array):
		return t.list(path, v)
	}
	var raw json.RawMessage
	err := t.dec.Decode(&raw)
	if err == nil {
		err = json.Unmarshal(raw, v.Addr().Interface())
	}
	if err != nil {
		return wrong(path, "%s cannot stand here; give %s", shown(raw), wanted(v.Type()))
	}
	return nil
}

func (t *text) object(path string, v reflect.Value) *BadInput {
	_, _ = t.dec.Token() // the text is valid
	names := t.namesOf(v.Type())
	for t.dec.More() {
		at := t.next()
		key, _ := t.dec.Token()
		name := fmt.Sprint(key)
		child := strings.TrimPrefix(path+"."+name, ".")
		_, twice := t.at[child]
		t.at[child] = at
		i := slices.Index(names, name)
		switch {
		case twice:
			return wrong(child, "this field is there twice; remove one")
		case i < 0:
			t.at[path] = at // a name of any kind is no part of a path
			return wrong(path, "the field %.40q is not known; %s", name, instead(name, names))
		}
		if bad := t.value(child, v.Field(i)); bad != nil {
			return bad
		}
	}
	_, _ = t.dec.Token()
	return nil
}

// list reads a list; an array must have all of its elements.
func (t *text) list(path string, v reflect.Value) *BadInput {
	_, _ = t.dec.Token()
	all := reflect.New(reflect.SliceOf(v.Type().Elem())).Elem()
	for i := 0; t.dec.More(); i++ {
		child := fmt.Sprintf("%s[%d]", path, i)
		if t.data[t.next()] == 'n' {
			t.at[child] = t.next()
			return wrong(child, "null cannot stand here; give %s", wanted(v.Type().Elem()))
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e.Addr().Interface())
		if bad := t.value(child, e); bad != nil {
			return bad
		}
		all.Set(reflect.Append(all, e))
	}
	_, _ = t.dec.Token()
	if v.Kind() == reflect.Array {
		if all.Len() != v.Len() {
			return wrong(path, "there are %d numbers; give %d", all.Len(), v.Len())
		}
		reflect.Copy(v, all)
		return nil
	}
	v.Set(all)
	return nil
}

// setDefaults sets what an element has where the text does not say; NaN is to be
// told from 0 by complete.
func setDefaults(element any) {
	switch e := element.(type) {
	case *CampaignSpec:
		*e = defaultCampaign()
	case *AdSpec:
		e.Share = math.NaN()
	case *ScenarioEvent:
		e.Days, e.Value = 1, math.NaN()
	}
}

// namesOf lists the names of a struct's fields in their order.
func (t *text) namesOf(of reflect.Type) []string {
	names, known := t.names[of]
	if !known {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
		t.names[of] = names
	}
	return names
}

// shown is a value as a message shows it, on one line.
func shown(raw []byte) string {
	switch {
	case len(raw) > 0 && raw[0] == '{':
		return "an object"
	case len(raw) > 0 && raw[0] == '[':
		return "a list"
	case len(raw) > 40:
		return strings.ToValidUTF8(string(raw[:40]), "") + "..."
	}
	return string(raw)
}

// wanted says what a field takes.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[civil.Date]() {
		return `a date such as "2026-01-31"`
	}
	switch t.Kind() {
	case reflect.Float64:
		return "a finite number"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of at least 0"
	case reflect.String:
		return "text in quotes"
	case reflect.Pointer:
		return wanted(t.Elem()) + " or null"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "a JSON object"
}

// instead says what to do about a name that is not known: most often it is
// another one, misspelt.
func instead(name string, known []string) string {
	best := spelling.Nearest(strings.ToLower(name), known)
	if best == "" {
		return "remove it or correct its name"
	}
	return fmt.Sprintf("did you mean %s?", best)
}
