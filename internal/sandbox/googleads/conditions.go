package googleads

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"google.golang.org/protobuf/reflect/protoreflect"

	"adsteward/internal/civil"
)

// cell is one value of a row, in the form in which it is compared: num for
// numbers, booleans and enums, str for strings and dates.
type cell struct {
	null bool
	num  float64
	str  string
	list []cell // of a repeated field
}

func (c cell) compare(d cell) int {
	if c.null || d.null {
		return cmp.Compare(btoi(d.null), btoi(c.null)) // null comes first
	}
	if n := cmp.Compare(c.num, d.num); n != 0 {
		return n
	}
	return strings.Compare(c.str, d.str)
}

func (c cell) equal(d cell) bool { return c.compare(d) == 0 }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cellOf returns the value of f as a cell.
func cellOf(f *field, v protoreflect.Value) cell {
	if f.repeated {
		l := v.List()
		c := cell{null: l.Len() == 0}
		for i := range l.Len() {
			c.list = append(c.list, scalarCell(f.leaf(), l.Get(i)))
		}
		return c
	}
	return scalarCell(f.leaf(), v)
}

func scalarCell(fd protoreflect.FieldDescriptor, v protoreflect.Value) cell {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return cell{str: v.String()}
	case protoreflect.BoolKind:
		return cell{num: float64(btoi(v.Bool()))}
	case protoreflect.EnumKind:
		return cell{num: float64(v.Enum())}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return cell{num: v.Float()}
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return cell{num: float64(v.Int())}
	}
	return cell{}
}

// predicate is a compiled condition.
type predicate struct {
	field *field
	match func(cell) bool
	// lo and hi bound the days of a condition on a date or a time; nil where open.
	lo, hi *civil.Date
}

// compileCondition checks that operator and values fit the field, and returns
// what they mean on the day today.
func compileCondition(f *field, c condition, today civil.Date) (predicate, error) {
	p := predicate{field: f}
	switch {
	case c.op == opNull || c.op == opNotNull:
		want := c.op == opNull
		p.match = func(v cell) bool { return v.null == want }
		return p, nil
	case !slices.Contains(operatorsFor(f), c.op):
		return p, refuse(adserrors.QueryErrorEnum_OPERATOR_FIELD_MISMATCH, "Error in query: the operator %s cannot be used with '%s'.", c.op, f.path)
	case c.op == opDuring:
		return duringPredicate(f, c.values[0], today)
	case c.op == opLike || c.op == opNotLike || c.op == opRegexp || c.op == opNotRegexp:
		return patternPredicate(f, c)
	}
	want := make([]cell, len(c.values))
	for i, l := range c.values {
		var err error
		if want[i], err = literalCell(f, l); err != nil {
			return p, err
		}
	}
	p.match = matcher(c.op, want)
	p.lo, p.hi = dayBounds(f, c.op, want)
	return p, nil
}

func operatorsFor(f *field) []operator {
	if f.repeated {
		return []operator{opContainsAny, opContainsAll, opContainsNo}
	}
	switch f.typ {
	case numeric:
		return []operator{opEQ, opNE, opLT, opLE, opGT, opGE, opIn, opNotIn, opBetween}
	case boolean:
		return []operator{opEQ, opNE}
	case text:
		return []operator{opEQ, opNE, opIn, opNotIn, opLike, opNotLike, opRegexp, opNotRegexp}
	case enumeration:
		return []operator{opEQ, opNE, opIn, opNotIn}
	case date, dateTime:
		return []operator{opEQ, opNE, opLT, opLE, opGT, opGE, opIn, opNotIn, opBetween, opDuring}
	}
	return nil
}

