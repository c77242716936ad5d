package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// suiteCase is one scenario of the suite and what it is there to show.
type suiteCase struct {
	*market.Scenario
	About string
}

// variant says how a case differs from a usual shop; zero values are usual.
type variant struct {
	name, about string
	campaigns   int
	noise       float64         // of daily demand; default 0.15
	still       bool            // no noise at all
	basket      float64         // mean order value; default 140. The larger, the fewer conversions
	learning    float64         // share of value lost after a large step; default 0.1
	iota        float64         // of all types; default by type
	margin      float64         // the share of the true margin that the shop's records show; default 1
	total       float64         // the total by the first budgets; default 1
	funded      float64         // the first budgets by the usual ones; default 1
	targets     bool            // every other campaign has a target ROAS
	apart       bool            // margins and lifetimes differ twice as much
	alike       bool            // all campaigns are MARKET.md's example, whatever their type
	delay       float64         // of conversions, see market.CampaignSpec.DelayP; default 0.45
	season      float64         // amplitude; default 0.1
	currency    string          // default EUR
	scale       float64         // of all amounts, for the currency; default 1
	platforms   []platform.Name // default both
	types       []string        // default all
	events      func(*shop) []market.ScenarioEvent
}

// kind is what campaigns of one type have in common: the share of what they
// report that is incremental, the share of new customers, and the return of
// buying every opportunity by the margin's break-even.
type kind struct {
	platform             platform.Name
	typ                  string
	iotaLow, iotaHigh    float64
	newShare             float64
	returnLow, returnTop float64
}

// The shares follow what published lift tests find: brand and retargeting claim
// most of what would have come anyway.
var kinds = []kind{
	{platform.Google, "search", 0.7, 0.95, 0.6, 0.6, 1.4},
	{platform.Meta, "prospecting", 0.8, 1.1, 0.8, 0.6, 1.4},
	{platform.Google, "shopping", 0.65, 0.9, 0.55, 0.6, 1.4},
	{platform.Meta, "retargeting", 0.35, 0.6, 0.2, 0.5, 1.1},
	{platform.Google, "brand", 0.25, 0.5, 0.2, 0.5, 1.1},
	{platform.Google, "pmax", 0.55, 0.85, 0.5, 0.6, 1.4},
}

// suiteStart is a Thursday, like the newest day of most shops' first night.
var suiteStart = civil.On(2026, 1, 1)

const suiteNights = 120

// suite is the scenarios that docs/results.md reports on: usual shops of four to
// forty campaigns, and shops that differ from them in one thing each. They are
// drawn from the seeds of their places in the list and are the same each time.
func suite() []suiteCase {
	out := make([]suiteCase, len(variants))
	for i, v := range variants {
		out[i] = suiteCase{v.scenario(uint64(i + 1)), v.about}
	}
	return out
}

