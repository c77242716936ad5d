package googleads

import (
	"math"
	"slices"
	"strconv"
	"strings"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
)

// statement is a parsed query of the Google Ads Query Language, whose grammar
// is that of the API's reference; names and values are as written, unresolved.
type statement struct {
	fields []string
	from   string
	where  []condition
	order  []ordering
	limit  int // 0 for none
	params map[string]string
}

type condition struct {
	field  string
	op     operator
	values []literal
}

type ordering struct {
	field string
	desc  bool
}

type literal struct {
	text string
	kind tokenKind // number, quoted or word
}

type operator string

const (
	opEQ          operator = "="
	opNE          operator = "!="
	opLT          operator = "<"
	opLE          operator = "<="
	opGT          operator = ">"
	opGE          operator = ">="
	opIn          operator = "IN"
	opNotIn       operator = "NOT IN"
	opLike        operator = "LIKE"
	opNotLike     operator = "NOT LIKE"
	opContainsAny operator = "CONTAINS ANY"
	opContainsAll operator = "CONTAINS ALL"
	opContainsNo  operator = "CONTAINS NONE"
	opNull        operator = "IS NULL"
	opNotNull     operator = "IS NOT NULL"
	opDuring      operator = "DURING"
	opBetween     operator = "BETWEEN"
	opRegexp      operator = "REGEXP_MATCH"
	opNotRegexp   operator = "NOT REGEXP_MATCH"
)

// takesList reports whether the operator is followed by a list in parentheses.
func (o operator) takesList() bool {
	return o == opIn || o == opNotIn || o == opContainsAny || o == opContainsAll || o == opContainsNo
}

// parser reads one query, token by token.
type parser struct {
	toks []token
	pos  int
}

// parseQuery parses a query. The error is a failure with a query_error.
func parseQuery(q string) (*statement, error) {
	toks, err := lex(q)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	st := &statement{params: map[string]string{}}
	for _, clause := range []func(*statement) error{p.selectClause, p.fromClause, p.whereClause, p.orderClause, p.limitClause, p.parametersClause} {
		if err := clause(st); err != nil {
			return nil, err
		}
	}
	if t := p.peek(); t.kind != end {
		return nil, refuse(adserrors.QueryErrorEnum_UNEXPECTED_INPUT, "Error in query: unexpected input %s.", t.text)
	}
	return st, nil
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) next() token {
	t := p.toks[p.pos]
	if t.kind != end {
		p.pos++
	}
	return t
}

// accept steps over the keywords if they all come next.
func (p *parser) accept(keywords ...string) bool {
	for i, k := range keywords {
		j := min(p.pos+i, len(p.toks)-1)
		if t := p.toks[j]; t.kind != word || !strings.EqualFold(t.text, k) {
			return false
		}
	}
	p.pos += len(keywords)
	return true
}

// acceptSymbol steps over the symbol if it comes next.
func (p *parser) acceptSymbol(s string) bool {
	if t := p.peek(); t.kind != symbol || t.text != s {
		return false
	}
	p.pos++
	return true
}

// unexpected is the error for the token that comes next.
func (p *parser) unexpected(want string) error {
	t := p.peek()
	if t.kind == end {
		return refuse(adserrors.QueryErrorEnum_UNEXPECTED_END_OF_QUERY, "Error in query: the query ends where %s should come.", want)
	}
	return refuse(adserrors.QueryErrorEnum_UNEXPECTED_INPUT, "Error in query: unexpected input %s where %s should come.", t.text, want)
}

func (p *parser) fieldName() (string, error) {
	t := p.peek()
	if t.kind != word {
		return "", p.unexpected("a field name")
	}
	p.pos++
	return t.text, nil
}

func (p *parser) selectClause(st *statement) error {
	if !p.accept("SELECT") {
		return refuse(adserrors.QueryErrorEnum_EXPECTED_SELECT, "Error in query: the query must start with SELECT.")
	}
	for {
		f, err := p.fieldName()
		if err != nil {
			return err
		}
		if strings.EqualFold(f, "FROM") {
			return refuse(adserrors.QueryErrorEnum_BAD_FIELD_NAME, "Error in query: a field name should come before FROM.")
		}
		if !slices.Contains(st.fields, f) {
			st.fields = append(st.fields, f)
		}
		if !p.acceptSymbol(",") {
			return nil
		}
	}
}

func (p *parser) fromClause(st *statement) (err error) {
	if !p.accept("FROM") {
		return refuse(adserrors.QueryErrorEnum_EXPECTED_FROM, "Error in query: FROM should come after the selected fields.")
	}
	st.from, err = p.fieldName()
	return err
}

func (p *parser) whereClause(st *statement) error {
	if !p.accept("WHERE") {
		return nil
	}
	for {
		c, err := p.condition()
		if err != nil {
			return err
		}
		st.where = append(st.where, c)
		if p.accept("AND") {
			continue
		}
		if t := p.peek(); t.kind == end || slices.ContainsFunc([]string{"ORDER", "LIMIT", "PARAMETERS"}, func(k string) bool { return strings.EqualFold(k, t.text) }) {
			return nil
		}
		return refuse(adserrors.QueryErrorEnum_EXPECTED_AND, "Error in query: unexpected input %s where AND should come.", p.peek().text)
	}
}

