package ltv

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"adsteward/internal/civil"
)

// forest is a simulated tree of two levels under the whole, with what is true.
type forest struct {
	nodes map[Node]evidence
	truth map[Node]float64
}

// grow draws platforms around 1 and campaigns around their platform, each with a
// number of expected repeat orders between least and most on a logarithmic scale.
// A platform's truth is that of its customers.
func grow(rnd *rand.Rand, platforms, campaigns int, between, least, most float64) forest {
	gamma := func(mean, relVar float64) float64 {
		return distuv.Gamma{Alpha: 1 / relVar, Beta: 1 / relVar / mean, Src: rnd}.Rand()
	}
	f := forest{map[Node]evidence{}, map[Node]float64{}}
	var all evidence
	for i := range platforms {
		p := Node{Level: ByPlatform, Platform: fmt.Sprint("p", i)}
		center := gamma(1, between)
		var sum evidence
		var total float64
		for j := range campaigns {
			c := Node{Level: ByCampaign, Platform: p.Platform, Campaign: fmt.Sprintf("%s:%d", p.Platform, j)}
			theta := gamma(center, between)
			e := evidence{expected: least * math.Pow(most/least, rnd.Float64())}
			e.observed = distuv.Poisson{Lambda: theta * e.expected, Src: rnd}.Rand()
			f.nodes[c], f.truth[c] = e, theta
			sum.observed += e.observed
			sum.expected += e.expected
			total += theta * e.expected
		}
		f.nodes[p], f.truth[p] = sum, total/sum.expected
		all.observed += sum.observed
		all.expected += sum.expected
	}
	f.nodes[Node{Level: ByAll}] = all
	return f
}

// The 80 % intervals of theta hold the truth 75 to 85 % of the time at every
// level, for small and for large segments, for little and for much spread.
func TestThetaIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, between := range []float64{0.05, 0.1, 0.3} {
		held, n := map[string]float64{}, map[string]float64{}
		for range 150 {
			f := grow(rnd, 4, 15, between, 1, 300)
			for node, th := range shrink(f.nodes) {
				truth, ok := f.truth[node]
				if !ok {
					continue
				}
				size := string(node.Level) + " small"
				if f.nodes[node].expected > 20 {
					size = string(node.Level) + " large"
				}
				l := th.lambda(1, 0)
				n[size]++
				if l.Low <= 1+truth && 1+truth <= l.High {
					held[size]++
				}
			}
		}
		for size := range n {
			if share := held[size] / n[size]; n[size] > 300 && (share < 0.75 || share > 0.85) {
				t.Errorf("spread %g, %s: %.3f of %.0f intervals hold the truth", between, size, share, n[size])
			}
		}
	}
}

// Small segments are nearer to the truth than without leaning on anything, and
// than all customers' figure.
func TestShrinkageBeatsBothExtremes(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(2, 1))
	var shrunk, raw, pooled float64
	for range 100 {
		f := grow(rnd, 4, 15, 0.1, 1, 30)
		all := f.nodes[Node{Level: ByAll}]
		for node, th := range shrink(f.nodes) {
			if node.Level == ByCampaign {
				e, truth := f.nodes[node], f.truth[node]
				shrunk += (th.mean - truth) * (th.mean - truth)
				raw += (e.observed/e.expected - truth) * (e.observed/e.expected - truth)
				pooled += (all.observed/all.expected - truth) * (all.observed/all.expected - truth)
			}
		}
	}
	if !(shrunk < 0.6*raw && shrunk < 0.6*pooled) {
		t.Errorf("squared errors: shrunk %.1f, alone %.1f, pooled %.1f", shrunk, raw, pooled)
	}
}

// More own data at the same rate: less weight of the parent, an estimate nearer
// to the own rate, and a narrower interval.
func TestMoreOwnDataLeansLess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prior := belief{rapid.Float64Range(0.2, 4).Draw(t, "mean"), rapid.Float64Range(0.001, 2).Draw(t, "variance")}
		rate := rapid.Float64Range(0, 5).Draw(t, "rate")
		e := rapid.Float64Range(0, 1e5).Draw(t, "expected")
		more := e * rapid.Float64Range(1.01, 100).Draw(t, "factor")
		a, ownA := prior.update(evidence{rate * e, e})
		b, ownB := prior.update(evidence{rate * more, more})
		if ownB < ownA || ownA < 0 || ownB > 1 {
			t.Errorf("own share %g, with more data %g", ownA, ownB)
		}
		if math.Abs(b.mean-rate) > math.Abs(a.mean-rate)+1e-12 {
			t.Errorf("%g is farther from %g than %g", b.mean, rate, a.mean)
		}
		if lo, hi := min(prior.mean, rate), max(prior.mean, rate); a.mean < lo-1e-9 || a.mean > hi+1e-9 {
			t.Errorf("%g is not between the parent's %g and the own %g", a.mean, prior.mean, rate)
		}
		if rate <= prior.mean && b.variance > a.variance*(1+1e-9) {
			t.Errorf("more data made the variance %g from %g", b.variance, a.variance)
		}
	})
}