var variants = []variant{
	{name: "usual-4", about: "four campaigns, the least there is to move money between", campaigns: 4},
	{name: "usual-6", about: "six campaigns", campaigns: 6},
	{name: "usual-8", about: "eight campaigns", campaigns: 8},
	{name: "usual-8b", about: "eight others", campaigns: 8},
	{name: "usual-12", about: "twelve campaigns", campaigns: 12},
	{name: "usual-20", about: "twenty campaigns", campaigns: 20},
	{name: "usual-40", about: "forty campaigns", campaigns: 40, basket: 280},
	{name: "still", about: "no noise at all: what remains is what cannot be learned from reports", campaigns: 8, still: true},
	{name: "noisy", about: "twice the usual noise", campaigns: 8, noise: 0.3},
	{name: "sparse", about: "dear goods: few conversions", campaigns: 8, basket: 700},
	{name: "very-sparse", about: "a handful of conversions per campaign and week", campaigns: 8, basket: 2500},
	{name: "learning", about: "large steps cost 40 % of the value while platforms learn", campaigns: 8, learning: 0.4},
	{name: "incremental", about: "all that is reported is incremental", campaigns: 8, iota: 1},
	{name: "brand-heavy", about: "brand and retargeting beside search: most of what is claimed is not incremental", campaigns: 8, types: []string{"brand", "retargeting", "search"}},
	{name: "outages", about: "tracking is down four times, once for a week", campaigns: 6, events: outages},
	{name: "stock-outs", about: "goods are out of stock and feed items disapproved", campaigns: 6, events: stockOuts},
	{name: "human-edits", about: "somebody changes budgets by hand", campaigns: 6, events: humanEdits},
	{name: "sales", about: "three sales: more demand at less margin", campaigns: 6, events: sales},
	{name: "api-faults", about: "the platforms' interfaces fail", campaigns: 6, events: apiFaults},
	{name: "everything", about: "all of these events", campaigns: 10, events: everything},
	{name: "margin-low", about: "the shop's records show 0.7 of the true margin", campaigns: 8, margin: 0.7},
	{name: "margin-low-outages", about: "the same with outages and human edits", campaigns: 6, margin: 0.7,
		events: func(s *shop) []market.ScenarioEvent { return append(outages(s), humanEdits(s)...) }},
	{name: "dollars", about: "an account in US dollars, seasonal", campaigns: 6, currency: "USD", season: 0.35},
	{name: "yen", about: "a currency without cents", campaigns: 6, currency: "JPY", scale: 160},
	{name: "tight", about: "the total is a tenth below the first budgets", campaigns: 8, total: 0.9},
	{name: "loose", about: "the total is half above the first budgets", campaigns: 8, total: 1.5},
	{name: "targets", about: "every other campaign has a target ROAS", campaigns: 8, targets: true},
	{name: "slow-reports", about: "a third of conversions is reported after a week or later", campaigns: 6, delay: 0.15},
	{name: "google-only", about: "one platform", campaigns: 6, platforms: []platform.Name{platform.Google}},
	{name: "meta-only", about: "the other", campaigns: 4, platforms: []platform.Name{platform.Meta}},
	{name: "underfunded", about: "the first budgets are a quarter of the usual, and may grow fourfold", campaigns: 8, funded: 0.25, total: 4},
	{name: "underfunded-tight", about: "the first budgets are a quarter of the usual, and that is all there is", campaigns: 8, funded: 0.25},
	{name: "alike", about: "twenty campaigns of all types that are all the same, shares that are incremental included: there is next to nothing to gain, and whatever is moved on beliefs costs", campaigns: 20, alike: true},
	{name: "margins", about: "margins from 20 to 60 %, and lifetime multiples from 1 to 2.6", campaigns: 8, apart: true},
}

func or[T comparable](v, usual T) T {
	var zero T
	if v == zero {
		return usual
	}
	return v
}

// scenario draws the variant.
func (v variant) scenario(seed uint64) *market.Scenario {
	s := &shop{rng: rand.New(rand.NewPCG(seed, 0x5ce0a110))}
	sc := &market.Scenario{Name: v.name, Seed: seed, Start: suiteStart, Nights: suiteNights, Currency: or(v.currency, "EUR"), TimeZone: "Europe/Berlin",
		History: 60, Discount: 0.1, Horizon: 365, RecordedMargin: or(v.margin, 1)}
	var ks []kind
	for _, k := range kinds {
		if allowed(v.platforms, k.platform) && allowed(v.types, k.typ) {
			ks = append(ks, k)
		}
	}
	for i := range v.campaigns {
		c := s.campaign(v, ks[i%len(ks)], i)
		sc.TotalDailyBudget += c.Budget * or(v.total, 1)
		sc.Campaigns = append(sc.Campaigns, c)
	}
	sc.TotalDailyBudget = math.Ceil(sc.TotalDailyBudget)
	s.campaigns = sc.Campaigns
	if v.events != nil {
		sc.Events = v.events(s)
	}
	return sc
}

func allowed[T comparable](only []T, v T) bool {
	for _, o := range only {
		if o == v {
			return true
		}
	}
	return len(only) == 0
}

// shop draws a scenario.
type shop struct {
	rng       *rand.Rand
	campaigns []market.CampaignSpec
}

func (s *shop) between(low, high float64) float64 { return low + (high-low)*s.rng.Float64() }

