package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adsteward/internal/money"
)

func same(node int32) int32 { return node }

// told settles a trail and writes its journeys: "order outcome path" each.
func told(t *Trail) (out []string) {
	t.Settle(same)
	t.walk(func(j *journey) {
		s := "-"
		if j.order != nil {
			s = j.order.OrderID + " " + string(j.outcome)
			if j.order.New {
				s += " new"
			}
		}
		for _, p := range j.steps {
			s += " " + t.sources[p.source].channel + t.sources[p.source].campaign
		}
		out = append(out, s)
	})
	slices.Sort(out)
	return out
}

func TestJourneysByHand(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	ago := func(days float64) time.Time { return noon.Add(-time.Duration(days * float64(day))) }
	minutes := func(m float64) time.Time { return ago(m / 1440) }
	click := func(node int32, at time.Time, channel, campaign string) Visit {
		return Visit{Node: node, At: at, Channel: channel, Campaign: campaign}
	}
	view := func(node int32, at time.Time, channel string) Visit {
		return Visit{Node: node, At: at, Channel: channel, View: true}
	}
	order := Purchase{OrderID: "o", At: noon, New: true, Value: 100 * money.One}
	for name, c := range map[string]struct {
		visits []Visit
		orders []Purchase
		want   []string
	}{
		"windows differ by platform": {[]Visit{click(0, ago(29), "google", "1"), click(0, ago(8), "meta", "2"), click(0, ago(6), "meta", "3"), click(0, ago(31), "email", "")}, []Purchase{order},
			[]string{"- email meta2", "o clicked new google1 meta3"}},
		"pauses within a visit, a new campaign": {[]Visit{click(0, minutes(100), "google", "1"), click(0, minutes(80), "google", "1"), click(0, minutes(55), "google", "1"), click(0, minutes(24), "google", "1"),
			click(0, minutes(20), "google", "2")}, []Purchase{order}, []string{"o clicked new google1 google1 google2"}},
		"views apart": {[]Visit{view(0, ago(0.5), "meta"), view(1, ago(0.5), "meta"), click(1, ago(2), "google", "1"), view(2, ago(1.5), "meta")},
			[]Purchase{order, {OrderID: "p", Node: 1, At: noon}, {OrderID: "q", Node: 2, At: noon}}, []string{"o viewed new", "p clicked google1", "q touch too old"}},
		"a touch leads to one order": {[]Visit{click(0, ago(3), "google", "1"), click(0, ago(1), "meta", "2")}, []Purchase{order, {OrderID: "before", At: ago(2), New: true}, {OrderID: "late", At: noon.Add(time.Hour)}},
			[]string{"before clicked new google1", "late no touch", "o clicked meta2"}},
		"clocks that differ": {[]Visit{click(0, noon.Add(4*time.Minute), "google", "1"), click(1, noon.Add(6*time.Minute), "google", "1"), click(2, noon.Add(25*time.Hour), "google", "1")},
			[]Purchase{order, {OrderID: "p", Node: 1, At: noon}, {OrderID: "q", Node: 2, At: noon}},
			[]string{"- google1", "- google1", "o clicked new google1", "p touch after the order", "q no touch"}},
		"nobody, and the shop's till": {[]Visit{click(0, ago(1), "google", "1")}, []Purchase{{OrderID: "x", Node: -1, At: noon}, {OrderID: "y", Node: -1, At: noon}, {OrderID: "till", Node: 5, At: noon, Offline: true},
			{OrderID: "till seen", At: noon, Offline: true}}, []string{"till offline", "till seen clicked google1", "x no touch", "y no touch"}},
		"nothing bought": {[]Visit{click(3, ago(50), "google", "1"), click(3, ago(10), "google", "1"), click(3, ago(9), "meta", "2"), view(4, ago(1), "meta")}, nil, []string{"- google1", "- google1 meta2"}},
		"nothing at all": {},
	} {
		tr := NewTrail(DefaultPathRules())
		for _, v := range c.visits {
			tr.Visit(v)
		}
		for _, o := range c.orders {
			tr.Buy(o)
		}
		if diff := cmp.Diff(c.want, told(tr)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	rules := DefaultPathRules()
	rules.Since = ago(20)
	tr := NewTrail(rules)
	tr.Visit(click(1, ago(21), "google", "1"))
	tr.Visit(click(2, ago(19), "google", "1"))
	if got := told(tr); !slices.Equal(got, []string{"- google1"}) {
		t.Errorf("before the time looked at: %q", got)
	}
}

func drawTrail(t *rapid.T) (visits []Visit, orders []Purchase) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	when := rapid.Custom(func(t *rapid.T) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 60*24*6).Draw(t, "at")) * 10 * time.Minute)
	})
	visits = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Visit {
		return Visit{Node: rapid.Int32Range(0, 3).Draw(t, "node"), At: when.Draw(t, "when"), Channel: rapid.SampledFrom([]string{"google", "meta", "email", "direct"}).Draw(t, "channel"),
			Campaign: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "campaign"), View: rapid.IntRange(0, 5).Draw(t, "view") == 0}
	}), 0, 30).Draw(t, "visits")
	n := 0
	orders = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Purchase {
		n++
		return Purchase{OrderID: fmt.Sprint(n), Node: rapid.Int32Range(-1, 3).Draw(t, "node"), At: when.Draw(t, "when"), Value: money.Micros(rapid.Int64Range(0, 1e9).Draw(t, "value")),
			Margin: money.Micros(rapid.Int64Range(-1e8, 1e9).Draw(t, "margin")), New: rapid.Bool().Draw(t, "new"), Offline: rapid.Bool().Draw(t, "offline")}
	}), 0, 8).Draw(t, "orders")
	return visits, orders
}

