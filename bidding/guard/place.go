package guard

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"adsteward/internal/civil"
)

// wrong is a setting that cannot be, by its key: step.default, monthly[0].budget.
type wrong struct{ key, says string }

func (w *wrong) Error() string { return w.key + " is " + w.says }

// placed says of wrong settings in which line of the file they are, or the nearest that
// they would be in.
func placed(file []byte, err error) error {
	if err == nil {
		return nil
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = slices.Clone(joined.Unwrap())
	}
	nodes := nodesOf(file)
	for i, e := range all {
		var w *wrong
		if !errors.As(e, &w) {
			continue
		}
		for key := w.key; key != ""; key = key[:max(0, strings.LastIndexAny(key, ".["))] {
			if n := nodes[key]; n != nil {
				all[i] = fmt.Errorf("line %d: %w", n.Line, e)
				break
			}
		}
	}
	return errors.Join(all...)
}

// nodesOf are the values of a file by their keys; none where it is no YAML.
func nodesOf(file []byte) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	var root yaml.Node
	if yaml.Unmarshal(file, &root) != nil || len(root.Content) == 0 {
		return out
	}
	var walk func(key string, n *yaml.Node)
	walk = func(key string, n *yaml.Node) {
		out[key] = n
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(strings.TrimPrefix(key+"."+n.Content[i].Value, "."), n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, c := range n.Content {
				walk(fmt.Sprintf("%s[%d]", key, i), c)
			}
		}
	}
	walk("", root.Content[0])
	return out
}

var dateKey = regexp.MustCompile(`^black_out\[\d+\]\.(from|to)$`)

// checkDates returns an error for each date that is none: the YAML package would not say
// where.
func checkDates(file []byte) error {
	var errs []error
	nodes := nodesOf(file)
	for _, key := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[key]
		if _, err := civil.Parse(n.Value); err != nil && dateKey.MatchString(key) && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			errs = append(errs, &wrong{key, fmt.Sprintf("%q; it must be a date of the form YYYY-MM-DD", n.Value)})
		}
	}
	return errors.Join(errs...)
}