// matcher returns the meaning of the comparing operators. A null value matches
// none but the negative ones.
func matcher(op operator, want []cell) func(cell) bool {
	in := func(v cell) bool { return !v.null && slices.ContainsFunc(want, v.equal) }
	has := func(v cell, w cell) bool { return slices.ContainsFunc(v.list, w.equal) }
	switch op {
	case opEQ, opIn:
		return in
	case opNE, opNotIn:
		return func(v cell) bool { return !in(v) }
	case opLT:
		return func(v cell) bool { return !v.null && v.compare(want[0]) < 0 }
	case opLE:
		return func(v cell) bool { return !v.null && v.compare(want[0]) <= 0 }
	case opGT:
		return func(v cell) bool { return !v.null && v.compare(want[0]) > 0 }
	case opGE:
		return func(v cell) bool { return !v.null && v.compare(want[0]) >= 0 }
	case opBetween:
		return func(v cell) bool { return !v.null && v.compare(want[0]) >= 0 && v.compare(want[1]) <= 0 }
	case opContainsAny:
		return func(v cell) bool { return slices.ContainsFunc(want, func(w cell) bool { return has(v, w) }) }
	case opContainsAll:
		return func(v cell) bool { return !slices.ContainsFunc(want, func(w cell) bool { return !has(v, w) }) }
	case opContainsNo:
		return func(v cell) bool { return !slices.ContainsFunc(want, func(w cell) bool { return has(v, w) }) }
	}
	return func(cell) bool { return false }
}

// literalCell reads a value of the query as one of the field's type.
func literalCell(f *field, l literal) (cell, error) {
	switch f.typ {
	case numeric:
		n, err := strconv.ParseFloat(l.text, 64)
		if err != nil || l.kind == word {
			return cell{}, refuse(adserrors.QueryErrorEnum_BAD_NUMBER, "Error in query: %q is not a number, as '%s' is.", l.text, f.path)
		}
		return cell{num: n}, nil
	case boolean:
		switch strings.ToUpper(l.text) {
		case "TRUE":
			return cell{num: 1}, nil
		case "FALSE":
			return cell{}, nil
		}
		return cell{}, refuse(adserrors.QueryErrorEnum_BAD_VALUE, "Error in query: '%s' is TRUE or FALSE, not %q.", f.path, l.text)
	case enumeration:
		v := f.leaf().Enum().Values().ByName(protoreflect.Name(l.text))
		if v == nil || l.kind == number {
			return cell{}, refuse(adserrors.QueryErrorEnum_BAD_ENUM_CONSTANT, "Error in query: %q is not a value of '%s'.", l.text, f.path)
		}
		return cell{num: float64(v.Number())}, nil
	case date:
		return dateCell(f, l)
	case dateTime:
		t, err := parseDateTime(l.text)
		if err != nil || l.kind != quoted {
			return cell{}, refuse(adserrors.QueryErrorEnum_INVALID_DATE_FORMAT,
				"Error in query: %q is not a time; write '%s' as 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS'.", l.text, f.path)
		}
		return cell{str: t}, nil
	}
	if l.kind != quoted {
		return cell{}, refuse(adserrors.QueryErrorEnum_BAD_VALUE, "Error in query: '%s' is a string; write %s in quotes.", f.path, l.text)
	}
	return cell{str: l.text}, nil
}

// dateCell reads a day; one of a week, month or quarter must be its first.
func dateCell(f *field, l literal) (cell, error) {
	d, err := civil.Parse(l.text)
	if err != nil || l.kind != quoted {
		return cell{}, refuse(adserrors.QueryErrorEnum_INVALID_DATE_FORMAT, "Error in query: %q is not a date; write '%s' as 'YYYY-MM-DD'.", l.text, f.path)
	}
	if b := bucketOf(d); f.path == "segments.week" && d != b.week || f.path == "segments.month" && d != b.month || f.path == "segments.quarter" && d != b.quarter {
		return cell{}, refuse(adserrors.QueryErrorEnum_MISALIGNED_DATE_FOR_FILTER, "Error in query: %s is not the first day of a period of '%s'.", d, f.path)
	}
	return cell{str: d.String()}, nil
}

// dateTimeLayout is how the API writes times, in the account's zone.
const dateTimeLayout = "2006-01-02 15:04:05.000000"

func parseDateTime(s string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.DateTime} { // DateTime takes fractions too
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(dateTimeLayout), nil
		}
	}
	return "", fmt.Errorf("%q is not a time", s)
}

// dayBounds returns the first and last day a condition on a date or a time lets
// through, nil where it bounds none; a bound may be a day too wide.
func dayBounds(f *field, op operator, want []cell) (lo, hi *civil.Date) {
	if f.typ != date && f.typ != dateTime && f.path != "segments.year" {
		return nil, nil
	}
	first, last := periodOf(f, want[0])
	switch op {
	case opEQ:
		return &first, &last
	case opGE, opGT:
		return &first, nil
	case opLE, opLT:
		return nil, &last
	case opBetween:
		_, last = periodOf(f, want[1])
		return &first, &last
	case opIn:
		for _, w := range want[1:] {
			a, b := periodOf(f, w)
			first, last = min(first, a), max(last, b)
		}
		return &first, &last
	}
	return nil, nil
}

