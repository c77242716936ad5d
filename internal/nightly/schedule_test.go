package nightly

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/store"
	"adsteward/store/storetest"
)

func TestSlotsComeOnceOnEveryDay(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, cron, zone, from, to string
		want                       []string
	}{
		{"ordinary", "30 4 * * *", "Europe/Berlin", "2026-03-10T00:00:00+01:00", "2026-03-11T23:00:00+01:00",
			[]string{"2026-03-10T04:30:00+01:00", "2026-03-11T04:30:00+01:00"}},
		{"skipped by the spring change", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-30T12:00:00+02:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"repeated by the autumn change", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", "2026-10-26T12:00:00+01:00",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"west of UTC, spring", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00", "2026-03-09T12:00:00-04:00",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"west of UTC, autumn", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00-04:00", "2026-11-02T12:00:00-05:00",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"a gap of half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "2026-10-04T12:00:00+11:00",
			[]string{"2026-10-04T02:30:00+11:00"}},
		{"only weekdays", "0 5 * * 1-5", "UTC", "2026-03-13T06:00:00Z", "2026-03-16T06:00:00Z",
			[]string{"2026-03-16T05:00:00Z"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			loc, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			slots, err := Schedule{Cron: c.cron, Location: loc}.Slots(instant(t, c.from), instant(t, c.to))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range slots {
				got = append(got, s.In(loc).Format(time.RFC3339))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestBadCronIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := (Schedule{Cron: "every night", Location: time.UTC}).Slots(testNow, testNow); err == nil {
		t.Error("no error for a cron expression that is none")
	}
}

// TestTickMakesUpForWhatWasMissed plays a machine that was off: the slot within
// the grace period is run once, older ones are recorded as skipped, and ticking
// again, from two replicas, adds nothing.
func TestTickMakesUpForWhatWasMissed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		now := time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC)
		s := &Steward{Store: st, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
			Shops: []Shop{{Name: "shop", Currency: "EUR", Location: time.UTC, PolicyID: "p", PolicyText: "{}"}}}
		if _, err := st.StartRun(t.Context(), store.Run{RunID: "shop/2026-03-06", Account: "shop", Date: civil.MustParse("2026-03-06"),
			State: Done, StartedAt: now.AddDate(0, 0, -4), PolicyID: "p"}, nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			c := clockFor(t, s)
			for range 2 {
				if err := c.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		runs, err := st.Runs(t.Context(), "shop", 10)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range runs {
			got[r.Date.String()] = r.State + " " + r.Reason
		}
		missed := "skipped the program was not running, and the grace period is over"
		want := map[string]string{"2026-03-06": "done ", "2026-03-07": missed, "2026-03-08": missed, "2026-03-09": missed, "2026-03-10": "running catch-up"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// TestStagesDoneBeforehandAreNotTheNight: who runs single stages before the slot does
// not keep the schedule from the rest, also where one fails.
func TestStagesDoneBeforehandAreNotTheNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		slot := time.Date(2026, 3, 10, 4, 30, 0, 0, time.UTC)
		for state, times := range map[string]map[time.Duration]string{
			Done:   {-time.Hour: Running, time.Second: Running},
			Failed: {-time.Hour: Running, time.Second: Failed}, // at the slot: the night itself
		} {
			for since, want := range times {
				now := slot.Add(since)
				shop := fmt.Sprint(state, since)
				s := &Steward{Store: st, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
					Shops: []Shop{{Name: shop, Currency: "EUR", Location: time.UTC, PolicyID: "p", PolicyText: "{}"}}}
				run := RunID(shop, civil.Of(slot))
				if err := s.begin(t.Context(), &s.Shops[0], civil.Of(slot), "command"); err != nil {
					t.Fatal(err)
				}
				row, err := s.stageRow(t.Context(), run, Pull)
				if err != nil {
					t.Fatal(err)
				}
				row.State = state
				if err := errors.Join(st.SetStage(t.Context(), row), s.finish(t.Context(), run)); err != nil {
					t.Fatal(err)
				}
				now = slot.Add(time.Minute)
				if err := clockFor(t, s).Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				r, err := st.Run(t.Context(), run)
				if err != nil {
					t.Fatal(err)
				}
				if r.State != want {
					t.Errorf("%s %s from the slot, the night is %s, want %s", state, since, r.State, want)
				}
			}
		}
	})
}

// clockFor is a clock with a slot at half past four, on a queue of its own.
func clockFor(t *testing.T, s *Steward) *Clock {
	t.Helper()
	q, err := OpenQueue(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClock(q, Schedule{Cron: "30 4 * * *", Location: time.UTC, Grace: 6 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Stop(), q.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}
