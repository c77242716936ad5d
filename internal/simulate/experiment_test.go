package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/market"
)

// A switchback on the demo market, through the night's own stages and the
// emulated platforms: planned, started, pushed block by block, watched, concluded
// by itself. Its interval holds the campaign's true incremental share, and the
// next night reckons with what was measured.
func TestSwitchbackFindsTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: a hundred nights of a market; make test runs this")
	}
	const id = "pmax"
	const days = 84
	sc, err := sandbox.DemoScenario(civil.MustParse("2026-01-05"), days+20, 0)
	if err != nil {
		t.Fatal(err)
	}
	sc.Events = nil
	i := 0
	for sc.Campaigns[i].ID != id {
		i++
	}
	s, err := newSteward(t.Context(), sc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	key := attribution.CampaignKey(string(sc.Campaigns[i].Platform), market.RemoteCampaignID(sc.Campaigns[i].Platform, i))
	began := time.Now()
	playStages(t, s, sc.Start, nightly.Pull)
	e, err := s.nights.PlanExperiment(t.Context(), "ann", attribution.ExperimentRequest{Account: shopName, Kind: attribution.Switchback,
		Campaign: sc.Campaigns[i].Name, Days: days, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.nights.StartExperiment(t.Context(), "ann", e.ExperimentID, e.PlanHash); err != nil {
		t.Fatal(err)
	}
	for d := sc.Start.AddDays(1); d < sc.Start.AddDays(days+11); d++ {
		playStages(t, s, d, nightly.Pull, nightly.Approve, nightly.Push)
	}
	last := sc.Start.AddDays(days + 11)
	playStages(t, s, last, nightly.Pull, nightly.Attribute, nightly.Measure)
	playStages(t, s, last.AddDays(1), nightly.Pull, nightly.Attribute)
	e, err = s.store.Experiment(t.Context(), e.ExperimentID)
	if err != nil {
		t.Fatal(err)
	}
	x, err := present.ExperimentOf(e)
	l := x.Look
	if err != nil || l == nil || l.Iota == nil {
		t.Fatalf("it shows nothing: %+v, %v", l, err)
	}
	truth := sc.Campaigns[i].Iota
	t.Logf("%s: truth %.2f, found %.3f (± %.3f; %.2f to %.2f at %.0f %%; always valid %.2f to %.2f), claimed %.0f, %v, %v, in %v", id, truth, l.Iota.Value, l.Iota.SE,
		l.Iota.Low, l.Iota.High, 100*l.Iota.Level, l.AlwaysValid.Low, l.AlwaysValid.High, l.Claimed, l.Checks, l.Warnings, time.Since(began).Round(time.Second))
	if e.State != string(attribution.ExperimentConcluded) || l.Iota.Excludes(truth) {
		t.Errorf("it is %s (%s); found %+v, truth %.2f", e.State, e.Reason, l.Iota, truth)
	}
	rows, err := s.store.Models(t.Context(), nightly.RunID(shopName, last.AddDays(1)), "attribution")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var share attribution.Share
		if err := json.Unmarshal([]byte(row.Body), &share); err != nil {
			t.Fatal(err)
		}
		if row.Key == key && (!share.Calibrated() || math.Abs(share.Iota-truth) > math.Abs(l.Iota.Value-truth)+0.1) || row.Key != key && share.Calibrated() {
			t.Errorf("the next night believes %s: %.2f of %s", share.Why, share.Iota, row.Key)
		}
	}
	if ledger, err := s.store.IotaLedger(t.Context(), shopName); err != nil || len(ledger) != 1 || ledger[0].Campaign != key || math.Abs(ledger[0].Value-l.Iota.Value) > 1e-9 {
		t.Errorf("the ledger holds %+v, %v", ledger, err)
	}
}

// playStages does some stages of a day's night.
func playStages(t *testing.T, s *steward, day civil.Date, stages ...nightly.Stage) {
	t.Helper()
	from := s.today
	if day == s.sb.Market().Scenario().Start {
		from = s.sb.Market().ShopFirst()
	}
	s.today, s.ticks = day, 0
	s.sb.Advance(day)
	if err := errors.Join(os.RemoveAll(s.shopDir), s.sb.WriteShop(s.shopDir, from, day.AddDays(-1)),
		s.nights.RunDirect(context.WithoutCancel(t.Context()), shopName, day, stages)); err != nil {
		t.Fatalf("%s: %v", day, err)
	}
}
