package parallel

import (
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
