package nightly

import (
	"context"
	"errors"
	"strings"
	"testing"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// hearing keeps what people were told; err is why they were not.
type hearing struct {
	texts []string
	err   error
}

func (h *hearing) notify(_ context.Context, text string) error {
	h.texts = append(h.texts, text)
	return h.err
}

func announcing(t *testing.T, st *store.Store) (*desk, *hearing) {
	d, h := setup(t, st, 6), &hearing{}
	d.Shops[0].Notify, d.Shops[0].Link = h.notify, "https://ads.example.com"
	d.history(60, civil.Of(testNow))
	return d, h
}

// People are told once how a night went, with the end of the audit log, and again
// where a stage done anew came out otherwise.
func TestANightIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d, h := announcing(t, st)
		d.Shops[0].Policy.AutoApprove = guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{platform.DailyBudget: {}}}
		today := civil.Of(testNow)
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull}); err != nil || len(h.texts) > 0 {
			t.Fatalf("told of one stage: %q, %v", h.texts, err)
		}
		runQueued(t, d.Steward, today)
		if len(h.texts) != 1 {
			t.Fatalf("told %q", h.texts)
		}
		newest, err := st.AuditEntries(t.Context(), store.AuditFilter{Newest: true, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"shop, night of " + today.Time().Format("Mon 2 Jan 2006") + ": done\n", "\nPropose: 4 proposals, expected +", "\nApprove: the policy approved 0; 4 wait for a decision",
			"\nAutomatic approval was turned on by the policy file.", "\nhttps://ads.example.com\n", newest[0].Hash} {
			if !strings.Contains(h.texts[0], want) {
				t.Errorf("%q lacks %q", h.texts[0], want)
			}
		}
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Measure}); err != nil {
			t.Fatal(err)
		}
		if len(h.texts) != 1 {
			t.Errorf("told again, though nothing had changed: %q", h.texts[1:])
		}
		if err := d.KillSwitch(t.Context(), "ann", true, "a fire"); err != nil {
			t.Fatal(err)
		}
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Measure}); err != nil {
			t.Fatal(err)
		}
		if len(h.texts) != 2 || !strings.Contains(h.texts[1], "The kill switch is on") {
			t.Errorf("told %q", h.texts[1:])
		}
	})
}

// A night that fails is told with its fault. What does not arrive holds nothing up: it
// is kept with the reason, and told when the night is done again.
func TestANightThatFailsIsTold(t *testing.T) {
	t.Parallel()
	d, h := announcing(t, storetest.Open(t))
	today := civil.Of(testNow)
	d.ads.spoil = func(call string) error {
		if call == "structure" {
			return &platform.Error{Platform: platform.Google, Kind: platform.Authentication, Message: "the token was refused", Remedy: "renew it"}
		}
		return nil
	}
	if got := []rune(short(strings.Repeat("ä", 301))); len(got) != 302 || short("as it is") != "as it is" {
		t.Errorf("an error is cut to %d letters", len(got))
	}
	h.err = errors.New("the webhook answered 503")
	if r := runQueued(t, d.Steward, today); r.State != Failed {
		t.Fatalf("the run is %s", r.State)
	}
	kept := func() notice {
		t.Helper()
		m, err := loadModels[notice](t.Context(), d.Store.Queries, RunID("shop", today), noticeModel)
		if err != nil {
			t.Fatal(err)
		}
		return m[""]
	}
	if len(h.texts) != 1 || !strings.Contains(h.texts[0], ": failed\nPull went wrong: ") || !strings.Contains(h.texts[0], "the token was refused") || kept().Error != h.err.Error() {
		t.Errorf("told %q, kept %+v", h.texts, kept())
	}
	d.ads.spoil, h.err = nil, nil
	if r := runQueued(t, d.Steward, today); r.State != Done || len(h.texts) != 2 || kept().Error != "" || kept().At.IsZero() {
		t.Errorf("the run is %s, told %q, kept %+v", r.State, h.texts, kept())
	}
}
