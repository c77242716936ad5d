package allocate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"adsteward/internal/badinput"
)

// BadInput is what is wrong with a problem's text, and what to do about it.
type BadInput = badinput.InJSON

// The text of a problem. What may be missing is a pointer.
type (
	problemText struct {
		Total    *float64    `json:"total"`
		SpendAll bool        `json:"spend_all"`
		Items    []itemText  `json:"items"`
		Groups   []groupText `json:"groups"`
		Risk     *riskText   `json:"risk"`
	}
	riskText struct {
		Objective string   `json:"objective"`
		Level     *float64 `json:"level"`
	}
	itemText struct {
		ID    string     `json:"id"`
		Min   float64    `json:"min"`
		Max   *float64   `json:"max"`
		Worth *float64   `json:"worth"`
		Curve *curveText `json:"curve"`
	}
	groupText struct {
		Name string   `json:"name"`
		IDs  []string `json:"ids"`
		Min  float64  `json:"min"`
		Max  *float64 `json:"max"`
	}
	curveText struct {
		Type string `json:"type"`
		parameters
		Draws []drawText `json:"draws"`
	}
	// drawText is what of an item is otherwise in one draw.
	drawText struct {
		Worth *float64 `json:"worth"`
		parameters
	}
	parameters struct {
		Coef       *float64   `json:"coef"`
		Alpha      *float64   `json:"alpha"`
		Gamma      *float64   `json:"gamma"`
		Shift      *float64   `json:"shift"`
		Elasticity *float64   `json:"elasticity"`
		CapSpend   *float64   `json:"cap_spend"`
		CapValue   *float64   `json:"cap_value"`
		Sigma      *float64   `json:"sigma"`
		Spend      []*float64 `json:"spend"`
		Value      []*float64 `json:"value"`
	}
)

// Read reads a problem from JSON:
//
//	{"total": 1000 | null, "spend_all": false,
//	 "items": [{"id", "min": 0, "max", "worth", "curve": {"type": "hill", "coef", "alpha", "gamma", "shift": 0} |
//	   {"type": "power", "coef", "elasticity"} | {"type": "binormal", "cap_spend", "cap_value", "sigma"} |
//	   {"type": "points", "spend": [], "value": []}}],
//	 "groups": [{"name", "ids": [], "min": 0, "max"}],
//	 "risk": {"objective": "mean" | "quantile" | "cvar", "level": 0.2}}
//
// An item's max may be missing where the total or its group limits it. A curve
// may have "draws": [{...}, ...], each with the parameters, and the item's worth,
// that are otherwise in it. No field may be there twice, for which of the two
// counts nobody could tell. What cannot be read is a *BadInput.
func Read(data []byte) (Problem, error) {
	if wide(data) {
		return Problem{}, &BadInput{Line: 1, Column: 1, What: "the text is UTF-16, and JSON is UTF-8; save the file as UTF-8"}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var text problemText
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&text); err != nil {
		return Problem{}, syntax(data, err)
	}
	if at := next(data, int(dec.InputOffset())); at < len(data) {
		return Problem{}, badAt(data, at, "", "something follows the problem; remove it")
	}
	if bad := repeated(data); bad != nil {
		return Problem{}, bad
	}
	p, bad := text.problem()
	if bad != nil {
		bad.Line, bad.Column = badinput.Position(data, locate(data, bad.Path))
		return Problem{}, bad
	}
	return p, nil
}

// wide reports whether a text is UTF-16: JSON begins with a mark of the order of
// bytes or with ASCII, of which every other byte is 0 there.
func wide(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	return data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff || (data[0] == 0) != (data[1] == 0)
}

func wrong(path, format string, args ...any) *BadInput {
	return &BadInput{Path: path, What: fmt.Sprintf(format, args...)}
}

