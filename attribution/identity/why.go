package identity

import (
	"cmp"
	"slices"
	"time"
)

// Evidence is that two identifiers were seen together: where, and when first.
type Evidence struct {
	A, B ID
	// Seen is where, for people: "order 1001", "visit".
	Seen  string
	First time.Time // zero where the source has no time
}

// Link is one step of the way from an identifier to another of the same person.
type Link struct {
	From  ID         `json:"from"`
	To    ID         `json:"to"`
	Seen  string     `json:"seen"`
	First *time.Time `json:"first_seen"` // null where the source has no time
}

// Reason is why an identifier is the person's.
type Reason struct {
	ID   ID     `json:"id"`
	Path []Link `json:"path"` // from the identifier asked for; empty for itself
}

// Left is an identifier that was seen with the person's and is not taken for theirs.
type Left struct {
	ID  ID     `json:"id"`
	Why string `json:"why"`
}

// Person is everything that is known of the person behind an identifier.
type Person struct {
	Of      ID       `json:"of"`
	Members []Reason `json:"members"` // by kind and value
	// Dropped join nobody since they are shared; Apart are kept apart by a split.
	Dropped []Left `json:"dropped"`
	Apart   []Left `json:"apart"`
}

// Explain stitches the evidence around an identifier and tells the shortest path of
// evidence to each identifier of its person; of paths of the same length the one
// whose pairs were seen first. Evidence must hold all that concerns the person.
func Explain(of ID, evidence []Evidence, l Limits, splits []Split) Person {
	s := New(l)
	s.Node(of)
	names := map[Node]ID{}
	name := func(id ID) Node {
		n := s.Node(id)
		names[n] = id
		return n
	}
	links := map[ID][]Evidence{}
	for _, e := range evidence {
		s.Join(name(e.A), name(e.B))
		links[e.A] = append(links[e.A], e)
		links[e.B] = append(links[e.B], Evidence{e.B, e.A, e.Seen, e.First})
	}
	names[s.Node(of)] = of
	persons := s.Solve(splits)
	out := Person{Of: of, Members: []Reason{}, Dropped: []Left{}, Apart: []Left{}}
	dropped := map[ID]bool{}
	for _, d := range persons.Dropped {
		dropped[names[d.Node]] = true
	}
	cut := map[[2]ID]bool{}
	for _, c := range persons.Cut {
		a, b := names[c[0]], names[c[1]]
		cut[[2]ID{a, b}], cut[[2]ID{b, a}] = true, true
	}
	for _, list := range links {
		slices.SortFunc(list, func(a, b Evidence) int {
			return cmp.Or(a.First.Compare(b.First), compareIDs(a.B, b.B), cmp.Compare(a.Seen, b.Seen))
		})
	}
	paths := map[ID][]Link{of: {}}
	for queue := []ID{of}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, e := range links[at] {
			if _, ok := paths[e.B]; ok || dropped[at] || dropped[e.B] || cut[[2]ID{e.A, e.B}] || !persons.Same(of, e.B) {
				continue
			}
			link := Link{From: e.A, To: e.B, Seen: e.Seen}
			if !e.First.IsZero() {
				link.First = &e.First
			}
			paths[e.B] = append(slices.Clone(paths[at]), link)
			queue = append(queue, e.B)
		}
	}
	for id, p := range paths {
		out.Members = append(out.Members, Reason{id, p})
	}
	slices.SortFunc(out.Members, func(a, b Reason) int { return compareIDs(a.ID, b.ID) })
	touches := func(id ID) bool {
		return slices.ContainsFunc(links[id], func(e Evidence) bool { _, ok := paths[e.B]; return ok })
	}
	for _, d := range persons.Dropped {
		if id := names[d.Node]; id == of || touches(id) {
			out.Dropped = append(out.Dropped, Left{id, d.Why})
		}
	}
	for _, c := range persons.Cut {
		a, b := names[c[0]], names[c[1]]
		if persons.Same(of, b) {
			a, b = b, a
		}
		if persons.Same(of, a) {
			out.Apart = append(out.Apart, Left{b, "seen with " + a.String() + ", but somebody said that they are not one person"})
		}
	}
	return out
}

func compareIDs(a, b ID) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}
