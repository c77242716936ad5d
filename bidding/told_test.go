package bidding_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

var tellNow = time.Date(2026, 3, 10, 4, 30, 0, 0, time.UTC)

func tellRules(p platform.Name) bidding.TellRules {
	return bidding.TellRules{Measure: bidding.LifetimeRevenue, Settle: 6 * time.Hour, RestateShare: 0.05, Limits: bidding.LimitsOf(p)}
}

// tellOrder is a first order of 119 with 19 of tax, two days old, whose customer
// brings 1.5 first orders.
func tellOrder(change ...func(*bidding.TellOrder)) bidding.TellOrder {
	o := bidding.TellOrder{At: tellNow.Add(-48 * time.Hour), Currency: "EUR", Revenue: eur(119), Tax: eur(19), First: true,
		Agreed: true, Matchable: true, Worth: bidding.Worth{Margin: 0.3, Lambda: 1.5}}
	for _, c := range change {
		c(&o)
	}
	return o
}

func TestToldValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		measure bidding.Measure
		change  func(*bidding.TellOrder)
		want    money.Micros
		why     string
	}{
		{"first order", bidding.LifetimeRevenue, func(*bidding.TellOrder) {}, eur(150), "EUR 100.00 of revenue without tax x lifetime multiple 1.50"},
		{"returning customer", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.First = false }, eur(100), "counted once"},
		// 59.50 of 119 is paid back: half of the sale, and half of its tax, is left.
		{"half refunded", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Refunded = eur(59.5) }, eur(75), "without tax and refunds"},
		{"refunded", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Refunded = eur(119) }, 0, "nothing of it is left"},
		{"refunded and more", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Refunded = eur(200) }, 0, "nothing of it is left"},
		{"margin", bidding.LifetimeMargin, func(*bidding.TellOrder) {}, eur(53.55), "contribution margin 30.0 %"},
		{"first order alone", bidding.OrderRevenue, func(*bidding.TellOrder) {}, eur(100), "of revenue without tax, of this order alone"},
		{"margin of a first order alone", bidding.OrderMargin, func(*bidding.TellOrder) {}, eur(35.7), "contribution margin 30.0 %, of this order alone"},
		{"sold at a loss", bidding.LifetimeMargin, func(o *bidding.TellOrder) { o.Worth.Margin = -0.2 }, 0, "margin 0.0 %"},
		{"a model that failed", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Worth.Lambda = math.NaN() }, eur(100), "1.00"},
		{"a multiple below one", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Worth.Lambda = 0.2 }, eur(100), "1.00"},
		{"yen have no decimals", bidding.LifetimeRevenue, func(o *bidding.TellOrder) { o.Currency, o.Worth.Lambda = "JPY", 1.333 }, eur(133), "JPY 100 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := tellRules(platform.Google)
			r.Measure = c.measure
			got, why := r.Value(tellOrder(c.change))
			if got != c.want || !strings.Contains(why, c.why) {
				t.Errorf("got %s (%s), want %s (%s)", got.Decimal(), why, c.want.Decimal(), c.why)
			}
		})
	}
}

