package identity

import (
	"cmp"
	"slices"
)

// None is the node of no identifier.
const None Node = -1

// Node is an identifier, by the number that a Stitcher gave it.
type Node int32

// Stitcher gathers which identifiers were seen together. It holds about 30 bytes
// an identifier and 8 a pair that is different, however often a pair is seen.
// Identifiers themselves it does not keep.
type Stitcher struct {
	limits Limits
	nodes  table
	kinds  []Kind
	hashes []uint64
	pairs  []uint64 // the lower node in the high half
}

// New returns a Stitcher without evidence.
func New(l Limits) *Stitcher { return &Stitcher{limits: l} }

// Node numbers an identifier; None where its value is empty.
func (s *Stitcher) Node(id ID) Node {
	if id.Value == "" {
		return None
	}
	h := id.hash()
	n, isNew := s.nodes.number(h)
	if isNew {
		s.kinds = append(s.kinds, id.Kind)
		s.hashes = append(s.hashes, h)
	}
	return Node(n)
}

// Join notes that two identifiers were seen together; None joins nothing.
func (s *Stitcher) Join(a, b Node) {
	if a == None || b == None || a == b {
		return
	}
	if a > b {
		a, b = b, a
	}
	if len(s.pairs) == cap(s.pairs) && len(s.pairs) >= 1<<16 {
		s.compact()
	}
	s.pairs = append(s.pairs, uint64(uint32(a))<<32|uint64(uint32(b)))
}

// compact leaves each pair once, and room for more where little was gained.
func (s *Stitcher) compact() {
	slices.Sort(s.pairs)
	s.pairs = slices.Compact(s.pairs)
	if len(s.pairs) > cap(s.pairs)*3/4 {
		s.pairs = slices.Grow(s.pairs, cap(s.pairs)/2)
	}
}

// Shared is an identifier that was dropped, since it is of more than one person
// or since somebody said so.
type Shared struct {
	Node Node
	Kind Kind
	Why  string
}

// Persons are the identifiers by person.
type Persons struct {
	s      *Stitcher
	parent []Node
	shared []bool
	// Dropped are the identifiers that join nobody, by kind and then by hash.
	Dropped []Shared
	// Cut are the pairs that were seen together and are kept apart by a split.
	Cut [][2]Node
}

// Solve joins what was seen together. An identifier that goes over the limits
// joins nobody. Where a split's identifiers would come out as one person, that
// person's pairs are joined anew, the strongest first, without those that would
// join the two sides.
func (s *Stitcher) Solve(splits []Split) *Persons {
	s.compact()
	p := &Persons{s: s, parent: make([]Node, len(s.kinds))}
	p.shared = p.drop(splits)
	p.reset(func(Node) bool { return true })
	for _, pair := range s.pairs {
		if a, b := ends(pair); !p.shared[a] && !p.shared[b] {
			p.union(a, b)
		}
	}
	p.split(splits)
	return p
}

func ends(pair uint64) (a, b Node) { return Node(pair >> 32), Node(uint32(pair)) }

// drop finds the identifiers that join nobody.
func (p *Persons) drop(splits []Split) []bool {
	s := p.s
	customers, visitors := make([]int32, len(s.kinds)), make([]int32, len(s.kinds))
	count := func(of, other Node) {
		switch s.kinds[other] {
		case Customer:
			customers[of]++
		case Visitor:
			visitors[of]++
		}
	}
	for _, pair := range s.pairs {
		a, b := ends(pair)
		count(a, b)
		count(b, a)
	}
	dropped := make([]bool, len(s.kinds))
	note := func(n Node, why string) {
		if why != "" && !dropped[n] {
			dropped[n] = true
			p.Dropped = append(p.Dropped, Shared{n, s.kinds[n], why})
		}
	}
	for _, x := range splits {
		if n, ok := s.known(x.A); ok && x.B.Value == "" {
			note(n, "somebody said that it is not one person's")
		}
	}
	for n, k := range s.kinds {
		note(Node(n), s.limits.Over(k, int(customers[n]), int(visitors[n])))
	}
	slices.SortFunc(p.Dropped, func(a, b Shared) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(s.hashes[a.Node], s.hashes[b.Node]))
	})
	return dropped
}

func (s *Stitcher) known(id ID) (Node, bool) {
	n, ok := s.nodes.find(id.hash())
	return Node(n), ok && id.Value != ""
}

