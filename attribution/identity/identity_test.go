package identity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func id(s string) ID {
	got, err := ParseID(s)
	if err != nil {
		panic(err)
	}
	return got
}

// stitched solves pairs written "customer:1 visitor:a".
func stitched(l Limits, splits []Split, pairs ...string) *Persons {
	s := New(l)
	for _, p := range pairs {
		a, b, _ := strings.Cut(p, " ")
		s.Join(s.Node(id(a)), s.Node(id(b)))
	}
	return s.Solve(splits)
}

func TestPersons(t *testing.T) {
	t.Parallel()
	p := stitched(DefaultLimits(), nil,
		"visitor:phone click:g1", "customer:1 click:g1", // bought under the phone's click
		"customer:1 email:h", "customer:guest email:h", // bought again as a guest
		"customer:guest visitor:laptop",
		"customer:2 visitor:other")
	for _, same := range []string{"visitor:phone", "visitor:laptop", "customer:guest", "email:h", "click:g1"} {
		if !p.Same(id("customer:1"), id(same)) {
			t.Errorf("%s is not customer 1's", same)
		}
	}
	for _, other := range []string{"customer:2", "visitor:other", "visitor:never", "click:h", "phone:h"} {
		if p.Same(id("customer:1"), id(other)) {
			t.Errorf("%s is taken for customer 1's", other)
		}
	}
	if p.First(None) != None {
		t.Error("nothing is somebody")
	}
}

func TestSharedIdentifiersJoinNobody(t *testing.T) {
	t.Parallel()
	var pairs []string
	for i := range 6 {
		pairs = append(pairs, fmt.Sprintf("customer:%d phone:callcentre", i), fmt.Sprintf("visitor:%d click:forwarded", i))
	}
	for i := range 101 {
		pairs = append(pairs, fmt.Sprintf("customer:guest visitor:g%d", i))
	}
	for i := range 5 { // a family
		pairs = append(pairs, fmt.Sprintf("customer:f%d visitor:family", i))
	}
	p := stitched(DefaultLimits(), nil, pairs...)
	var got []string
	for _, d := range p.Dropped {
		got = append(got, d.Kind.String()+": "+d.Why)
	}
	want := []string{"customer: seen with 101 visitors, more than 100: not one person's",
		"phone: seen with 6 customers, more than 5: a shared device, address or phone",
		"click: seen with 6 visitors, more than 5: a link that was passed on"}
	if !slices.Equal(got, want) {
		t.Errorf("dropped %q", got)
	}
	if p.Same(id("customer:0"), id("customer:1")) || p.Same(id("visitor:0"), id("visitor:1")) || p.Same(id("visitor:g0"), id("visitor:g1")) {
		t.Error("a shared identifier joins")
	}
	if !p.Same(id("customer:f0"), id("customer:f4")) {
		t.Error("a family's device does not join")
	}
}

func TestSplits(t *testing.T) {
	t.Parallel()
	pairs := []string{"customer:1 email:a", "customer:2 email:b", "customer:1 visitor:home", "customer:2 visitor:home", "visitor:home click:x"}
	one, two := id("customer:1"), id("customer:2")
	if !stitched(DefaultLimits(), nil, pairs...).Same(one, two) {
		t.Fatal("the device does not join")
	}
	p := stitched(DefaultLimits(), []Split{{one, two}}, pairs...)
	if p.Same(one, two) || !p.Same(one, id("email:a")) || !p.Same(two, id("email:b")) || len(p.Cut) != 1 {
		t.Errorf("not split where it should be: %v", p.Cut)
	}
	if p.Same(one, id("click:x")) == p.Same(two, id("click:x")) {
		t.Error("the device is nobody's or both's")
	}
	p = stitched(DefaultLimits(), []Split{{A: id("visitor:home")}}, pairs...)
	if p.Same(one, two) || len(p.Dropped) != 1 {
		t.Errorf("an identifier that was said to be nobody's joins: %v", p.Dropped)
	}
	if p := stitched(DefaultLimits(), []Split{{one, id("customer:never")}, {one, one}}, pairs...); !p.Same(one, two) {
		t.Error("splits of what is not there or of one identifier change something")
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2026, 3, day, 9, 0, 0, 0, time.UTC) }
	evidence := []Evidence{
		{id("visitor:phone"), id("click:g1"), "visit", at(1)},
		{id("customer:1"), id("click:g1"), "order 1001", at(2)},
		{id("customer:1"), id("email:h"), "customer record", time.Time{}},
		{id("customer:guest"), id("email:h"), "customer record", time.Time{}},
		{id("customer:guest"), id("visitor:laptop"), "visit", at(5)},
		{id("customer:1"), id("visitor:laptop"), "visit", at(9)},
	}
	p := Explain(id("visitor:phone"), evidence, DefaultLimits(), nil)
	paths := map[string]string{}
	for _, m := range p.Members {
		var via []string
		for _, l := range m.Path {
			via = append(via, l.To.String()+" ("+l.Seen+")")
		}
		paths[m.ID.String()] = strings.Join(via, ", ")
	}
	for who, want := range map[string]string{
		"visitor:phone":  "",
		"customer:1":     "click:g1 (visit), customer:1 (order 1001)",
		"visitor:laptop": "click:g1 (visit), customer:1 (order 1001), visitor:laptop (visit)",
		"customer:guest": "click:g1 (visit), customer:1 (order 1001), email:h (customer record), customer:guest (customer record)",
	} {
		if got, ok := paths[who]; !ok || got != want {
			t.Errorf("%s: %q", who, got)
		}
	}
	p = Explain(id("customer:1"), evidence, DefaultLimits(), []Split{{id("customer:1"), id("customer:guest")}})
	if isOf(p, "customer:guest") || !isOf(p, "visitor:phone") || len(p.Apart) == 0 || !strings.Contains(p.Apart[0].Why, "not one person") {
		t.Errorf("after the split: %+v", p)
	}
	if p := Explain(id("customer:none"), nil, DefaultLimits(), nil); len(p.Members) != 1 {
		t.Errorf("of nobody else: %+v", p)
	}
}

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "1001", "customer:", "Customer:1", "order:1"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if x := id("visitor:a:b"); x != (ID{Visitor, "a:b"}) || x.String() != "visitor:a:b" {
		t.Errorf("%+v", x)
	}
}

