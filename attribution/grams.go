package attribution

// grams counts how journeys go on after each run of at most order channels. It
// is a trie of the runs in which a full run goes on to the run that has lost its
// first channel and gained one, so that adding a touch is one look-up, whatever
// the order. The chain of every order up to its own can be read from it.
type grams struct {
	order int
	nodes []node // 0 is the start: no channel yet
	slots []slot // steps by hash, a power of two of them
	used  int
}

// node is a run of channels.
type node struct {
	parent  int32 // the run without its last channel
	suffix  int32 // the run without its first channel
	channel int32 // its last channel
	length  int32
	end     end
}

// end counts the journeys that end in a run.
type end struct{ conv, value, nulls float64 }

// slot is the step from a run by a channel, to the run that it makes.
type slot struct {
	key    uint64 // run + 1 and channel; 0: empty
	to     int32
	weight float64 // journeys; 0 where no journey starts by this run
}

func newGrams(order int) *grams {
	return &grams{order: order, nodes: make([]node, 1), slots: make([]slot, 64)}
}

// add counts the steps and the end of a path.
func (g *grams) add(path []int32, e end) {
	if g.order == 0 {
		return
	}
	w := e.conv + e.nulls
	at := int32(0)
	for _, c := range path {
		s := g.step(at, c)
		s.weight += w
		at = s.to
	}
	g.nodes[at].end.add(e)
}

func (e *end) add(o end) {
	e.conv += o.conv
	e.value += o.value
	e.nulls += o.nulls
}

// step finds or makes the slot of a step. The pointer is good until the next one
// is made.
func (g *grams) step(from, channel int32) *slot {
	key := uint64(from+1)<<32 | uint64(channel)
	for {
		s := g.find(key)
		if s.key != 0 {
			return s
		}
		to := g.target(from, channel) // makes steps itself
		if g.used++; g.used*4 > len(g.slots)*3 {
			g.resize(len(g.slots) * 2)
		}
		*g.find(key) = slot{key: key, to: to}
	}
}

// target is the run that a step makes.
func (g *grams) target(from, channel int32) int32 {
	n := g.nodes[from]
	suffix := int32(0)
	if from != 0 {
		suffix = g.step(n.suffix, channel).to
	}
	if int(n.length) == g.order {
		return suffix
	}
	g.nodes = append(g.nodes, node{parent: from, suffix: suffix, channel: channel, length: n.length + 1})
	return int32(len(g.nodes) - 1)
}

// find is the slot that holds the key, or the one to put it.
func (g *grams) find(key uint64) *slot {
	mask := uint64(len(g.slots) - 1)
	h := key * 0x9e3779b97f4a7c15
	for i := h >> 32; ; i++ {
		if s := &g.slots[i&mask]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (g *grams) resize(slots int) {
	old := g.slots
	g.slots = make([]slot, slots)
	for _, s := range old {
		if s.key != 0 {
			*g.find(s.key) = s
		}
	}
}

// merge adds o, of the same order, whose channels are called ids here.
func (g *grams) merge(o *grams, ids []int32) {
	if len(g.slots) < len(o.slots) { // filled in o's order, a smaller table would clog
		g.resize(len(o.slots))
	}
	runs := make([]int32, len(o.nodes))
	for i, n := range o.nodes {
		if i > 0 {
			runs[i] = g.step(runs[n.parent], ids[n.channel]).to
		}
		g.nodes[runs[i]].end.add(n.end)
	}
	for _, s := range o.slots {
		if s.weight > 0 {
			g.step(runs[s.from()], ids[s.channel()]).weight += s.weight
		}
	}
}

func (s slot) from() int32    { return int32(s.key>>32) - 1 }
func (s slot) channel() int32 { return int32(uint32(s.key)) }