func (p *parser) condition() (c condition, err error) {
	if c.field, err = p.fieldName(); err != nil {
		return c, err
	}
	if c.op, err = p.operator(); err != nil {
		return c, err
	}
	switch {
	case c.op == opNull || c.op == opNotNull:
		return c, nil
	case c.op.takesList():
		c.values, err = p.list()
		return c, err
	}
	v, err := p.value()
	if err != nil {
		return c, err
	}
	c.values = []literal{v}
	if c.op == opBetween {
		if !p.accept("AND") {
			return c, refuse(adserrors.QueryErrorEnum_EXPECTED_VALUE_WITH_BETWEEN_OPERATOR, "Error in query: BETWEEN takes two values with AND between them.")
		}
		v, err = p.value()
		c.values = append(c.values, v)
	}
	return c, err
}

func (p *parser) operator() (operator, error) {
	if t := p.peek(); t.kind == symbol && slices.Contains([]operator{opEQ, opNE, opLT, opLE, opGT, opGE}, operator(t.text)) {
		p.pos++
		return operator(t.text), nil
	}
	for _, op := range []operator{opIn, opNotIn, opLike, opNotLike, opContainsAny, opContainsAll, opContainsNo,
		opNull, opNotNull, opDuring, opBetween, opRegexp, opNotRegexp} {
		if p.accept(strings.Fields(string(op))...) {
			return op, nil
		}
	}
	if p.peek().kind == end {
		return "", p.unexpected("an operator")
	}
	return "", refuse(adserrors.QueryErrorEnum_BAD_OPERATOR, "Error in query: %s is not an operator.", p.peek().text)
}

func (p *parser) value() (literal, error) {
	t := p.peek()
	switch {
	case t.kind == number || t.kind == quoted || t.kind == word:
		p.pos++
		return literal{text: t.text, kind: t.kind}, nil
	case t.kind == symbol && t.text == "(":
		return literal{}, refuse(adserrors.QueryErrorEnum_EXPECTED_SINGLE_VALUE, "Error in query: the operator takes one value, not a list.")
	}
	return literal{}, p.unexpected("a value")
}

func (p *parser) list() (vs []literal, err error) {
	if !p.acceptSymbol("(") {
		return nil, refuse(adserrors.QueryErrorEnum_EXPECTED_LIST, "Error in query: the operator takes a list in parentheses.")
	}
	if p.acceptSymbol(")") {
		return nil, refuse(adserrors.QueryErrorEnum_PROHIBITED_EMPTY_LIST_IN_CONDITION, "Error in query: the list is empty.")
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if len(vs) > 0 && vs[0].kind != v.kind {
			return nil, refuse(adserrors.QueryErrorEnum_PROHIBITED_VALUE_COMBINATION_IN_LIST, "Error in query: the list mixes kinds of values at %s.", v.text)
		}
		vs = append(vs, v)
		if p.acceptSymbol(")") {
			return vs, nil
		}
		if !p.acceptSymbol(",") {
			return nil, p.unexpected("a comma or a closing parenthesis")
		}
	}
}

func (p *parser) orderClause(st *statement) error {
	if !p.accept("ORDER") {
		return nil
	}
	if !p.accept("BY") {
		return refuse(adserrors.QueryErrorEnum_EXPECTED_BY, "Error in query: BY should come after ORDER.")
	}
	for {
		f, err := p.fieldName()
		if err != nil {
			return err
		}
		o := ordering{field: f, desc: p.accept("DESC")}
		if !o.desc {
			p.accept("ASC")
		}
		st.order = append(st.order, o)
		if !p.acceptSymbol(",") {
			return nil
		}
	}
}

func (p *parser) limitClause(st *statement) error {
	if !p.accept("LIMIT") {
		return nil
	}
	t := p.next()
	n, err := strconv.ParseInt(t.text, 10, 64)
	switch {
	case t.kind != number || err != nil:
		return refuse(adserrors.QueryErrorEnum_BAD_LIMIT_VALUE, "Error in query: the value %q of LIMIT is not a whole number.", t.text)
	case n < 1:
		return refuse(adserrors.QueryErrorEnum_LIMIT_VALUE_TOO_LOW, "Error in query: the value %d of LIMIT must be at least 1.", n)
	}
	st.limit = int(min(n, math.MaxInt32))
	return nil
}

func (p *parser) parametersClause(st *statement) error {
	if !p.accept("PARAMETERS") {
		return nil
	}
	for {
		name, err := p.fieldName()
		if err != nil {
			return err
		}
		if name != "include_drafts" && name != "omit_unselected_resource_names" {
			return refuse(adserrors.QueryErrorEnum_BAD_PARAMETER_NAME, "Error in query: the parameter %s is not known.", name)
		}
		if !p.acceptSymbol("=") {
			return p.unexpected("=")
		}
		v, err := p.value()
		if err != nil {
			return err
		}
		st.params[name] = strings.ToLower(v.text)
		if b := st.params[name]; b != "true" && b != "false" {
			return refuse(adserrors.QueryErrorEnum_BAD_PARAMETER_VALUE, "Error in query: the parameter %s is true or false, not %s.", name, v.text)
		}
		if !p.acceptSymbol(",") {
			return nil
		}
	}
}
