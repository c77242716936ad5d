package audiences_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"adsteward/audiences"
)

func TestOverlapByHand(t *testing.T) {
	t.Parallel()
	c := audiences.NewCensus("carts", "best")
	for range 60 {
		c.Add([]string{"carts"})
	}
	for range 40 {
		c.Add([]string{"best", "carts", "carts", "foreign"})
	}
	for range 100 {
		c.Add([]string{"best"})
	}
	carts := audiences.Reach{{Lists: []string{"carts"}}}
	best := audiences.Reach{{Lists: []string{"best"}}}
	onlyCarts := audiences.Reach{{Lists: []string{"carts"}, Without: []string{"best"}}}
	either := audiences.Reach{{Lists: []string{"best"}}, {Lists: []string{"carts"}}}
	for name, x := range map[string]struct {
		a, b            audiences.Reach
		sizeA, sizeB, n int
		share           float64
	}{
		"two lists":        {carts, best, 100, 140, 40, 0.4},
		"the same list":    {carts, carts, 100, 100, 100, 1},
		"one excluded":     {onlyCarts, best, 60, 140, 0, 0},
		"within the other": {onlyCarts, either, 60, 200, 60, 1},
	} {
		both := c.Both(x.a, x.b)
		if a, b := c.Size(x.a), c.Size(x.b); a != x.sizeA || b != x.sizeB || both != x.n || audiences.OverlapShare(both, a, b) != x.share {
			t.Errorf("%s: %d of %d and %d", name, both, a, b)
		}
	}
	for name, r := range map[string]audiences.Reach{
		"nobody is named":         nil,
		"no list":                 {{Without: []string{"best"}}},
		"a list kept by others":   {{Lists: []string{"carts", "foreign"}}},
		"one part is not known":   {{Lists: []string{"carts"}}, {Lists: []string{"foreign"}}},
		"who is left out, is not": {{Lists: []string{"carts"}, Without: []string{"foreign"}}},
	} {
		if c.Knows(r) {
			t.Errorf("%s: %v is taken for known", name, r)
		}
	}
	if !c.Knows(onlyCarts) || audiences.OverlapShare(0, 0, 5) != 0 {
		t.Error("lists of our own are not known")
	}
}

// TestOverlapProperties compares the counts with going through the people one by
// one.
func TestOverlapProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4, rapid.ID[string])
		reach := rapid.Custom(func(t *rapid.T) audiences.Reach {
			r := make(audiences.Reach, rapid.IntRange(1, 3).Draw(t, "parts"))
			for i := range r {
				r[i] = audiences.Part{Lists: some.Draw(t, "lists"), Without: some.Draw(t, "without")}
			}
			return r
		})
		people := rapid.SliceOfN(some, 0, 40).Draw(t, "people")
		c := audiences.NewCensus("a", "b", "c", "d")
		for _, p := range people {
			c.Add(p)
		}
		x, y := reach.Draw(t, "x"), reach.Draw(t, "y")
		reached := func(r audiences.Reach, person []string) bool {
			for _, part := range r {
				in, out := false, false
				for _, l := range person {
					in = in || slices.Contains(part.Lists, l)
					out = out || slices.Contains(part.Without, l)
				}
				if in && !out {
					return true
				}
			}
			return false
		}
		var nx, ny, n int
		for _, p := range people {
			if reached(x, p) {
				nx++
			}
			if reached(y, p) {
				ny++
			}
			if reached(x, p) && reached(y, p) {
				n++
			}
		}
		got := fmt.Sprint(c.Size(x), c.Size(y), c.Both(x, y))
		if want := fmt.Sprint(nx, ny, n); got != want || c.Both(x, y) != c.Both(y, x) {
			t.Fatalf("counted %s, by hand %s", got, want)
		}
		if s := audiences.OverlapShare(n, nx, ny); !(s >= 0 && s <= 1) {
			t.Fatalf("a share of %v", s)
		}
	})
}
