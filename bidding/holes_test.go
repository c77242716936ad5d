package bidding_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

// without leaves out the days of some campaigns that it is asked of.
func without(in *bidding.Input, out func(d civil.Date) bool, campaigns ...int) {
	for _, i := range campaigns {
		s := &in.Accounts[0].Performance[i]
		s.Days = slices.DeleteFunc(s.Days, func(d response.Day) bool { return out(d.Date) })
	}
}

// aged are the days of an age from one to another.
func aged(from, to int) func(civil.Date) bool {
	return func(d civil.Date) bool { return today.Sub(d) >= from && today.Sub(d) <= to }
}

// Where a day without a row may be one that is not reported, nothing is changed.
func TestMissingDays(t *testing.T) {
	t.Parallel()
	weekend := func(d civil.Date) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }
	for name, c := range map[string]struct {
		out       func(civil.Date) bool
		campaigns []int
		held      []string
		saying    civil.Date // the newest figures
	}{
		"none":                                   {aged(0, 0), []int{0, 1}, nil, 0},
		"the newest of one campaign":             {aged(1, 12), []int{0}, []string{"bstrong"}, today - 13},
		"the newest day of one campaign":         {aged(1, 1), []int{0}, nil, 0},
		"some of one campaign, which was paused": {aged(5, 30), []int{0}, nil, 0},
		"some of all":                            {aged(4, 20), []int{0, 1}, []string{"bstrong", "bweak"}, today - 21},
		"a few of all":                           {aged(4, 8), []int{0, 1}, []string{"bstrong", "bweak"}, today - 9},
		"two of all":                             {aged(4, 5), []int{0, 1}, nil, 0},
		"some of all, long ago":                  {aged(29, 45), []int{0, 1}, nil, 0},
		"weekends, and a Monday":                 {func(d civil.Date) bool { return weekend(d) || d == today-9 }, []int{0, 1}, nil, 0},
		"weekends, and most of last week":        {func(d civil.Date) bool { return weekend(d) || aged(6, 8)(d) }, []int{0, 1}, []string{"bstrong", "bweak"}, today - 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := twoCampaigns()
			in.Policy.SpendAnomaly.Days = 0 // sees some of it too
			without(&in, c.out, c.campaigns...)
			out := plan(t, in)
			var held []string
			for _, b := range out.Blocked {
				for _, v := range b.Verdicts {
					if v.Name == "freshness" && v.Answer == guard.Block {
						held = append(held, b.ID)
						if f := unitOf(t, out, b.ID).Facts; len(f) != 1 || f[b.Key.String()].LastData != c.saying {
							t.Errorf("%s: %q", b.ID, v.Detail)
						}
					}
				}
			}
			if !slices.Equal(held, c.held) || len(out.Drafts)+len(held) != 2 {
				t.Errorf("held %v, want %v; drafts %+v", held, c.held, out.Drafts)
			}
		})
	}
}

// Days that are not reported are no days without spend.
func TestMissingDaysDoNotCountAsNoSpend(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	before := unitOf(t, plan(t, in), "bstrong").Spend
	without(&in, aged(29, 45), 0, 1)
	if u := unitOf(t, plan(t, in), "bstrong"); math.Abs(u.Spend/before-1) > 0.1 {
		t.Errorf("it spends %.1f a day, and %.1f without 17 days", before, u.Spend)
	}
}
