package bidding_test

import (
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
)

// Every transition, allowed and not.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	allowed := map[bidding.State]string{
		bidding.Proposed:   "approved rejected expired superseded",
		bidding.Approved:   "proposed rejected expired superseded applying",
		bidding.Applying:   "applied failed unknown",
		bidding.Unknown:    "applied failed",
		bidding.Applied:    "measured",
		bidding.Rejected:   "",
		bidding.Expired:    "",
		bidding.Superseded: "",
		bidding.Failed:     "",
		bidding.Measured:   "",
	}
	if len(allowed) != len(bidding.States) {
		t.Fatalf("the table has %d states, bidding.States %d", len(allowed), len(bidding.States))
	}
	for _, from := range bidding.States {
		for _, to := range bidding.States {
			want := slices.Contains(strings.Fields(allowed[from]), string(to))
			if got := bidding.CanMove(from, to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
			if err := bidding.Move(from, to); (err == nil) != want {
				t.Errorf("Move(%s, %s) = %v", from, to, err)
			}
		}
		if open := from == bidding.Proposed || from == bidding.Approved; from.Open() != open {
			t.Errorf("%s.Open() = %v", from, from.Open())
		}
		if pending := from == bidding.Applying || from == bidding.Unknown; from.Pending() != pending {
			t.Errorf("%s.Pending() = %v", from, from.Pending())
		}
	}
	if bidding.CanMove("", bidding.Approved) || bidding.CanMove("nonsense", bidding.Applied) {
		t.Error("an unknown state may move")
	}
}
