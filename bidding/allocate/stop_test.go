package allocate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"adsteward/bidding/allocate"
)

// asked is a context that ends after it has been asked a number of times.
type asked struct {
	context.Context
	left int
}

func (a *asked) Err() error {
	if a.left--; a.left < 0 {
		return context.Canceled
	}
	return nil
}

// Whatever is solved when nobody waits any more, every search ends soon: none of
// them asks for long whether it may go on.
func TestSolvingStops(t *testing.T) {
	t.Parallel()
	few := uncertain(1, 20, 30, "power")
	for name, p := range map[string]allocate.Problem{
		"groups": draws{rand.New(rand.NewPCG(5, 1))}.grouped(200, 3, 5, 0.3), "s-shaped": hills(200, 1.5, 3), "concave": hills(200, 0.5, 1),
		"mean": few, "cvar": risky(few, allocate.CVaR, 0.2), "quantile": risky(few, allocate.Quantile, 0.2),
	} {
		whole := &asked{t.Context(), 1 << 40}
		if _, err := allocate.SolveContext(whole, p); err != nil {
			t.Fatal(name, err)
		}
		all := 1<<40 - whole.left
		for part := range 20 {
			ctx := &asked{t.Context(), all * part / 20}
			if _, err := allocate.SolveContext(ctx, p); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, stopped at %d of 20: %v", name, part, err)
			}
			if most := 10 + 5*len(p.Groups); -ctx.left > most {
				t.Errorf("%s, stopped at %d of 20, asks %d times more; all in all it does %d times", name, part, -ctx.left, all)
			}
		}
	}
}