// problem checks what the text says; where is filled in by the caller.
func (t *problemText) problem() (Problem, *BadInput) {
	p := Problem{Total: t.Total, SpendAll: t.SpendAll, Items: make([]Item, len(t.Items))}
	switch {
	case t.Items == nil:
		return p, wrong("", `there are no items; add "items": [...], which may be empty`)
	case t.Total != nil && *t.Total < 0:
		return p, wrong("total", "%g is below 0; give an amount of at least 0, or null for no limit", *t.Total)
	case t.Total == nil && t.SpendAll:
		return p, wrong("spend_all", "all of the total is to be spent and there is no total; give one, or set spend_all to false")
	}
	if t.Risk != nil {
		if p.Risk.Objective = t.Risk.Objective; t.Risk.Level != nil {
			if p.Risk.Level = *t.Risk.Level; p.Risk.Level == 0 {
				return p, wrong("risk.level", "0 is no share; give one above 0 and below 1")
			}
		}
		if err := p.Risk.check(); err != nil {
			return p, wrong("risk", "%s", strings.TrimPrefix(err.Error(), "risk: "))
		}
	}
	where, drawn := make(map[string]int, len(t.Items)), -1
	for i := range t.Items {
		path := fmt.Sprintf("items[%d]", i)
		it, bad := t.Items[i].item(path)
		if bad != nil {
			return p, bad
		}
		if first, twice := where[it.ID]; twice {
			return p, wrong(path+".id", "%q is the id of items[%d] already; give each item an id of its own", it.ID, first)
		}
		if n := len(it.Draws); n > 0 {
			if drawn < 0 {
				drawn = i
			}
			if first := p.Items[drawn].Draws; drawn < i && len(first) != n {
				return p, wrong(path+".curve.draws", "item %q has %d draws and item %q has %d; draw j of all is one possible truth, so give equally many", it.ID, n, p.Items[drawn].ID, len(first))
			}
		}
		where[it.ID], p.Items[i] = i, it
	}
	taken := map[string]int{}
	for i := range t.Groups {
		g, bad := t.Groups[i].group(i, where, taken)
		if bad != nil {
			return p, bad
		}
		p.Groups = append(p.Groups, g)
	}
	for i, it := range p.Items {
		g, grouped := taken[it.ID]
		if math.IsInf(it.Max, 1) && p.Total == nil && (!grouped || math.IsInf(p.Groups[g].Max, 1)) {
			return p, wrong(fmt.Sprintf("items[%d]", i), "item %q has no max, and neither a total nor its group limits it; give it a max", it.ID)
		}
	}
	return p, nil
}

func (t *itemText) item(path string) (Item, *BadInput) {
	it := Item{ID: t.ID, Min: t.Min, Max: math.Inf(1)}
	switch {
	case t.ID == "":
		return it, wrong(path, `the item has no id; add "id": "..."`)
	case t.Worth == nil:
		return it, wrong(path, `item %q has no worth; add "worth": what a unit of its value earns`, t.ID)
	case *t.Worth < 0:
		return it, wrong(path+".worth", "item %q: worth %g is below 0; what earns nothing has a worth of 0", t.ID, *t.Worth)
	case t.Min < 0:
		return it, wrong(path+".min", "item %q: min %g is below 0; give an amount of at least 0", t.ID, t.Min)
	case t.Max != nil && *t.Max < t.Min:
		return it, wrong(path+".max", "infeasible: item %q: max %g is below min %g; raise max or lower min", t.ID, *t.Max, t.Min)
	case t.Curve == nil:
		return it, wrong(path, `item %q has no curve; add "curve": {"type": ...}`, t.ID)
	}
	if t.Max != nil {
		it.Max = *t.Max
	}
	it.Worth = *t.Worth
	c, bad := t.Curve.curve(path + ".curve")
	if it.Curve = c; bad != nil {
		return it, bad
	}
	for j, d := range t.Curve.Draws {
		draw, bad := d.draw(fmt.Sprintf("%s.curve.draws[%d]", path, j), it.Worth, t.Curve)
		if bad != nil {
			return it, bad
		}
		it.Draws = append(it.Draws, draw)
	}
	return it, nil
}

