package bidding_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/money"
)

func eur(v float64) money.Micros { return money.Micros(math.Round(v * 1e6)) }

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestMarginOfAnOrder(t *testing.T) {
	t.Parallel()
	own := eur(30)
	b := bidding.NewBook(bidding.Costs{Unit: map[string]money.Micros{"a": eur(20), "b": eur(5)}, PaymentRate: 0.02, ShippingCost: eur(4)})
	// 119 paid: 19 tax; goods 30 (the line's own cost) + 2 x 5; 4 to send, 2.38
	// fee, 10 refunded: 43.62 are left.
	for i := range 50 {
		b.Add(bidding.Order{ID: fmt.Sprint(i), Campaign: "google:1", Revenue: eur(119), Tax: eur(19), Refunded: eur(10), New: i%2 == 0,
			Lines: []bidding.OrderLine{{SKU: "a", Quantity: 1, UnitPrice: eur(80), UnitCost: &own}, {SKU: "b", Quantity: 2, UnitPrice: eur(10)}}})
	}
	w, def := b.Worths(bidding.WorthInput{Incremental: map[string]bidding.Incremental{"google:1": {Share: 0.8, RelSD: 0.1, Why: "test"}}, DefaultLambda: 2, LambdaSource: "test"})
	g := w["google:1"]
	near(t, "margin", g.Margin, 43.62/119, 1e-9)
	near(t, "default margin", def.Margin, 43.62/119, 1e-9)
	near(t, "share of new customers", g.NewShare, 0.5, 1e-9)
	near(t, "lifetime multiple", g.LTVMultiple, 1.5, 1e-9)
	near(t, "incremental share", g.IncrementalShare, 0.8, 1e-9)
	near(t, "k", g.K(), 43.62/119*1.5*0.8, 1e-9)
	if g.Calibrated || !strings.Contains(strings.Join(g.Sources, " "), "uncalibrated") {
		t.Errorf("a last-click share passes for calibrated: %v", g.Sources)
	}
	if g.Orders != 50 || g.AverageOrder != 119 || g.RelSD <= 0 {
		t.Errorf("orders %d, average %v, relative sd %v", g.Orders, g.AverageOrder, g.RelSD)
	}
}

func TestMarginFallsBackAndSaysSo(t *testing.T) {
	t.Parallel()
	line := func(sku string, price float64) []bidding.OrderLine {
		return []bidding.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: eur(price)}}
	}
	b := bidding.NewBook(bidding.Costs{Unit: map[string]money.Micros{"a": eur(70)}, DefaultMargin: 0.5})
	for i := range 60 {
		b.Add(bidding.Order{Campaign: "google:1", Revenue: eur(100), Lines: line("a", 100), New: true, ID: fmt.Sprint(i)})
		b.Add(bidding.Order{Campaign: "google:2", Revenue: eur(100), Lines: line("unknown", 100), ID: fmt.Sprint(i)})
	}
	w, _ := b.Worths(bidding.WorthInput{})
	near(t, "margin by the shop's average", w["google:2"].Margin, 0.3, 1e-9)
	if s := w["google:2"].Sources[0]; !strings.Contains(s, "100 % of the goods have no known cost") {
		t.Errorf("the fallback is not said: %q", s)
	}
	near(t, "new share shrunk a little", w["google:1"].NewShare, (60+10*0.5)/70., 1e-9)

	b = bidding.NewBook(bidding.Costs{DefaultMargin: 0.5})
	b.Add(bidding.Order{Revenue: eur(100)})
	_, def := b.Worths(bidding.WorthInput{DefaultLambda: 1})
	near(t, "margin by the configured default", def.Margin, 0.5, 1e-9)

	_, def = bidding.NewBook(bidding.Costs{}).Worths(bidding.WorthInput{DefaultLambda: 1})
	near(t, "margin without any orders", def.Margin, 0.4, 1e-9)
	near(t, "incremental share without any orders", def.IncrementalShare, 1, 0)

	b = bidding.NewBook(bidding.Costs{Unit: map[string]money.Micros{"a": eur(120)}})
	b.Add(bidding.Order{Campaign: "google:1", Revenue: eur(100), Lines: line("a", 100)})
	w, _ = b.Worths(bidding.WorthInput{DefaultLambda: 1})
	if w["google:1"].K() != 0 || !strings.Contains(w["google:1"].Sources[0], "loses money") {
		t.Errorf("goods sold below cost are worth %v: %v", w["google:1"].K(), w["google:1"].Sources)
	}
}