// In a tree, a node with the same rate and more data moves away from its siblings.
func TestSmallSegmentsMoveToTheirParent(t *testing.T) {
	t.Parallel()
	p := Node{Level: ByPlatform, Platform: "google"}
	campaign := func(id string) Node { return Node{Level: ByCampaign, Platform: "google", Campaign: "google:" + id} }
	last := 0.0
	for _, size := range []float64{0.5, 5, 50, 500} {
		nodes := map[Node]evidence{campaign("x"): {2 * size, size}}
		sum := nodes[campaign("x")]
		for i := range 10 {
			nodes[campaign(fmt.Sprint(i))] = evidence{100, 100}
			sum.observed, sum.expected = sum.observed+100, sum.expected+100
		}
		nodes[p], nodes[Node{Level: ByAll}] = sum, sum
		th := shrink(nodes)
		got := th[campaign("x")]
		if !(got.mean > last && got.mean > 1 && got.mean < 2) {
			t.Errorf("with %g expected orders at twice the rate theta is %g after %g", size, got.mean, last)
		}
		last = got.mean
		if fresh := th[p].fresh; !(math.Abs(fresh.mean-1) < 0.12 && fresh.variance > 0) {
			t.Errorf("a campaign never seen has theta %+v", fresh)
		}
	}
	if last < 1.9 {
		t.Errorf("a large segment does not keep its own: %g", last)
	}
}

// From orders to multiples: campaigns whose customers' repeat orders are worth
// theta times as much have the multiple 1 + theta x what a new customer's later
// orders are worth, and the 80 % intervals hold it 75 to 85 % of the time.
func TestLambdaIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	var held, n, squared float64
	for seed := range 12 {
		w := newWorld(uint64(100 + seed))
		theta := map[string]float64{}
		var rows []dayRow
		for c := range 40 {
			name := fmt.Sprintf("p%d:%d", c%3, c)
			theta[name] = w.gamma(1/0.15, 1/0.15)
			for i := range 20 + 4*c {
				days, values := w.customer(1, w.days)
				for c%2 == 1 && days[0] < w.days-90 { // a young campaign
					days, values = w.customer(1, w.days)
				}
				for j := range days {
					if j > 0 {
						values[j] *= theta[name]
					}
					rows = append(rows, dayRow{fmt.Sprint(name, "/", i), Source{Campaign: name}, w.from.AddDays(days[j]), values[j]})
				}
			}
		}
		f, _ := night(t, w.end(), rows, Options{365, 0.1})
		truth := Law{BGNBD, w.p}.NewCustomer().Discounted(NewTerm(365, 0.1, 1))
		for name, l := range f.Lambdas() {
			th, ok := theta[name]
			if !ok {
				continue
			}
			n++
			if want := 1 + truth*th; l.Low <= want && want <= l.High {
				held++
			}
			d := l.Value - 1 - truth*th
			squared += d * d
		}
	}
	if share := held / n; share < 0.75 || share > 0.85 {
		t.Errorf("%.3f of %.0f intervals hold the true multiple; root mean square error %.3f", share, n, math.Sqrt(squared/n))
	}
}

