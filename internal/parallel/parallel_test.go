package parallel

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Each waits for the other: done one after the other they would never end.
func TestDoIsSideBySide(t *testing.T) {
	t.Parallel()
	a, b := make(chan int), make(chan int)
	if err := Do(func() error { a <- 1; <-b; return nil }, func() error { <-a; b <- 2; return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestDoTellsOfEveryFault(t *testing.T) {
	t.Parallel()
	one, other := errors.New("one"), errors.New("other")
	err := Do(func() error { return one }, func() error { return nil }, func() error { return other }, func() error { panic("a slip") })
	if !errors.Is(err, one) || !errors.Is(err, other) || !strings.Contains(err.Error(), "a slip") {
		t.Fatal(err)
	}
}

func TestAheadKeepsOrderAndFaults(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broken := errors.New("broken")
	count := func(to int, err error) func(func(int) error) error {
		return Ahead(ctx, func(fn func(int) error) error {
			for i := range to {
				if err := fn(i); err != nil {
					return err
				}
			}
			return err
		})
	}
	for _, n := range []int{0, 1, 256, 10_000} {
		next := 0
		if err := count(n, nil)(func(i int) error {
			if i != next {
				t.Fatalf("%d after %d of %d", i, next-1, n)
			}
			next++
			return nil
		}); err != nil || next != n {
			t.Fatalf("%d of %d rows: %v", next, n, err)
		}
	}
	if err := count(300, broken)(func(int) error { return nil }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if err := count(300, nil)(func(int) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

// What nobody asks for ends when it is called off.
func TestAheadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	Ahead(ctx, func(fn func(int) error) (err error) {
		for err == nil {
			err = fn(1)
		}
		ended <- err
		return err
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
