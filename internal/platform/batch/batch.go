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

// Send sends the items in one request. Where the platform refuses it because of
// some of them, those are left out where it says which; where it does not,
// halves are sent until the one to blame stands alone. An error of another kind
// ends it and is returned with the parts decided until then. An item may be sent
// more than once only if it was refused before.
func Send[T any](ctx context.Context, items []T, send func(context.Context, []T) (requestID string, err error)) ([]Part, error) {
	s := &sending[T]{items: items, send: send}
	all := make([]int, len(items))
	for i := range all {
		all[i] = i
	}
	err := s.run(ctx, all)
	return s.parts, err
}

type sending[T any] struct {
	items []T
	send  func(context.Context, []T) (string, error)
	parts []Part
}

func (s *sending[T]) run(ctx context.Context, at []int) error {
	if len(at) == 0 {
		return nil
	}
	chosen := make([]T, len(at))
	for i, k := range at {
		chosen[i] = s.items[k]
	}
	id, err := s.send(ctx, chosen)
	if err == nil {
		s.parts = append(s.parts, Part{At: at, RequestID: id})
		return nil
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		return err
	}
	bad, good := r.divide(at)
	if len(bad) == 0 { // nobody was named, or nobody who is here
		half := len(at) / 2
		if err := s.run(ctx, at[:half]); err != nil {
			return err
		}
		return s.run(ctx, at[half:])
	}
	part := Part{RequestID: r.Err.RequestID, Refused: bad}
	for _, k := range at {
		if bad[k] != nil {
			part.At = append(part.At, k)
		}
	}
	s.parts = append(s.parts, part)
	return s.run(ctx, good)
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