// A handful of customers counted by hand.
func TestProfileByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(6)
	f, err := FitNight(w.build(t, map[string][2]float64{"": {2000, 1}}), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	f.Currency = "EUR"
	end := civil.MustParse("2026-01-31")
	shoes, none := Source{Campaign: "google:1", Category: "shoes", Country: "DE"}, Source{Campaign: "", Category: "", Country: "AT"}
	var rows []dayRow
	for i := range 30 { // 30 customers of 100 days: ten order again on day 10, five on day 50
		id := fmt.Sprintf("a%02d", i)
		rows = append(rows, dayRow{id, shoes, end.AddDays(-100), 40})
		if i < 10 {
			rows = append(rows, dayRow{id, shoes, end.AddDays(-90), 60})
		} else if i < 15 {
			rows = append(rows, dayRow{id, shoes, end.AddDays(-50), 20})
		}
	}
	for i := range 30 { // 30 of 30 days, none of whom came back
		rows = append(rows, dayRow{fmt.Sprintf("b%02d", i), none, end.AddDays(-30), 10})
	}
	g := profiled(t, f, end, rows)
	by := map[string]Segment{}
	for _, s := range g.Segments {
		by[s.Key()] = s
	}
	for _, key := range []string{"", "platform=", "platform=google", "platform=google/campaign=1", "category=", "category=shoes", "country=DE", "country=AT"} {
		if _, ok := by[key]; !ok || len(by) != 8 {
			t.Fatalf("no %q among %d segments", key, len(by))
		}
	}
	all, own := by[""], by["platform=google/campaign=1"]
	if all.Customers != 60 || own.Customers != 30 || all.NewCustomers != 30 || own.NewCustomers != 0 || by["country=AT"].NewCustomers != 30 {
		t.Errorf("%+v", all)
	}
	near(t, "first order", all.FirstValue, 25, 1e-12)
	near(t, "orders per customer", own.Orders, 1.5, 1e-12)
	near(t, "repeat rate of the campaign", *own.Repeat90, 0.5, 1e-12)
	// By hand: 10 of 60 on day 10; 5 of the 20 + ... still watched on day 50.
	near(t, "Kaplan-Meier of all", *all.Repeat90, 1-(1-10.0/60)*(1-5.0/20), 1e-12)
	if own.SecondDays == nil || *own.SecondDays != 50 || all.SecondDays != nil || own.Repeat365 != nil || by["country=AT"].Repeat90 != nil {
		t.Errorf("median %v, %v; %v, %v", own.SecondDays, all.SecondDays, own.Repeat365, by["country=AT"].Repeat90)
	}
	alive := (10*f.Orders.Outlook(1, 10, 100).PAlive() + 5*f.Orders.Outlook(1, 50, 100).PAlive() + 15*f.Orders.Outlook(0, 0, 100).PAlive()) / 30
	near(t, "churn", own.Churn, 1-alive, 1e-9)
	future := (10*f.Score(History{Frequency: 1, Recency: 10, Age: 100, Orders: 2, MeanValue: 50}) +
		5*f.Score(History{Frequency: 1, Recency: 50, Age: 100, Orders: 2, MeanValue: 30}) + 15*f.Score(History{Age: 100, Orders: 1, MeanValue: 40})) / 30
	near(t, "future value", own.Future, future, 1e-9)
	if why := own.Lambda.Why; !strings.HasPrefix(why, "30 customers: repeat orders brought ") || !strings.HasSuffix(why, " of the estimate is their own, the rest Google's") {
		t.Error(why)
	}
	if got := f.Explain(History{Frequency: 2, Recency: 80, Age: 100, Orders: 3, MeanValue: 48}); !strings.HasPrefix(got, "3 orders, the last 20 days ago; still a customer with a probability of ") || !strings.Contains(got, " EUR in the next year") {
		t.Error(got)
	}
	if got := f.Explain(History{Age: -1}); !strings.Contains(got, "broken") {
		t.Error(got)
	}
	if l, fresh := f.LambdaOf("google:77"), f.Lambdas()["google:"]; l != fresh || f.LambdaOf("bing:1").Value != f.DefaultLambda() {
		t.Errorf("a campaign never seen: %+v, its platform %+v", l, fresh)
	}
}

// Customers whom several campaigns had a part in winning count for the shop and its
// platforms, and say nothing of what the last of these campaigns wins.
func TestCustomersOfSeveralTellOfNoCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(8)
	rows := w.rows(map[string][2]float64{"google:1": {3000, 0.3}, "google:2": {3000, 2}})
	mixed := slices.Clone(rows)
	for i := range mixed { // a third of those of 2 clicked 1 last
		if r := &mixed[i]; r.source.Campaign == "google:2" && r.id[len(r.id)-1]%3 == 0 {
			r.source = Source{Campaign: "google:1", Several: true}
		}
	}
	_, want := night(t, w.end(), rows, Options{365, 0.1})
	_, got := night(t, w.end(), mixed, Options{365, 0.1})
	at := func(g *Segmentation, key string) Segment {
		return g.Segments[slices.IndexFunc(g.Segments, func(s Segment) bool { return s.Key() == key })]
	}
	slow, fast := "platform=google/campaign=1", "platform=google/campaign=2"
	near(t, "multiple of those that seldom come back", at(got, slow).Lambda.Value, at(want, slow).Lambda.Value, 0.02)
	near(t, "multiple of the others", at(got, fast).Lambda.Value, at(want, fast).Lambda.Value, 0.1)
	near(t, "multiple of the platform", at(got, "platform=google").Lambda.Value, at(want, "platform=google").Lambda.Value, 1e-9)
	if n := at(got, slow).Customers; n <= 3000 {
		t.Errorf("%d customers after its clicks, want those of several among them", n)
	}
	if d := at(want, fast).Lambda.Value - at(want, slow).Lambda.Value; d < 0.3 {
		t.Errorf("the campaigns are %.2f apart, too little to be confused", d)
	}
}