func TestTellDecisions(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	old := func(d time.Duration) func(*bidding.TellOrder) {
		return func(o *bidding.TellOrder) { o.At = tellNow.Add(-d) }
	}
	refunded := func(f float64) func(*bidding.TellOrder) { return func(o *bidding.TellOrder) { o.Refunded = eur(f) } }
	both := func(a, b func(*bidding.TellOrder)) func(*bidding.TellOrder) {
		return func(o *bidding.TellOrder) { a(o); b(o) }
	}
	told := func(v float64) bidding.Told {
		return bidding.Told{State: bidding.ToldDone, Step: platform.Record, Value: eur(v), Held: eur(v), At: tellNow.Add(-day)}
	}
	pending := func(step platform.ConversionStep, v, held float64) bidding.Told {
		return bidding.Told{State: bidding.ToldPending, Step: step, Value: eur(v), Held: eur(held), At: tellNow.Add(-day)}
	}
	refusedStep := func(step platform.ConversionStep, v, held float64) bidding.Told {
		return bidding.Told{State: bidding.ToldRefused, Step: step, Value: eur(v), Held: eur(held), At: tellNow.Add(-day)}
	}
	same := func(*bidding.TellOrder) {}
	for _, c := range []struct {
		name   string
		on     platform.Name
		change func(*bidding.TellOrder)
		before bidding.Told
		step   platform.ConversionStep
		skip   string
		value  float64
	}{
		{"new order", platform.Google, same, bidding.Told{}, platform.Record, "", 150},
		{"an hour old", platform.Google, old(time.Hour), bidding.Told{}, "", bidding.SkipSettling, 150},
		{"of the future", platform.Google, old(-time.Hour), bidding.Told{}, "", bidding.SkipSettling, 150},
		{"just settled", platform.Google, old(6 * time.Hour), bidding.Told{}, platform.Record, "", 150},
		{"90 days old", platform.Google, old(90 * day), bidding.Told{}, platform.Record, "", 150},
		{"older", platform.Google, old(90*day + time.Minute), bidding.Told{}, "", bidding.SkipTooOld, 150},
		{"Meta takes 7 days", platform.Meta, old(7*day - 2*time.Hour), bidding.Told{}, platform.Record, "", 150},
		{"and an hour is kept", platform.Meta, old(7*day - time.Minute), bidding.Told{}, "", bidding.SkipTooOld, 150},
		{"no consent", platform.Google, func(o *bidding.TellOrder) { o.Agreed = false }, bidding.Told{}, "", bidding.SkipConsent, 150},
		{"consent withdrawn, value changed", platform.Google, both(refunded(60), func(o *bidding.TellOrder) { o.Agreed = false }), told(150), "", bidding.SkipConsent, 74.37},
		{"consent withdrawn, refunded", platform.Google, both(refunded(119), func(o *bidding.TellOrder) { o.Agreed = false }), told(150), "", bidding.SkipConsent, 0},
		{"nothing to match by", platform.Google, func(o *bidding.TellOrder) { o.Matchable = false }, bidding.Told{}, "", bidding.SkipUnmatched, 150},
		{"refunded before it was told", platform.Google, refunded(119), bidding.Told{}, "", bidding.SkipVoid, 0},

		{"unchanged", platform.Google, same, told(150), "", bidding.SkipSame, 150},
		{"unchanged for long", platform.Google, old(56 * day), told(150), "", bidding.SkipSame, 150},
		{"unchanged on Meta", platform.Meta, same, told(150), "", bidding.SkipSame, 150},
		{"changed by 5 %", platform.Google, same, told(157.89), "", bidding.SkipSame, 150},
		{"changed by more", platform.Google, same, told(157.9), platform.Restate, "", 150},
		{"a better model, downwards", platform.Google, same, told(142.8), platform.Restate, "", 150},
		{"half refunded", platform.Google, refunded(59.5), told(150), platform.Restate, "", 75},
		{"told today", platform.Google, refunded(59.5), bidding.Told{State: bidding.ToldDone, Value: eur(150), Held: eur(150), At: tellNow.Add(-4 * time.Hour)}, "", bidding.SkipToday, 75},
		{"55 days old", platform.Google, both(refunded(59.5), old(55*day)), told(150), platform.Restate, "", 75},
		{"older than corrections", platform.Google, both(refunded(59.5), old(55*day+time.Minute)), told(150), "", bidding.SkipTooOld, 75},
		{"refunded in full", platform.Google, refunded(119), told(150), platform.Retract, "", 0},
		{"refunded in full too late", platform.Google, both(refunded(119), old(56*day)), told(150), "", bidding.SkipTooOld, 0},
		{"Meta corrects nothing", platform.Meta, refunded(59.5), told(150), "", bidding.SkipFinal, 75},
		{"nor takes back", platform.Meta, refunded(119), told(150), "", bidding.SkipFinal, 0},
		{"taken back stays so", platform.Google, same, bidding.Told{State: bidding.ToldRetracted, Step: platform.Retract, At: tellNow.Add(-day)}, "", bidding.SkipRetracted, 150},

		// Sent without an answer: exactly the same again, whatever the value is now.
		{"pending record", platform.Google, refunded(59.5), pending(platform.Record, 150, 0), platform.Record, "", 150},
		{"pending record on Meta", platform.Meta, same, pending(platform.Record, 140, 0), platform.Record, "", 140},
		{"pending for two days on Meta", platform.Meta, same, bidding.Told{State: bidding.ToldPending, Step: platform.Record, Value: eur(150), At: tellNow.Add(-48 * time.Hour)},
			"", bidding.SkipUnsure, 150},
		{"pending for two days on Google", platform.Google, same, bidding.Told{State: bidding.ToldPending, Step: platform.Record, Value: eur(150), At: tellNow.Add(-48 * time.Hour)},
			platform.Record, "", 150},
		{"pending record, refunded", platform.Google, refunded(119), pending(platform.Record, 150, 0), platform.Retract, "", 0},
		{"the same on Meta", platform.Meta, refunded(119), pending(platform.Record, 150, 0), "", bidding.SkipFinal, 0},
		{"pending restate", platform.Google, same, pending(platform.Restate, 75, 150), platform.Restate, "", 75},
		{"pending retract", platform.Google, refunded(119), pending(platform.Retract, 0, 150), platform.Retract, "", 0},
		{"pending, consent withdrawn", platform.Google, func(o *bidding.TellOrder) { o.Agreed = false }, pending(platform.Record, 150, 0), "", bidding.SkipConsent, 150},
		{"pending too long", platform.Google, old(91 * day), pending(platform.Record, 150, 0), "", bidding.SkipTooOld, 150},

		{"refused record", platform.Google, same, refusedStep(platform.Record, 150, 0), "", bidding.SkipRefused, 150},
		{"refused restate, same value", platform.Google, same, refusedStep(platform.Restate, 150, 100), "", bidding.SkipRefused, 150},
		{"refused restate, another value", platform.Google, refunded(59.5), refusedStep(platform.Restate, 150, 100), platform.Restate, "", 75},
		{"refused retract", platform.Google, refunded(119), refusedStep(platform.Retract, 0, 150), "", bidding.SkipRefused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := tellRules(c.on).Decide(tellOrder(c.change), c.before, tellNow)
			if got.Step != c.step || got.Skip != c.skip || got.Value != eur(c.value).RoundTo(10_000) || got.Why == "" {
				t.Errorf("got %+v, want step %q, skip %q, value %v", got, c.step, c.skip, c.value)
			}
		})
	}
	r := tellRules(platform.Google)
	r.RetryRefused = true
	if got := r.Decide(tellOrder(), refusedStep(platform.Record, 150, 0), tellNow); got.Step != platform.Record {
		t.Errorf("asked to try the refused again, it answers %+v", got)
	}
}

