// Package batch sends items to platforms that refuse a whole request because of
// one item in it. It finds the items that are to blame and gets the others
// through; how an item is written and what an answer means is the adapter's
// business.
package batch

import (
	"context"
	"errors"

	"adsteward/internal/platform"
)

// Refusal is a platform's refusal of a whole request because of some of its
// items: those at the positions in Items, each for its own reason, or any of
// them where Items is empty.
type Refusal struct {
	Err   *platform.Error
	Items map[int]*platform.Error
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Part is what one request decided.
type Part struct {
	At        []int // positions among the items given to Send
	RequestID string
	// Refused holds the reason of each item of the part where the platform
	// refused them, and is nil where it took them.
	Refused map[int]*platform.Error
}

// patience is how many requests are made for a batch of which nothing is taken.
// One bad item among ten thousand takes 28 to find.
const patience = 100

// Send sends the items in one request. Where the platform refuses it because of
// some of them, those are left out where it says which; where it does not,
// halves are sent, the larger before the smaller, until the ones to blame stand
// alone. An error of another kind ends it and is returned with the parts decided
// until then; so does the last refusal of many where nothing was taken, for then
// no item is to blame. An item is sent again only if it was refused before.
func Send[T any](ctx context.Context, items []T, send func(context.Context, []T) (requestID string, err error)) (parts []Part, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	all := make([]int, len(items))
	for i := range all {
		all[i] = i
	}
	taken := false
	queue := [][]int{all}
	for requests := 1; len(queue) > 0; requests++ {
		at := queue[0]
		queue = queue[1:]
		chosen := make([]T, len(at))
		for i, k := range at {
			chosen[i] = items[k]
		}
		id, err := send(ctx, chosen)
		if err == nil {
			parts, taken = append(parts, Part{At: at, RequestID: id}), true
			continue
		}
		r, ok := errors.AsType[*Refusal](err)
		if !ok {
			return parts, err
		}
		if requests == patience && !taken {
			return parts, r.ofAll()
		}
		bad, good := r.divide(at)
		if len(bad) == 0 { // nobody was named, or somebody who is not there
			half := len(at) / 2
			queue = append(queue, at[:half], at[half:])
			continue
		}
		parts = append(parts, refused(at, bad, r.Err.RequestID))
		if len(good) > 0 {
			queue = append(queue, good)
		}
	}
	return parts, nil
}

func refused(at []int, bad map[int]*platform.Error, requestID string) Part {
	part := Part{RequestID: requestID, Refused: bad}
	for _, k := range at {
		if bad[k] != nil {
			part.At = append(part.At, k)
		}
	}
	return part
}

// ofAll is the refusal as one of the whole batch.
func (r *Refusal) ofAll() *platform.Error {
	e := *r.Err
	e.Message = "whatever is sent is refused, so it is not for a single record: " + e.Message
	return &e
}

// divide tells the refused items from the others; an item alone is refused
// whatever was named.
func (r *Refusal) divide(at []int) (bad map[int]*platform.Error, good []int) {
	if len(at) == 1 {
		reason := r.Err
		if own := r.Items[0]; own != nil {
			reason = own
		}
		return map[int]*platform.Error{at[0]: reason}, nil
	}
	bad = map[int]*platform.Error{}
	for i := range r.Items {
		if i < 0 || i >= len(at) { // of no use: what is named is not what was sent
			return nil, nil
		}
	}
	for i, k := range at {
		if reason := r.Items[i]; reason != nil {
			bad[k] = reason
		} else {
			good = append(good, k)
		}
	}
	return bad, good
}
