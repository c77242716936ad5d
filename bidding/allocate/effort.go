package allocate

import "context"

// maxLooks ends the search over S-shaped curves: the spends of one item at one
// price looked for, some seconds' worth. It is a count and no time, so that a
// problem has the same answer on every machine.
const maxLooks = 12_000_000

// effort is what a solver, and all that it has solve parts of its problem, have
// done and may do.
type effort struct {
	ctx             context.Context
	looks, patience int
}

// stopped reports whether nobody waits for the answer any more. What is found
// then is of no use, and every loop ends as soon as it can.
func (e *effort) stopped() bool { return e.ctx.Err() != nil }

// over reports whether the search has to make do with what it has.
func (e *effort) over() bool { return e.looks > e.patience || e.stopped() }
