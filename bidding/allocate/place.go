package allocate

import (
	"bytes"
	"errors"
	"fmt"
)

// BadItem names the item that a problem cannot be solved for.
type BadItem struct {
	ID   string
	Draw int // -1: it is not about one draw
	What string
}

func (e *BadItem) Error() string { return e.What }

// Place adds to what Solve says of a problem where in the text it was read from
// the constraint or the item is that it names.
func Place(data []byte, p Problem, err error) error {
	path := ""
	var not *Infeasible
	var bad *BadItem
	switch {
	case errors.As(err, &not):
		path = p.pathOf(not)
	case errors.As(err, &bad):
		if path = p.pathOfItem(bad.ID); bad.Draw >= 0 {
			path += fmt.Sprintf(".curve.draws[%d]", bad.Draw)
		}
	}
	if path == "" {
		return err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return badAt(data, locate(data, path), path, err.Error())
}

// pathOf is the path of a constraint.
func (p Problem) pathOf(not *Infeasible) string {
	if not.Constraint == "total" {
		return "total"
	}
	for i, g := range p.Groups {
		if not.Constraint == fmt.Sprintf("group %q", g.Name) {
			return fmt.Sprintf("groups[%d].%s", i, not.Bound)
		}
	}
	for i, it := range p.Items {
		if not.Constraint == fmt.Sprintf("item %q", it.ID) {
			return fmt.Sprintf("items[%d].%s", i, not.Bound)
		}
	}
	return ""
}

func (p Problem) pathOfItem(id string) string {
	for i, it := range p.Items {
		if it.ID == id {
			return fmt.Sprintf("items[%d]", i)
		}
	}
	return ""
}