// Whatever comes in, what goes out is finite and can be written as JSON.
func TestSegmentsOfBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(7)
	f, err := FitNight(w.build(t, map[string][2]float64{"": {2000, 1}}), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	end := civil.MustParse("2026-01-31")
	for name, rows := range map[string][]dayRow{
		"nobody":       nil,
		"after end":    {{"a", Source{}, end.AddDays(1), 5}},
		"one":          {{"a", Source{Campaign: "google:1"}, end, 5}},
		"free":         {{"a", Source{Campaign: "google:1"}, end.AddDays(-9), 0}, {"a", Source{Campaign: "google:1"}, end, 0}},
		"negative":     {{"a", Source{Campaign: "google:1"}, end.AddDays(-9), 5}, {"a", Source{Campaign: "google:1"}, end, -50}},
		"giant":        {{"a", Source{Campaign: "google:1"}, end.AddDays(-9), 1e-3}, {"a", Source{Campaign: "google:1"}, end, 1e12}, {"b", Source{Country: "DE"}, end.AddDays(-3), 1}},
		"odd campaign": {{"a", Source{Campaign: "nocolon"}, end.AddDays(-9), 5}, {"b", Source{Campaign: ":"}, end.AddDays(-9), 5}},
	} {
		g := profiled(t, f, end, rows)
		g.Price(f, acquisition("google:1", 100, "google:9", 50))
		body, err := json.Marshal(g.Segments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(rows) > 0 && rows[0].date <= end && (len(g.Segments) < 4 || g.RFM == nil) {
			t.Errorf("%s: %s", name, body)
		}
		for _, s := range g.Segments {
			if !(s.Lambda.Value >= 1 && s.Lambda.Low >= 1 && s.Lambda.Low <= s.Lambda.Value && s.Lambda.High >= s.Lambda.Value && s.LTV >= 0) || len(s.Why) == 0 || s.Churn < 0 || s.Churn > 1 {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if _, err := json.Marshal(g.RFM); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := f.NewProfile(end, end, end)
	if p.Add("a", Source{}, end, math.NaN()) == nil {
		t.Error("a value that is no number was taken")
	}
}

// The multiple of all customers: a shop of 1,500 tells its parameters so roughly
// that the interval has to say so.
func TestLambdaOfTheWholeHoldsTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: a hundred fitted shops take long under the race detector; make test runs this without it")
	}
	truth := 1 + Law{BGNBD, newWorld(1).p}.NewCustomer().Discounted(NewTerm(365, 0.1, 1))
	held := 0
	for seed := range 100 {
		w := newWorld(uint64(500 + seed))
		_, g := night(t, w.end(), w.rows(map[string][2]float64{"a:1": {1500, 1}}), Options{365, 0.1})
		if l := g.Segments[0].Lambda; l.Low <= truth && truth <= l.High {
			held++
		}
	}
	if held < 75 || held > 85 {
		t.Errorf("%d of 100 intervals hold the true multiple", held)
	}
}

// BenchmarkProfile is the second reading of a night: a shop's customers streamed
// past the fit, without the database.
func BenchmarkProfile(b *testing.B) {
	w := newWorld(11)
	campaigns := map[string][2]float64{}
	for i := range 100 {
		campaigns[fmt.Sprintf("google:%d", i)] = [2]float64{1500, 1}
	}
	rows := w.rows(campaigns)
	for i := range rows {
		rows[i].source.Category, rows[i].source.Country = fmt.Sprint("c", len(rows[i].id)%5), "DE"
	}
	f, err := FitNight(merged(b, w.end(), rows), Options{365, 0.1})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		profiled(b, f, w.end(), rows)
	}
	b.ReportMetric(float64(len(rows)), "customer-days")
}
