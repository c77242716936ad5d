package bidding

import "fmt"

// State is where a proposal stands. The diagram is in docs/architecture.md.
type State string

const (
	Proposed   State = "proposed"
	Approved   State = "approved"
	Rejected   State = "rejected"
	Expired    State = "expired"
	Superseded State = "superseded"
	Applying   State = "applying"
	Applied    State = "applied"
	Failed     State = "failed"
	Unknown    State = "unknown" // sent, but the answer never came; settled by reading
	Measured   State = "measured"
)

// States lists every state in the order of a proposal's life.
var States = []State{Proposed, Approved, Rejected, Expired, Superseded, Applying, Unknown, Applied, Failed, Measured}

// next holds every allowed transition.
var next = map[State][]State{
	Proposed: {Approved, Rejected, Expired, Superseded},
	Approved: {Proposed, Rejected, Expired, Superseded, Applying}, // back to proposed: an edit after approval voids it
	Applying: {Applied, Failed, Unknown},
	Unknown:  {Applied, Failed},
	Applied:  {Measured},
}

// CanMove reports whether a proposal may go from one state to another.
func CanMove(from, to State) bool {
	for _, s := range next[from] {
		if s == to {
			return true
		}
	}
	return false
}

// Move returns nil if the transition is allowed, else an error that says what is.
func Move(from, to State) error {
	if CanMove(from, to) {
		return nil
	}
	if len(next[from]) == 0 {
		return fmt.Errorf("it is %s, and that is final", from)
	}
	return fmt.Errorf("it is %s; from there it can only become %v, not %s", from, next[from], to)
}

// Open reports whether the proposal still waits for a decision or a push.
func (s State) Open() bool { return s == Proposed || s == Approved }

// Pending reports whether a push of it was begun and not finished.
func (s State) Pending() bool { return s == Applying || s == Unknown }

// Outcome is what became of one proposal in a request that named it. Err says
// why it did not become what was asked; State is where it stands now.
type Outcome struct {
	ID    string
	State State
	Err   error
}
