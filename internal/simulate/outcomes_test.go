package simulate

import (
	"encoding/json"
	"log/slog"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/store"
)

// What the nights measure of their own changes holds against the market's truth:
// the 80 % interval of a gain holds the true one about as often as it says, and
// profits that came lie within what was promised as often.
func TestOutcomesAgainstTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: 75 nights take long under the race detector; make test runs this without it")
	}
	ctx := t.Context()
	sc := suite()[1].Scenario // six usual campaigns
	sc.Nights = 75
	s, err := newSteward(ctx, sc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	s.nights.Shops[0].Policy.Risk.Caution = 0 // so that much is changed
	for day := sc.Start; day < end(sc); day++ {
		if err := s.night(ctx, day); err != nil {
			t.Fatal(err)
		}
	}
	s.sb.Advance(end(sc))
	rows, err := s.store.Proposals(ctx, store.Filter{Account: shopName, States: []string{string(bidding.Measured)}})
	if err != nil {
		t.Fatal(err)
	}
	var followed []bidding.Followed
	held, n := 0, 0
	for _, p := range rows {
		var o bidding.Outturn
		if err := json.Unmarshal([]byte(p.Measured), &o); err != nil {
			t.Fatal(err)
		}
		followed = append(followed, bidding.Followed{Outturn: o})
		if p.RollbackOf != "" {
			continue
		}
		campaigns, err := s.campaignsOf(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(campaigns) != 1 || p.Field != string(platform.DailyBudget) || o.Verdict == bidding.Unjudged {
			continue
		}
		n++
		if truth := s.trueGain(campaigns[0], o.From, o.To, p.Seen.Float()/p.Proposed.Float()); o.GainLow <= truth && truth <= o.GainHigh {
			held++
		}
	}
	var weeks bidding.Held
	for day := sc.Start; day < end(sc); day++ {
		models, err := s.store.Models(ctx, nightly.RunID(shopName, day), "forecast")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range models {
			var f bidding.Forecasts
			if err := json.Unmarshal([]byte(m.Body), &f); err != nil {
				t.Fatal(err)
			}
			weeks = weeks.Plus(f.Held)
		}
	}
	c := bidding.Calibrate("", followed)
	t.Logf("%d of %d gains within their 80 %% interval. %s %s %v", held, n, c.Explain(), weeks.Explain("weekly forecast"), weeks.Histogram)
	if weeks.Count < 40 || float64(weeks.Inside80) < 0.62*float64(weeks.Count) {
		t.Errorf("%d of %d weekly forecasts held their 80 %%", weeks.Inside80, weeks.Count)
	}
	// Three standard errors of so many at 80 %.
	if n < 30 || float64(held) < 0.58*float64(n) {
		t.Errorf("%d of %d gains are within their 80 %% interval", held, n)
	}
	if c.Count < 30 || float64(c.Inside80) < 0.58*float64(c.Count) {
		t.Errorf("%d of %d promises at 80 %% held", c.Inside80, c.Count)
	}
}

// trueGain is what a campaign earned a day at its spend above what it would have
// earned at a share of it, on the demand of the days.
func (s *steward) trueGain(i int, from, to civil.Date, share float64) float64 {
	m := s.sb.Market()
	var gain, days float64
	for d := from; d <= to; d++ {
		x := m.Outcome(i, d)
		if x.Spend <= 0 {
			continue
		}
		old := x.Spend * share
		without := x.Value * m.ExpectedValue(i, d, old) / m.ExpectedValue(i, d, x.Spend)
		gain += m.Worth(i, d)*(x.Value-without) - (x.Spend - old)
		days++
	}
	return gain / max(days, 1)
}
