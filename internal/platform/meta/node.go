package meta

import (
	"encoding/json"
	"fmt"
	"strconv"

	"adsteward/internal/money"
)

// node is a JSON object of the Graph API, which writes numbers now as numbers,
// now as strings, and leaves out what is not set.
type node map[string]any

// text returns a string or number as text; "" where there is none.
func (n node) text(key string) string {
	switch v := n[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (n node) child(key string) node {
	m, _ := n[key].(map[string]any)
	return m
}

func (n node) list(key string) []node {
	items, _ := n[key].([]any)
	out := make([]node, 0, len(items))
	for _, it := range items {
		if m, ok := it.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (n node) number(key string) (float64, error) {
	s := n.text(key)
	if s == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, not a number", key, s)
	}
	return f, nil
}

func (n node) integer(key string) (int64, error) {
	s := n.text(key)
	if s == "" {
		return 0, nil
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, not a whole number", key, s)
	}
	return i, nil
}

// amount reads an amount in Meta's smallest unit of the currency.
func (n node) amount(key string, unit money.Micros) (money.Micros, error) {
	i, err := n.integer(key)
	if err != nil {
		return 0, err
	}
	return scale(i, unit)
}

func scale(i int64, unit money.Micros) (money.Micros, error) {
	m := money.Micros(i) * unit
	if m/unit != money.Micros(i) {
		return 0, fmt.Errorf("%d is too large for an amount", i)
	}
	return m, nil
}