// TestTellProperties: whatever the order, what is told is positive and finite,
// only of people who agreed, and a decision carried out leaves nothing to do.
func TestTellProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(-1e9, 1e12)
		p := rapid.SampledFrom([]platform.Name{platform.Google, platform.Meta}).Draw(t, "platform")
		r := tellRules(p)
		r.Measure = rapid.SampledFrom([]bidding.Measure{bidding.LifetimeRevenue, bidding.LifetimeMargin, bidding.OrderRevenue, bidding.OrderMargin}).Draw(t, "measure")
		o := bidding.TellOrder{At: tellNow.Add(-time.Duration(rapid.IntRange(-10, 2400).Draw(t, "hours")) * time.Hour), Currency: "EUR",
			Revenue: money.Micros(amount.Draw(t, "revenue")), Tax: money.Micros(amount.Draw(t, "tax")), Refunded: money.Micros(amount.Draw(t, "refunded")),
			First: rapid.Bool().Draw(t, "first"), Agreed: rapid.Bool().Draw(t, "agreed"), Matchable: rapid.Bool().Draw(t, "matchable"),
			Worth: bidding.Worth{Margin: rapid.Float64().Draw(t, "margin"), Lambda: rapid.Float64().Draw(t, "lambda")}}
		before := bidding.Told{State: rapid.SampledFrom([]string{"", bidding.ToldPending, bidding.ToldDone, bidding.ToldRefused, bidding.ToldRetracted}).Draw(t, "state"),
			At: tellNow.Add(-30 * time.Hour)}
		if before.State != "" {
			before.Step = rapid.SampledFrom([]platform.ConversionStep{platform.Record, platform.Restate, platform.Retract}).Draw(t, "step")
			before.Value, before.Held = eur(rapid.Float64Range(0.01, 1e4).Draw(t, "value")), eur(rapid.Float64Range(0, 1e4).Draw(t, "held"))
		}
		got := r.Decide(o, before, tellNow)
		switch {
		case got.Value < 0, (got.Step == "") == (got.Skip == ""), got.Why == "":
			t.Fatalf("%+v", got)
		case got.Step == "":
			return
		case !o.Agreed, got.Step != platform.Retract && got.Value <= 0 && before.State != bidding.ToldPending, p == platform.Meta && got.Step != platform.Record && before.State != bidding.ToldPending:
			t.Fatalf("%+v is told of %+v after %+v", got, o, before)
		}
		after := bidding.Told{State: bidding.ToldDone, Step: got.Step, Value: got.Value, Held: got.Value, At: tellNow}
		if got.Step == platform.Retract {
			after.State = bidding.ToldRetracted
		}
		if again := r.Decide(o, after, tellNow.Add(time.Hour)); again.Step == platform.Record || again.Step != "" && before.State != bidding.ToldPending {
			t.Fatalf("after %+v it still tells %+v", got, again)
		}
	})
}

func TestClickOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		on                      platform.Name
		campaign, source, click string
		id, kind                string
	}{
		{platform.Google, "google:1", "", "Cj0K", "Cj0K", "gclid"},
		{platform.Meta, "google:1", "", "Cj0K", "", ""},
		{platform.Google, "", "Google", "Cj0K", "Cj0K", "gclid"},
		{platform.Google, "", "newsletter", "Cj0K", "", ""}, // whose click it is nobody knows
		{platform.Google, "", "", "Cj0K", "", ""},
		{platform.Meta, "meta:7", "", "IwAR0", "IwAR0", "fbclid"},
		{platform.Meta, "", "instagram", "IwAR0", "IwAR0", "fbclid"},
		{platform.Meta, "", "", "fb.1.1700000000.IwAR0", "fb.1.1700000000.IwAR0", "fbc"},
		{platform.Google, "google:1", "google", "fb.1.1700000000.IwAR0", "", ""}, // an older click than the last
		{platform.Google, "google:1", "google", "", "", ""},
	} {
		if id, kind := bidding.ClickOf(c.on, c.campaign, c.source, c.click); id != c.id || kind != c.kind {
			t.Errorf("%+v: got %q, %q", c, id, kind)
		}
	}
}
