package allocate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"adsteward/internal/badinput"
)

// locate is where a path begins, at its key where it has one, or what of its
// parents there is.
func locate(data []byte, want string) (at int) {
	found := -1
	walk(data, func(path string, here int, _ bool) bool {
		rest, ok := strings.CutPrefix(strings.ToLower(want), strings.ToLower(path))
		if ok && len(path) > found && (rest == "" || path == "" || rest[0] == '.' || rest[0] == '[') {
			at, found = here, len(path)
		}
		return found < len(want)
	})
	return at
}

// walk visits every value, and before it its key, until visit returns false.
// The text has been read once and is whole.
func walk(data []byte, visit func(path string, at int, key bool) bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var value func(path string) bool
	value = func(path string) bool {
		if !visit(path, next(data, int(dec.InputOffset())), false) {
			return false
		}
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch tok {
		case json.Delim('{'):
			for dec.More() {
				at := next(data, int(dec.InputOffset()))
				key, err := dec.Token()
				if err != nil {
					return false
				}
				child := strings.TrimPrefix(fmt.Sprintf("%s.%v", path, key), ".")
				if !visit(child, at, true) || !value(child) {
					return false
				}
			}
		case json.Delim('['):
			for i := 0; dec.More(); i++ {
				if !value(fmt.Sprintf("%s[%d]", path, i)) {
					return false
				}
			}
		default:
			return true
		}
		_, err = dec.Token()
		return err == nil
	}
	value("")
}

// repeated is the first field that an object has twice; the decoder takes
// capitals for small letters and mixes the two. The text has been read once and
// is whole, and every key of it is known.
func repeated(data []byte) *BadInput {
	type key struct {
		name string
		at   int
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	var open [][]key // of the objects, and an empty list for an array
	var object []bool
	isKey := false
	for {
		at := int(dec.InputOffset())
		tok, err := dec.Token()
		if err != nil {
			return nil
		}
		switch depth := len(open) - 1; {
		case tok == json.Delim('{') || tok == json.Delim('['):
			open, object = append(open, nil), append(object, tok == json.Delim('{'))
		case tok == json.Delim('}') || tok == json.Delim(']'):
			open, object = open[:depth], object[:depth]
		case isKey:
			name, at := tok.(string), next(data, at)
			for _, k := range open[depth] {
				if strings.EqualFold(k.name, name) {
					return twice(data, k.at, at)
				}
			}
			open[depth], isKey = append(open[depth], key{name, at}), false
			continue
		}
		isKey = len(object) > 0 && object[len(object)-1]
	}
}

// twice says where the field that begins at an offset is there already.
func twice(data []byte, first, at int) *BadInput {
	line, column := badinput.Position(data, first)
	bad := badAt(data, at, "", fmt.Sprintf("this field is in line %d, column %d already, capitals aside; remove one of the two", line, column))
	walk(data, func(path string, here int, _ bool) bool {
		bad.Path = path
		return here < at
	})
	return bad
}

// next is where the next token begins.
func next(data []byte, at int) int {
	for at < len(data) && bytes.IndexByte([]byte(" \t\r\n,:"), data[at]) >= 0 {
		at++
	}
	return at
}

func badAt(data []byte, at int, path, what string) *BadInput {
	b := &BadInput{Path: path, What: what}
	b.Line, b.Column = badinput.Position(data, at)
	return b
}