// periodOf returns the first and last day of the period a date segment names.
func periodOf(f *field, c cell) (first, last civil.Date) {
	if f.path == "segments.year" {
		y := int(c.num)
		return civil.On(y, time.January, 1), civil.On(y, time.December, 31)
	}
	d, err := civil.Parse(c.str[:len(time.DateOnly)])
	if err != nil { // literalCell has checked it
		return 0, 0
	}
	switch y, m, _ := d.Time().Date(); f.path {
	case "segments.week":
		return d, d.AddDays(6)
	case "segments.month":
		return d, civil.On(y, m+1, 0)
	case "segments.quarter":
		return d, civil.On(y, m+3, 0)
	}
	return d, d
}

func duringPredicate(f *field, l literal, today civil.Date) (predicate, error) {
	lo, hi, ok := during(strings.ToUpper(l.text), today)
	if !ok || l.kind != word || f.path != "segments.date" && f.typ != dateTime {
		return predicate{}, refuse(adserrors.QueryErrorEnum_INVALID_VALUE_WITH_DURING_OPERATOR, "Error in query: DURING cannot take %s with '%s'.", l.text, f.path)
	}
	from, to := lo.String(), hi.AddDays(1).String() // times of the last day sort before the next day
	return predicate{field: f, lo: &lo, hi: &hi, match: func(v cell) bool { return !v.null && v.str >= from && v.str < to }}, nil
}

// during returns the first and last day of a named period, seen from today.
// Periods of days end yesterday.
func during(name string, today civil.Date) (lo, hi civil.Date, ok bool) {
	b := bucketOf(today)
	monday, sunday := b.week, today.AddDays(-int(today.Weekday()))
	switch name {
	case "TODAY":
		return today, today, true
	case "YESTERDAY":
		return today - 1, today - 1, true
	case "LAST_7_DAYS":
		return today - 7, today - 1, true
	case "LAST_14_DAYS":
		return today - 14, today - 1, true
	case "LAST_30_DAYS":
		return today - 30, today - 1, true
	case "THIS_MONTH":
		return b.month, today, true
	case "LAST_MONTH":
		last := b.month - 1
		return bucketOf(last).month, last, true
	case "THIS_WEEK_MON_TODAY":
		return monday, today, true
	case "THIS_WEEK_SUN_TODAY":
		return sunday, today, true
	case "LAST_WEEK_MON_SUN":
		return monday - 7, monday - 1, true
	case "LAST_WEEK_SUN_SAT":
		return sunday - 7, sunday - 1, true
	case "LAST_BUSINESS_WEEK":
		return monday - 7, monday - 3, true
	}
	return 0, 0, false
}

// patternPredicate compiles LIKE, which ignores case and knows %, _ and literal
// characters in brackets, and REGEXP_MATCH, which is RE2 over the whole value.
func patternPredicate(f *field, c condition) (predicate, error) {
	l := c.values[0]
	expr := `(?s)^(?:` + l.text + `)$`
	if c.op == opLike || c.op == opNotLike {
		expr = likePattern(l.text)
	}
	re, err := regexp.Compile(expr)
	if err != nil || l.kind != quoted {
		return predicate{}, refuse(adserrors.QueryErrorEnum_BAD_VALUE, "Error in query: %q is not a pattern for %s.", l.text, c.op)
	}
	want := c.op == opLike || c.op == opRegexp
	return predicate{field: f, match: func(v cell) bool { return re.MatchString(v.str) == want }}, nil
}

func likePattern(s string) string {
	var b strings.Builder
	b.WriteString(`(?is)^`)
	rs := []rune(s)
	for i := 0; i < len(rs); i++ {
		switch {
		case rs[i] == '%':
			b.WriteString(`.*`)
		case rs[i] == '_':
			b.WriteString(`.`)
		case rs[i] == '[' && i+2 < len(rs) && rs[i+2] == ']':
			b.WriteString(regexp.QuoteMeta(string(rs[i+1])))
			i += 2
		default:
			b.WriteString(regexp.QuoteMeta(string(rs[i])))
		}
	}
	return b.String() + `$`
}