// draw is the item's worth and curve with what is otherwise in the draw.
func (t *drawText) draw(path string, worth float64, of *curveText) (Draw, *BadInput) {
	if t.Worth != nil {
		if worth = *t.Worth; worth < 0 {
			return Draw{}, wrong(path+".worth", "worth %g is below 0; what earns nothing has a worth of 0", worth)
		}
	}
	c := curveText{Type: of.Type, parameters: t.parameters.over(of.parameters)}
	curve, bad := c.curve(path)
	return Draw{Worth: worth, Curve: curve}, bad
}

// over is what is given in t and, for the rest, what is given in base.
func (t parameters) over(base parameters) parameters {
	for _, f := range []struct {
		to   **float64
		from *float64
	}{{&base.Coef, t.Coef}, {&base.Alpha, t.Alpha}, {&base.Gamma, t.Gamma}, {&base.Shift, t.Shift}, {&base.Elasticity, t.Elasticity},
		{&base.CapSpend, t.CapSpend}, {&base.CapValue, t.CapValue}, {&base.Sigma, t.Sigma}} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if t.Spend != nil {
		base.Spend = t.Spend
	}
	if t.Value != nil {
		base.Value = t.Value
	}
	return base
}

// kind is what a type of curve is made of.
type kind struct {
	needs, may []string
	curve      func(*curveText) Curve
}

func kindOf(name string) (kind, bool) {
	switch name {
	case "hill":
		return kind{[]string{"coef", "alpha", "gamma"}, []string{"shift"}, func(t *curveText) Curve {
			c := Hill{Coef: *t.Coef, Alpha: *t.Alpha, Gamma: *t.Gamma}
			if t.Shift != nil {
				c.Shift = *t.Shift
			}
			return c
		}}, true
	case "power":
		return kind{[]string{"coef", "elasticity"}, nil, func(t *curveText) Curve { return Power{*t.Coef, *t.Elasticity} }}, true
	case "binormal":
		return kind{[]string{"cap_spend", "cap_value", "sigma"}, nil, func(t *curveText) Curve { return Binormal{*t.CapSpend, *t.CapValue, *t.Sigma} }}, true
	case "points":
		return kind{[]string{"spend", "value"}, nil, func(t *curveText) Curve { return Points{numbers(t.Spend), numbers(t.Value)} }}, true
	}
	return kind{}, false
}

func (t *curveText) curve(path string) (Curve, *BadInput) {
	k, ok := kindOf(t.Type)
	if !ok {
		return nil, wrong(path, "type %q is no type of curve; use hill, power, binormal or points", t.Type)
	}
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"coef", t.Coef != nil}, {"alpha", t.Alpha != nil}, {"gamma", t.Gamma != nil}, {"shift", t.Shift != nil}, {"elasticity", t.Elasticity != nil},
		{"cap_spend", t.CapSpend != nil}, {"cap_value", t.CapValue != nil}, {"sigma", t.Sigma != nil}, {"spend", t.Spend != nil}, {"value", t.Value != nil},
	} {
		switch needed := slices.Contains(k.needs, p.name); {
		case needed && !p.given:
			return nil, wrong(path, "a %s curve needs %s; add it", t.Type, p.name)
		case p.given && !needed && !slices.Contains(k.may, p.name):
			return nil, wrong(path+"."+p.name, "a %s curve has no %s; remove it or change the type", t.Type, p.name)
		}
	}
	for i := range max(len(t.Spend), len(t.Value)) {
		if i < len(t.Spend) && t.Spend[i] == nil || i < len(t.Value) && t.Value[i] == nil {
			return nil, wrong(path, "point %d has null for a number; give one, or leave the point out", i)
		}
	}
	c := k.curve(t)
	if parameter, must := c.(checked).flaw(); parameter != "" {
		return nil, wrong(path+"."+parameter, "%s", must)
	}
	return c, nil
}

