package allocate

import (
	"fmt"
	"testing"
)

// A search that ends early keeps within the bounds and says truly how much may
// be missing.
func TestLimitedSearchSaysHowMuchMayBeMissing(t *testing.T) {
	t.Parallel()
	total := 130.0
	p := Problem{Total: &total}
	for i := range 12 {
		p.Items = append(p.Items, Item{ID: fmt.Sprint(i), Max: 100, Worth: 1, Curve: Hill{Coef: 140 + float64(i*i%7), Alpha: 3, Gamma: 36 + float64(i*i%5)}})
	}
	for g := range 4 {
		p.Groups = append(p.Groups, Group{Name: fmt.Sprint(g), IDs: []string{fmt.Sprint(g), fmt.Sprint(g + 4), fmt.Sprint(g + 8)}, Max: 55})
	}
	whole, err := Solve(p)
	if err != nil || whole.Status != Optimal || whole.Gap != 0 {
		t.Fatalf("%+v, %v", whole, err)
	}
	for patience := range 40 {
		s, err := newSolver(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		s.effort.patience = 30 * patience * len(p.Items)
		hull, ok := s.relax(1)
		if !ok {
			t.Fatal("not within the bounds")
		}
		r, gap := s.branch(hull)
		found := s.profit(r.x)
		if found > whole.Objective*(1+tolerance) || found+gap < whole.Objective*(1-tolerance) {
			t.Errorf("patience %d: %v found and %v possible, where %v is the optimum", patience, found, gap, whole.Objective)
		}
		if patience == 0 && gap == 0 {
			t.Error("the problem is too easy: its hull is its optimum")
		}
	}
}
