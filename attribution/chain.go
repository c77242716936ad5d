package attribution

// chain is the absorbing Markov chain of the journeys at one order. Its states
// are runs of k channels, and whole journeys that are shorter.
type chain struct {
	order    int
	channels []int32   // k of each state, -1 where there are fewer
	start    []float64 // probability of beginning there
	conv     []float64 // probability of converting from there
	value    []float64 // expected value of leaving from there

	// The steps into state s are first[s] to first[s+1] of from and p.
	first []int
	from  []int32
	p     []float64 // probability of the step where one is in from
}

// chain reads the chain of order k, at most g's own, from the counts.
func (g *grams) chain(k int) *chain {
	ch := &chain{order: k}
	states := ch.states(g)
	var steps []step
	out := make([]float64, len(ch.start)) // journeys that go on from there or leave
	var total sum
	for _, s := range g.slots {
		if s.weight == 0 {
			continue
		}
		from, to := states[s.from()], states[s.to]
		switch {
		case int(g.nodes[s.from()].length) >= k:
			if from != to { // a state does not lead to itself
				steps = append(steps, step{from, to, s.weight})
				out[from] += s.weight
			}
		case int(g.nodes[s.to].length) == k:
			ch.start[to] += s.weight
			total.add(s.weight)
		}
	}
	for i, n := range g.nodes {
		w := n.end.conv + n.end.nulls
		if w == 0 {
			continue
		}
		s := states[i]
		if int(n.length) < k {
			ch.start[s] += w
			total.add(w)
		}
		ch.conv[s] += n.end.conv
		ch.value[s] += n.end.value
		out[s] += w
	}
	for s := range out {
		ch.start[s] /= total.total()
		ch.conv[s] /= out[s]
		ch.value[s] /= out[s]
	}
	ch.link(steps, out)
	return ch
}

// step is how often one state led to another.
type step struct {
	from, to int32
	weight   float64
}

// states numbers the states in the order in which they first came, and says
// which state each run of g is in.
func (ch *chain) states(g *grams) []int32 {
	states := make([]int32, len(g.nodes))
	n := 0
	for i, v := range g.nodes {
		switch {
		case int(v.length) == ch.order, int(v.length) < ch.order && v.end.conv+v.end.nulls > 0:
			states[i] = int32(n)
			n++
			begin := len(ch.channels)
			for range ch.order {
				ch.channels = append(ch.channels, -1)
			}
			for at := v; at.length > 0; at = g.nodes[at.parent] {
				ch.channels[begin+int(at.length)-1] = at.channel
			}
		default:
			states[i] = -1
		}
	}
	for i, v := range g.nodes {
		if int(v.length) > ch.order { // a suffix is shorter, and may come later
			at := v
			for int(at.length) > ch.order+1 {
				at = g.nodes[at.suffix]
			}
			states[i] = states[at.suffix]
		}
	}
	ch.start, ch.conv, ch.value = make([]float64, n), make([]float64, n), make([]float64, n)
	return states
}

// link stores the steps by where they lead, those that are the same as one.
func (ch *chain) link(steps []step, out []float64) {
	steps = sorted(steps, len(out), func(s step) int32 { return s.from })
	steps = sorted(steps, len(out), func(s step) int32 { return s.to })
	ch.first = make([]int, len(ch.start)+1)
	for i, s := range steps {
		if i == 0 || s.to != steps[i-1].to || s.from != steps[i-1].from {
			ch.from = append(ch.from, s.from)
			ch.p = append(ch.p, 0)
		}
		ch.p[len(ch.p)-1] += s.weight
		ch.first[s.to+1] = len(ch.p)
	}
	for s := range out {
		ch.first[s+1] = max(ch.first[s+1], ch.first[s]) // where nothing leads
	}
	for i, from := range ch.from {
		ch.p[i] /= out[from]
	}
}

// sorted sorts steps by a state of theirs, and leaves the order of equal ones.
func sorted(steps []step, states int, key func(step) int32) []step {
	next := make([]int, states+1) // where the next one of each state goes
	for _, s := range steps {
		next[key(s)+1]++
	}
	for s := range states {
		next[s+1] += next[s]
	}
	out := make([]step, len(steps))
	for _, s := range steps {
		out[next[key(s)]] = s
		next[key(s)]++
	}
	return out
}
