package simulate

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// changesOf plays nights of a policy and lists what it changed.
func changesOf(t *testing.T, sc *market.Scenario, p Policy, nights int) []market.Event {
	t.Helper()
	short := *sc
	short.Nights = nights
	g, err := play(t.Context(), &short, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g.market.Changes("")
}

func TestRulesFollowReportedROAS(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	target := breakEven(sc)
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]money.Micros{}
	room := amount(sc.TotalDailyBudget)
	for i, r := range lastDays(m) {
		b := amount(sc.Campaigns[i].Budget)
		if room -= b; r.conversions >= rulesConversions && r.value/r.spend < rulesDown*target {
			want[sc.Campaigns[i].ID] = b * 8 / 10
			room += b * 2 / 10
		}
	}
	for _, e := range changesOf(t, sc, Rules, 1) {
		if w, cut := want[e.Key]; cut && e.New != w {
			t.Errorf("%s went from %s to %s, want %s", e.Key, e.Old.Decimal(), e.New.Decimal(), w.Decimal())
		} else if !cut && e.New > e.Old+min(room, e.Old/5) {
			t.Errorf("%s grew from %s to %s with room for %s", e.Key, e.Old.Decimal(), e.New.Decimal(), room.Decimal())
		}
		delete(want, e.Key)
	}
	if len(want) > 0 {
		t.Errorf("not cut: %v", want)
	}
}

func TestRulesKeepBoundsTotalAndRest(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	sc.TotalDailyBudget = 360
	for i := range sc.Campaigns {
		sc.Campaigns[i].Margin = 0.9 // everything looks worth growing
		sc.Campaigns[i].MaxBudget = sc.Campaigns[i].Budget * 1.5
	}
	g, err := play(t.Context(), sc, Rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	changes, broken := judge(g.market)
	if changes == 0 || len(broken) != 0 {
		t.Errorf("%d changes, violations %+v", changes, broken)
	}
	if sum := sumOf(levers(g.market)); sum > amount(360) || sum < amount(359) {
		t.Errorf("the budgets add up to %s, want the total of 360 used up", sum.Decimal())
	}
}

// The oracle's first night is the best single step there is: no pair of changes
// within step, bounds and total earns more.
func TestOracleStepIsOptimal(t *testing.T) {
	t.Parallel()
	o := oracleOf(t, scenario(t, "calm"))
	s := o.start()
	best, err := o.stepping(0.15, 7, false)(s)
	if err != nil {
		t.Fatal(err)
	}
	value := func(b []float64) (sum float64) {
		for i := range b {
			sum += o.mean(&s.levers[i], b[i], 0, 7)
		}
		return sum
	}
	for i := range best {
		for j := range best {
			for _, d := range []float64{0.5, 2} {
				moved := append([]float64(nil), best...)
				moved[i] += d
				moved[j] -= d
				inside := true
				for k, b := range moved {
					seen := s.levers[k].budget.Float()
					inside = inside && math.Abs(b-seen) <= 0.15*seen
				}
				if inside && value(moved) > value(best)+0.02 {
					t.Errorf("moving %g from %s to %s earns %.3f more", d, s.levers[j].key, s.levers[i].key, value(moved)-value(best))
				}
			}
		}
	}
}

func TestHull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		x, y := make([]float64, n), make([]float64, n)
		at := 0.0
		for i := range n {
			at += rapid.Float64Range(0.1, 10).Draw(t, "dx")
			x[i], y[i] = at, rapid.Float64Range(-100, 100).Draw(t, "y")
		}
		h := hullOf(x, y)
		for i := range n {
			if h.Value(x[i]) < y[i]-1e-9 {
				t.Fatalf("the hull lies below the point %v, %v", x[i], y[i])
			}
		}
		before := math.Inf(1)
		for k := 1; k < len(h.x); k++ {
			s := h.slope(k)
			if s > before+1e-9 {
				t.Fatalf("slopes rise from %v to %v", before, s)
			}
			if got := h.InverseSlope(s); got < h.x[k] {
				t.Fatalf("the slope is at least %v up to %v, not %v", s, h.x[k], got)
			}
			before = s
		}
		if got := h.InverseSlope(1e9); got != h.x[0] {
			t.Fatalf("nothing is as steep as that, yet %v", got)
		}
	})
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	var n network
	if _, err := n.Dial(t.Context(), "127.0.0.1:1"); err == nil {
		t.Error("nothing listens there")
	}
	a, err := n.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if a.Addr().String() == b.Addr().String() {
		t.Errorf("both listen on %s", a.Addr())
	}
	for _, l := range []interface{ Close() error }{a, b} {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