// Whatever order the evidence comes in, the persons are those that a search from
// pair to pair finds, and splits hold.
func TestPersonsDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	limits := Limits{Customers: 2, Visitors: 3, Clicked: 2}
	rapid.Check(t, func(t *rapid.T) {
		anID := rapid.Custom(func(t *rapid.T) ID {
			return ID{Kind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind")), rapid.StringMatching("[a-d]").Draw(t, "value")}
		})
		pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]ID { return [2]ID{anID.Draw(t, "a"), anID.Draw(t, "b")} }), 0, 25).Draw(t, "pairs")
		splits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Split { return Split{anID.Draw(t, "a"), anID.Draw(t, "b")} }), 0, 3).Draw(t, "splits")
		solve := func(pairs [][2]ID, splits []Split) *Persons {
			s := New(limits)
			for _, p := range pairs {
				s.Join(s.Node(p[0]), s.Node(p[1]))
			}
			return s.Solve(splits)
		}
		shuffled := slices.Clone(pairs)
		for i := range shuffled {
			if rapid.Bool().Draw(t, "turn") {
				shuffled[i][0], shuffled[i][1] = shuffled[i][1], shuffled[i][0]
			}
		}
		shuffled = append(rapid.Permutation(shuffled).Draw(t, "order"), pairs...) // and each twice
		p, q, whole := solve(pairs, splits), solve(shuffled, splits), solve(pairs, nil)
		var all []ID
		for _, x := range pairs {
			all = append(all, x[0], x[1])
		}
		for _, a := range all {
			for _, b := range all {
				if p.Same(a, b) != q.Same(a, b) {
					t.Fatalf("%v and %v are one person in one order only", a, b)
				}
				if whole.Same(a, b) != reaches(pairs, limits, a, b) {
					t.Fatalf("%v and %v: %v", a, b, whole.Same(a, b))
				}
			}
		}
		for _, x := range splits {
			if x.A != x.B && p.Same(x.A, x.B) {
				t.Fatalf("%v is not honoured", x)
			}
		}
	})
}

// reaches searches from pair to pair.
func reaches(pairs [][2]ID, l Limits, a, b ID) bool {
	near := map[ID]map[ID]bool{}
	for _, p := range pairs {
		for _, x := range [][2]ID{{p[0], p[1]}, {p[1], p[0]}} {
			if near[x[0]] == nil {
				near[x[0]] = map[ID]bool{}
			}
			if x[0] != x[1] {
				near[x[0]][x[1]] = true
			}
		}
	}
	shared := func(x ID) bool {
		customers, visitors := 0, 0
		for y := range near[x] {
			switch y.Kind {
			case Customer:
				customers++
			case Visitor:
				visitors++
			}
		}
		return l.Over(x.Kind, customers, visitors) != ""
	}
	if a == b {
		return true
	}
	seen := map[ID]bool{a: true}
	for queue := []ID{a}; len(queue) > 0; queue = queue[1:] {
		if shared(queue[0]) {
			continue
		}
		for y := range near[queue[0]] {
			if !seen[y] && !shared(y) {
				seen[y] = true
				queue = append(queue, y)
			}
		}
	}
	return seen[b]
}

// BenchmarkStitch joins ten million pairs of touches: five million click ids and
// two million visitors of one million customers.
func BenchmarkStitch(b *testing.B) {
	for b.Loop() {
		rnd := rand.New(rand.NewPCG(1, 2))
		s := New(DefaultLimits())
		for range 5_000_000 {
			customer, click := rnd.IntN(1_000_000), rnd.Uint64()
			visitor := s.Node(ID{Visitor, fmt.Sprint("v", 2*customer+rnd.IntN(2))})
			s.Join(visitor, s.Node(ID{Click, fmt.Sprintf("%016x", click)}))
			s.Join(visitor, s.Node(ID{Customer, fmt.Sprint(customer)}))
		}
		p := s.Solve(nil)
		if len(p.Dropped) > 0 {
			b.Fatal(len(p.Dropped))
		}
		b.ReportMetric(float64(len(s.kinds)), "ids")
		b.ReportMetric(float64(cap(s.pairs)*8+len(s.nodes.slots)*16+cap(s.hashes)*8+cap(s.kinds)+len(p.parent)*4)/(1<<20), "MiB-held")
	}
}

func isOf(p Person, who string) bool {
	return slices.ContainsFunc(p.Members, func(m Reason) bool { return m.ID.String() == who })
}