// No order is lost or comes twice, the outcomes sum to all, each model splits what
// was clicked without rest, and the order of the input changes nothing.
func TestNoOrderIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		visits, orders := drawTrail(t)
		report := func(visits []Visit, orders []Purchase, by, which string) PathReport {
			tr := NewTrail(DefaultPathRules())
			for _, v := range visits {
				tr.Visit(v)
			}
			for _, o := range orders {
				tr.Buy(o)
			}
			tr.Settle(same)
			rep, err := tr.Report(t.Context(), PathQuery{By: by, Orders: which, Models: AllModels(), Order: []int{1, 3}, Repetitions: 2})
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		by := rapid.SampledFrom([]string{"channel", "campaign"}).Draw(t, "by")
		counted := 0
		for _, which := range []string{"all", "first", "repeat"} {
			rep := report(visits, orders, by, which)
			n, value, clicked, margin := 0, money.Micros(0), OutcomeSum{}, 0.0
			for _, o := range rep.Outcomes {
				n += o.Orders
				value += o.Value
				if o.Outcome == Clicked {
					clicked, margin = o, o.Margin.Float()
				}
			}
			if which == "all" {
				var want money.Micros
				for _, o := range orders {
					want += o.Value
				}
				if n != len(orders) || value != want {
					t.Fatalf("%d orders of %v became %d of %v", len(orders), want, n, value)
				}
			} else {
				counted += n
			}
			led := 0
			for _, p := range rep.Paths {
				led += p.Orders
			}
			lags := 0
			for _, l := range rep.Lags {
				lags += l.Orders
			}
			if led != clicked.Orders || lags != clicked.Orders { // there are fewer than twenty
				t.Fatalf("%d orders were clicked to, %d have a path and %d a lag", clicked.Orders, led, lags)
			}
			for _, m := range rep.Models {
				var conv, v, mg float64
				for i, c := range m.Channels {
					conv, v, mg = conv+c.Conversions, v+c.Value, mg+m.Margins[i]
				}
				if math.Abs(conv-float64(clicked.Orders)) > 1e-9 || math.Abs(v-clicked.Value.Float()) > 1e-6 || (math.Abs(mg-margin) > 1e-6 && (m.Model != "markov" || mg != 0)) {
					t.Fatalf("%s gives %v orders, %v and %v of margin, not %+v", m.Model, conv, v, mg, clicked)
				}
			}
		}
		if counted != len(orders) {
			t.Fatalf("%d first and repeat orders of %d", counted, len(orders))
		}
		turned, back := slices.Clone(visits), slices.Clone(orders)
		slices.Reverse(turned)
		slices.Reverse(back)
		if diff := cmp.Diff(report(visits, orders, by, "all"), report(turned, back, by, "all")); diff != "" {
			t.Fatalf("the order of the input shows: %s", diff)
		}
	})
}

func TestCampaignsBeyondTheMostTouched(t *testing.T) {
	t.Parallel()
	tr := NewTrail(DefaultPathRules())
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for c := range mostLabels + 10 {
		for k := range 2 + (mostLabels+10-c)/10 {
			tr.Visit(Visit{Node: int32(1000*c + k), At: at, Channel: "google", Campaign: fmt.Sprint(c)})
		}
	}
	tr.Settle(same)
	rep, err := tr.Report(t.Context(), PathQuery{By: "campaign", Orders: "all", Models: []string{"linear"}})
	if err != nil || len(rep.Models[0].Channels) != mostLabels+1 {
		t.Fatalf("%d campaigns, %v", len(rep.Models[0].Channels), err)
	}
	if !slices.ContainsFunc(rep.Models[0].Channels, func(c Credit) bool { return c.Channel == "other google" }) {
		t.Error("the others are not told")
	}
}

// BenchmarkTrail makes journeys of two million touches and three hundred thousand
// orders, and asks all models for them.
func BenchmarkTrail(b *testing.B) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	channels := []string{"google", "meta", "email", "direct", "google organic", "referral"}
	for b.Loop() {
		rnd := rand.New(rand.NewPCG(4, 4))
		t := NewTrail(DefaultPathRules())
		when := func() time.Time { return at.Add(time.Duration(rnd.IntN(90*24*60)) * time.Minute) }
		for range 2_000_000 {
			t.Visit(Visit{Node: rnd.Int32N(700_000), At: when(), Channel: channels[rnd.IntN(len(channels))], Campaign: fmt.Sprint(rnd.IntN(20))})
		}
		for i := range 300_000 {
			t.Buy(Purchase{OrderID: fmt.Sprint(i), Node: rnd.Int32N(700_000), At: when(), Value: 50 * money.One, Margin: 20 * money.One, New: i%2 == 0})
		}
		t.Settle(same)
		rep, err := t.Report(b.Context(), PathQuery{By: "channel", Orders: "all", Models: Models(), Order: []int{1, 3}})
		if err != nil || rep.Conversions == 0 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peakMemory(b))/(1<<20), "peak-MiB")
}
