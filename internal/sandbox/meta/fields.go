package meta

import (
	"strings"
)

// object is a node of the graph: its type for messages, its values, the names
// it may be asked for though it has no value, and its edges.
type object struct {
	kind   string
	values map[string]any
	known  string // further field names, separated by spaces
	fixed  []string
	// edge returns the objects behind a field, and whether it is a list of them;
	// nil where there is no such edge.
	edge func(name string) (items []object, list bool, ok bool)
}

// always adds names to what is answered whatever is asked for.
func (o object) always(names ...string) object {
	o.fixed = names
	return o
}

// field is one of a request's fields, with those asked for of what it leads to:
// adsets.limit(5){id,name}.
type field struct {
	name string
	sub  []field
}

// parseFields reads Graph's field syntax. Arguments such as .limit(5) are read
// and passed over.
func parseFields(s string) ([]field, *graphError) {
	p := &fieldParser{s: s}
	out := p.list()
	if p.bad || p.at < len(p.s) {
		return nil, &graphError{status: 400, Code: 2500, Type: "OAuthException", Message: "Syntax error in the fields parameter: " + s}
	}
	return out, nil
}

type fieldParser struct {
	s   string
	at  int
	bad bool
}

func (p *fieldParser) list() []field {
	var out []field
	for {
		f := field{name: p.name()}
		for p.take('.') {
			p.name()
			if p.take('(') {
				p.skipTo(')')
			}
		}
		if p.take('{') {
			f.sub = p.list()
			if !p.take('}') {
				p.bad = true
			}
		}
		if f.name != "" {
			out = append(out, f)
		}
		if p.bad || !p.take(',') {
			return out
		}
	}
}

func (p *fieldParser) name() string {
	start := p.at
	for p.at < len(p.s) && !strings.ContainsRune(",.{}()", rune(p.s[p.at])) {
		p.at++
	}
	return strings.TrimSpace(p.s[start:p.at])
}

func (p *fieldParser) take(c byte) bool {
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *fieldParser) skipTo(c byte) {
	i := strings.IndexByte(p.s[p.at:], c)
	if i < 0 {
		p.bad = true
		return
	}
	p.at += i + 1
}

// selected returns the asked-for fields of an object; without any, its id. A
// field that has no value is left out, one that does not exist is an error.
func (o object) selected(fields []field) (map[string]any, *graphError) {
	out := map[string]any{}
	if id, ok := o.values["id"]; ok {
		out["id"] = id
	}
	for _, name := range o.fixed {
		out[name] = o.values[name]
	}
	for _, f := range fields {
		if o.edge != nil {
			items, list, ok := o.edge(f.name)
			if ok {
				v, fail := selectedEdge(items, list, f.sub)
				if fail != nil {
					return nil, fail
				}
				if v != nil {
					out[f.name] = v
				}
				continue
			}
		}
		v, ok := o.values[f.name]
		if ok {
			out[f.name] = v
		} else if !hasWord(o.known, f.name) {
			return nil, invalid("Tried accessing nonexisting field (%s) on node type (%s)", f.name, o.kind)
		}
	}
	return out, nil
}

func selectedEdge(items []object, list bool, sub []field) (any, *graphError) {
	data := make([]any, 0, len(items))
	for _, it := range items {
		v, fail := it.selected(sub)
		if fail != nil {
			return nil, fail
		}
		data = append(data, v)
	}
	if list {
		return map[string]any{"data": data}, nil
	}
	if len(data) == 0 {
		return nil, nil
	}
	return data[0], nil
}

func hasWord(words, w string) bool {
	for have := range strings.FieldsSeq(words) {
		if have == w {
			return true
		}
	}
	return false
}