// split separates what splits say is not one person.
func (p *Persons) split(splits []Split) {
	var apart [][2]Node
	torn := map[Node]bool{} // roots
	for _, x := range splits {
		a, okA := p.s.known(x.A)
		b, okB := p.s.known(x.B)
		if !okA || !okB || a == b {
			continue
		}
		apart = append(apart, [2]Node{a, b})
		if p.find(a) == p.find(b) {
			torn[p.find(a)] = true
		}
	}
	if len(torn) == 0 {
		return
	}
	var pairs []uint64
	for _, pair := range p.s.pairs {
		if a, b := ends(pair); torn[p.find(a)] && !p.shared[a] && !p.shared[b] {
			pairs = append(pairs, pair)
		}
	}
	slices.SortFunc(pairs, p.s.byStrength)
	again := make([]bool, len(p.parent))
	for n := range p.parent {
		again[n] = torn[p.find(Node(n))]
	}
	p.reset(func(n Node) bool { return again[n] })
	for _, pair := range pairs {
		a, b := ends(pair)
		if p.forbidden(apart, p.find(a), p.find(b)) {
			p.Cut = append(p.Cut, [2]Node{a, b})
			continue
		}
		p.union(a, b)
	}
}

func (p *Persons) forbidden(apart [][2]Node, a, b Node) bool {
	return slices.ContainsFunc(apart, func(x [2]Node) bool {
		u, v := p.find(x[0]), p.find(x[1])
		return u == a && v == b || u == b && v == a
	})
}

// byStrength sorts pairs by what joins them and then by their identifiers, not by
// their numbers, which depend on who came first.
func (s *Stitcher) byStrength(x, y uint64) int {
	kx, lx, hx, gx := s.rank(x)
	ky, ly, hy, gy := s.rank(y)
	return cmp.Or(cmp.Compare(lx, ly), cmp.Compare(kx, ky), cmp.Compare(hx, hy), cmp.Compare(gx, gy))
}

// rank is a pair's stronger and weaker kind, and the hashes in that order.
func (s *Stitcher) rank(pair uint64) (strong, weak Kind, h, g uint64) {
	a, b := ends(pair)
	if cmp.Or(cmp.Compare(s.kinds[a], s.kinds[b]), cmp.Compare(s.hashes[a], s.hashes[b])) > 0 {
		a, b = b, a
	}
	return s.kinds[a], s.kinds[b], s.hashes[a], s.hashes[b]
}

func (p *Persons) reset(which func(Node) bool) {
	for n := range p.parent {
		if which(Node(n)) {
			p.parent[n] = Node(n)
		}
	}
}

// find is the root of n's tree; paths are halved on the way.
func (p *Persons) find(n Node) Node {
	for p.parent[n] != n {
		p.parent[n] = p.parent[p.parent[n]]
		n = p.parent[n]
	}
	return n
}

// union joins by linking the larger number to the smaller one (which is what
// random linking comes to where numbers tell nothing of sizes: Goel et al. 2014).
func (p *Persons) union(a, b Node) {
	a, b = p.find(a), p.find(b)
	if a > b {
		a, b = b, a
	}
	p.parent[b] = a
}

// First is the person of the first of some nodes that is not shared: somebody who
// comes with a customer number and a device is who the number says. None where all
// are shared or None.
func (p *Persons) First(nodes ...Node) Node {
	for _, n := range nodes {
		if n != None && !p.shared[n] {
			return p.find(n)
		}
	}
	return None
}

// Count is how many identifiers there are, and how many persons they are.
func (p *Persons) Count() (identifiers, persons int) {
	for n := range p.parent {
		if p.find(Node(n)) == Node(n) {
			persons++
		}
	}
	return len(p.parent), persons
}

// Same says whether two identifiers are one person's; an identifier that was never
// seen is nobody's.
func (p *Persons) Same(a, b ID) bool {
	n, okA := p.s.known(a)
	m, okB := p.s.known(b)
	return okA && okB && p.find(n) == p.find(m)
}

// table numbers hashes in the order in which they come: open addressing, the
// slots a power of two.
type table struct {
	slots []entry
	used  int
}

type entry struct {
	hash   uint64 // 0: empty
	number int32
}

// at is the slot that holds h, or the one to put it.
func (t *table) at(h uint64) *entry {
	mask := uint64(len(t.slots) - 1)
	for i := h; ; i++ {
		if e := &t.slots[i&mask]; e.hash == h || e.hash == 0 {
			return e
		}
	}
}

func (t *table) find(h uint64) (int32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	e := t.at(h)
	return e.number, e.hash != 0
}

func (t *table) number(h uint64) (n int32, isNew bool) {
	if t.used*4 >= len(t.slots)*3 {
		old := t.slots
		t.slots = make([]entry, max(64, 2*len(old)))
		for _, e := range old {
			if e.hash != 0 {
				*t.at(e.hash) = e
			}
		}
	}
	e := t.at(h)
	if e.hash != 0 {
		return e.number, false
	}
	*e = entry{h, int32(t.used)}
	t.used++
	return e.number, true
}