// campaign draws one. First budgets are anything from a tenth to two thirds of
// what buying every opportunity costs, whatever that is worth: as people set them.
func (s *shop) campaign(v variant, k kind, i int) market.CampaignSpec {
	scale := or(v.scale, 1)
	c := market.CampaignSpec{
		ID: fmt.Sprintf("%s-%d", k.typ, i+1), Platform: k.platform, Type: k.typ,
		N: math.Round(s.between(200, 900)), P: s.between(0.3, 0.8) * scale, Sigma: s.between(0.6, 1.1),
		Basket: or(v.basket, 140) * s.between(0.8, 1.25) * scale, BasketSigma: 0.5,
		Margin: s.between(0.3, 0.5), NewShare: k.newShare * s.between(0.8, 1.2), LTVMultiple: s.between(1.3, 2.1),
		Iota: s.between(k.iotaLow, k.iotaHigh), DOW: [7]float64{1.05, 1, 1, 1, 0.95, 0.9, 1.1},
		SeasonAmplitude: or(v.season, 0.1), SeasonPhase: s.between(0, 2*math.Pi), TrendPerYear: s.between(-0.2, 0.3),
		Rho: 0.5, Noise: or(v.noise, 0.15) * s.between(0.7, 1.3), DelayP: or(v.delay, 0.45), DelayMax: 30,
		LearningLoss: or(v.learning, 0.1), FeedGroup: k.typ,
	}
	c.Name = c.ID
	if v.apart {
		c.Margin, c.LTVMultiple = 0.2+2*(c.Margin-0.3), 1+2*(c.LTVMultiple-1.3)
	}
	c.NewShare = min(c.NewShare, 1)
	if v.alike {
		c.N, c.P, c.V, c.Sigma, c.Basket, c.Margin, c.NewShare, c.LTVMultiple, c.Iota = 800, 0.6, 2.1, 0.9, 70, 0.42, 0.6, 1.8, 0.8
		c.Budget, c.MinBudget, c.MaxBudget = 100, 10, 1000
		c.SeasonPhase, c.TrendPerYear, c.Noise, c.LearningLoss = 0, 0, 0.15, 0.15
		return c
	}
	if v.iota > 0 {
		c.Iota = v.iota
	}
	if v.still {
		c.Noise = 0
	}
	worth := c.Margin * (1 - c.NewShare + c.NewShare*c.LTVMultiple)
	c.V = c.P / worth * s.between(k.returnLow, k.returnTop)
	c.Budget = math.Round(c.N*c.P*s.between(0.1, 0.67)*or(v.funded, 1)/scale) * scale
	c.MinBudget, c.MaxBudget = c.Budget/10, c.Budget*10
	if v.targets && i%2 == 1 {
		tau := math.Round(100*c.V/c.P/c.Iota*s.between(1.2, 2.2)) / 100 // what it reports at all opportunities, and better
		c.TargetROAS = &tau
	}
	return c
}

// on is an event of a campaign, or of all for -1, some days after the start.
func (s *shop) on(day int, kind string, campaign, days int, value float64) market.ScenarioEvent {
	e := market.ScenarioEvent{Date: suiteStart.AddDays(day), Kind: kind, Days: days, Value: value}
	if campaign >= 0 {
		e.Campaign = s.campaigns[campaign%len(s.campaigns)].ID
	}
	return e
}

func outages(s *shop) []market.ScenarioEvent {
	return []market.ScenarioEvent{s.on(12, market.TrackingOutage, -1, 2, 0), s.on(40, market.TrackingOutage, 0, 3, 0),
		s.on(66, market.TrackingOutage, -1, 7, 0), s.on(100, market.TrackingOutage, 3, 2, 0)}
}

func stockOuts(s *shop) []market.ScenarioEvent {
	return []market.ScenarioEvent{s.on(10, market.StockOut, 2, 6, 0), s.on(45, market.FeedDisapproval, 2, 4, 0), s.on(80, market.StockOut, 0, 10, 0)}
}

func humanEdits(s *shop) []market.ScenarioEvent {
	return []market.ScenarioEvent{s.on(15, market.HumanEdit, 1, 1, s.campaigns[1].Budget*1.6), s.on(50, market.HumanEdit, 3, 1, s.campaigns[3].Budget*0.4),
		s.on(85, market.HumanEdit, 0, 1, s.campaigns[0].Budget*1.3)}
}

func sales(s *shop) []market.ScenarioEvent {
	return []market.ScenarioEvent{s.on(20, market.Sale, -1, 4, 1.6), s.on(60, market.Sale, 1, 7, 1.4), s.on(95, market.Sale, -1, 3, 2)}
}

func apiFaults(s *shop) []market.ScenarioEvent {
	return []market.ScenarioEvent{s.on(8, market.APIFault, -1, 1, 3), s.on(30, market.APIFault, 0, 3, 200), s.on(70, market.APIFault, 1, 2, 200)}
}

func everything(s *shop) (out []market.ScenarioEvent) {
	for _, f := range []func(*shop) []market.ScenarioEvent{outages, stockOuts, humanEdits, sales, apiFaults} {
		out = append(out, f(s)...)
	}
	return out
}