func numbers(list []*float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = *v
	}
	return out
}

func (t *groupText) group(i int, where, taken map[string]int) (Group, *BadInput) {
	const shown = 3
	path := fmt.Sprintf("groups[%d]", i)
	g := Group{Name: t.Name, IDs: t.IDs, Min: t.Min, Max: math.Inf(1)}
	if g.Name == "" {
		ids := strings.Join(t.IDs[:min(shown, len(t.IDs))], ", ")
		if len(t.IDs) > shown {
			ids += fmt.Sprintf(" and %d more", len(t.IDs)-shown)
		}
		g.Name = fmt.Sprintf("%s (%s)", path, ids)
	}
	switch {
	case t.Min < 0:
		return g, wrong(path+".min", "group %q: min %g is below 0; give an amount of at least 0", g.Name, t.Min)
	case t.Max != nil && *t.Max < t.Min:
		return g, wrong(path+".max", "infeasible: group %q: max %g is below min %g; raise max or lower min", g.Name, *t.Max, t.Min)
	}
	if t.Max != nil {
		g.Max = *t.Max
	}
	for k, id := range t.IDs {
		at := fmt.Sprintf("%s.ids[%d]", path, k)
		if _, ok := where[id]; !ok {
			return g, wrong(at, "there is no item %q; add it or take it out of the group", id)
		}
		if first, ok := taken[id]; ok {
			return g, wrong(at, "item %q is in groups[%d] already; groups may not overlap or lie inside each other, so leave it in one", id, first)
		}
		taken[id] = i
	}
	return g, nil
}

// syntax says where the decoder stopped and what to do.
func syntax(data []byte, err error) *BadInput {
	var s *json.SyntaxError
	var u *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return badAt(data, len(data), "", "the text ends before the problem does; give a whole JSON object")
	case errors.As(err, &s):
		what := strings.TrimPrefix(s.Error(), "json: ") + "; correct the JSON there"
		at := max(0, int(s.Offset)-1)
		if rest := strings.ToLower(string(data[at:min(at+9, len(data))])); strings.HasPrefix(rest, "nan") || strings.HasPrefix(rest, "inf") {
			what = "NaN and Infinity are no JSON; give a number, or leave the item out"
		}
		return badAt(data, at, "", what)
	case errors.As(err, &u):
		return badAt(data, max(0, int(u.Offset)-1), u.Field, fmt.Sprintf("%s cannot stand here; give a %s", u.Value, jsonType(u.Type.Kind().String())))
	}
	// What is left is a field that is not known; the decoder does not say where.
	bad := badAt(data, 0, "", err.Error())
	walk(data, func(path string, at int, key bool) bool {
		if !key || known(path) {
			return true
		}
		bad = badAt(data, at, path, "this field is not known; remove it or correct its name")
		return false
	})
	return bad
}

func jsonType(goKind string) string {
	switch goKind {
	case "float64":
		return "finite number"
	case "bool":
		return "true or false"
	case "slice":
		return "list"
	case "struct":
		return "JSON object"
	}
	return goKind
}

// known reports whether a path, its indices aside, may be in a problem.
func known(path string) bool {
	var plain strings.Builder
	inside := false
	for _, r := range path {
		switch {
		case r == '[':
			inside = true
		case r == ']':
			inside = false
		case !inside:
			plain.WriteRune(r)
		}
	}
	parent, name := "", strings.ToLower(plain.String())
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		parent, name = name[:i], name[i+1:]
	}
	const ofCurve = "coef alpha gamma shift elasticity cap_spend cap_value sigma spend value"
	fields := map[string]string{
		"":                  "total spend_all items groups risk",
		"risk":              "objective level",
		"items":             "id min max worth curve",
		"groups":            "name ids min max",
		"items.curve":       "type draws " + ofCurve,
		"items.curve.draws": "worth " + ofCurve,
	}
	return slices.Contains(strings.Fields(fields[parent]), name)
}
