// Package parallel does things that do not depend on each other side by side.
package parallel

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Do calls all functions at once, waits for all of them and joins their errors.
// A panic in one becomes its error, for nobody could recover it elsewhere.
func Do(functions ...func() error) error {
	errs := make([]error, len(functions))
	var all sync.WaitGroup
	for i, f := range functions {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("internal fault: %v\n%s", p, debug.Stack())
				}
			}()
			errs[i] = f()
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Ahead starts a reading that hands over rows one by one, and returns what gives
// these rows, in their order, to whoever calls it, once. Tens of thousands of rows are
// read before they are asked for; the reading ends with ctx, which the caller has to
// cancel where it may not ask for all of them.
func Ahead[T any](ctx context.Context, read func(fn func(T) error) error) func(fn func(T) error) error {
	const size, most = 256, 128
	full := make(chan []T, most)
	var fault error // read once full is closed
	go func() {
		defer close(full)
		fault = Do(func() error {
			var rows []T
			hand := func() error {
				select {
				case full <- rows:
					rows = make([]T, 0, size)
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := read(func(row T) error {
				if rows = append(rows, row); len(rows) < size {
					return nil
				}
				return hand()
			}); err != nil {
				return err
			}
			return hand()
		})
	}()
	return func(fn func(T) error) error {
		for rows := range full {
			for _, row := range rows {
				if err := fn(row); err != nil {
					return err
				}
			}
		}
		return fault
	}
}
