package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"adsteward/internal/platform"
	"adsteward/internal/platform/batch"
)

func rejection(code string) *platform.Error {
	return &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Code: code, RequestID: "e"}
}

// TestSendFindsTheItemsToBlame: whichever items a platform cannot take, and
// however many of them it names, each ends in one part, refused if and only if
// it is to blame, and none that was taken is sent again.
func TestSendFindsTheItemsToBlame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bad := rapid.SliceOfN(rapid.Bool(), 0, 40).Draw(t, "bad")
		names := rapid.IntRange(0, 3).Draw(t, "names")                // at most so many are named
		wrong := rapid.SampledFrom([]int{0, -1, 99}).Draw(t, "wrong") // where not 0, another is named that is not there
		items := make([]int, len(bad))
		for i := range items {
			items[i] = i
		}
		taken := map[int]int{}
		requests := 0
		parts, err := batch.Send(context.Background(), items, func(_ context.Context, some []int) (string, error) {
			requests++
			named, refused := map[int]*platform.Error{}, false
			for i, k := range some {
				if !bad[k] {
					continue
				}
				if refused = true; len(named) < names {
					named[i] = rejection(fmt.Sprint(k))
				}
			}
			if !refused {
				for _, k := range some {
					taken[k]++
				}
				return fmt.Sprint("r", requests), nil
			}
			if wrong != 0 {
				named[wrong] = rejection("nobody")
			}
			return "", fmt.Errorf("wrapped: %w", &batch.Refusal{Err: rejection("whole"), Items: named})
		})
		if err != nil {
			t.Fatal(err)
		}
		var seen []int
		for _, p := range parts {
			seen = append(seen, p.At...)
			for _, k := range p.At {
				reason := p.Refused[k]
				if (reason != nil) != bad[k] || (p.Refused != nil) != bad[k] {
					t.Fatalf("item %d, bad %v: %v", k, bad[k], p)
				}
				if bad[k] && names > 0 && wrong == 0 && reason.Code != fmt.Sprint(k) {
					t.Fatalf("item %d has the reason of %s", k, reason.Code)
				}
			}
		}
		slices.Sort(seen)
		if !slices.Equal(seen, items) {
			t.Fatalf("decided %v of %d", seen, len(items))
		}
		for k, n := range taken {
			if n != 1 {
				t.Fatalf("item %d was taken %d times", k, n)
			}
		}
		if worst := 2*len(items) + 1; requests > worst {
			t.Fatalf("%d requests for %d items, at most %d are needed", requests, len(items), worst)
		}
	})
}

// TestSendEndsWhereNothingIsTaken: a platform that refuses everything without
// saying why is not asked once for each item; one that refuses many of them, all
// in one place, is.
func TestSendEndsWhereNothingIsTaken(t *testing.T) {
	t.Parallel()
	items := make([]int, 10_000)
	for i := range items {
		items[i] = i
	}
	for _, tc := range []struct{ bad, taken, most int }{{10_000, 0, 100}, {3_000, 7_000, 6_100}, {1, 9_999, 28}} {
		requests, taken := 0, 0
		parts, err := batch.Send(t.Context(), items, func(_ context.Context, some []int) (string, error) {
			requests++
			if some[0] < tc.bad { // the bad ones come first
				return "", &batch.Refusal{Err: rejection("whole")}
			}
			taken += len(some)
			return "r", nil
		})
		if taken != tc.taken || requests > tc.most {
			t.Errorf("%d bad: %d taken in %d requests, want %d in at most %d", tc.bad, taken, requests, tc.taken, tc.most)
		}
		if e, ok := errors.AsType[*platform.Error](err); ok != (tc.taken == 0) || ok && (e.Kind != platform.Rejected || len(parts) != 0) {
			t.Errorf("%d bad: %v after %d parts", tc.bad, err, len(parts))
		}
	}
}

func TestConversionsStopAtAFailure(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	write := func(c platform.Conversion) (string, error) {
		if c.OrderID == "" {
			return "", rejection("written")
		}
		return c.OrderID, nil
	}
	cs := []platform.Conversion{{OrderID: "a"}, {}, {OrderID: "b"}, {OrderID: "c"}, {OrderID: "d"}, {OrderID: "e"}}
	for _, tc := range []struct {
		fails int    // the request that does, from 1
		want  string // of the results: taken, written off, boom
	}{{0, "tWtttt"}, {2, "tWtbbb"}, {3, "tWtttb"}} {
		requests := 0
		results, err := batch.Conversions(t.Context(), cs, 2, write, func(_ context.Context, some []string) (string, error) {
			if requests++; requests == tc.fails {
				return "", boom
			}
			return fmt.Sprint("r", requests), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range results {
			switch {
			case r.Err == nil && r.RequestID != "":
				got += "t"
			case errors.Is(r.Err, boom):
				got += "b"
			case platform.KindOf(r.Err) == platform.Rejected:
				got += "W"
			default:
				got += "?"
			}
		}
		if got != tc.want {
			t.Errorf("request %d fails: %s, want %s", tc.fails, got, tc.want)
		}
	}
	results, err := batch.Conversions(t.Context(), cs, 2, write, func(context.Context, []string) (string, error) { return "", boom })
	if results != nil || !errors.Is(err, boom) {
		t.Errorf("nothing was told: %v, %v", results, err)
	}
}
