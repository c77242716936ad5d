package attribution

import (
	"fmt"
	"math"
	"strings"

	"adsteward/attribution/lift"
	"adsteward/internal/money"
)

// CampaignValue is what shop and platform each say of one campaign over the
// same days. Campaign is CampaignKey's form.
type CampaignValue struct {
	Campaign  string
	Addressed Addressed
	Orders    float64      // shop orders credited, each split over all its touches; see Match
	Shop      money.Micros // their revenue
	Reported  money.Micros // the value the platform reports, lag-corrected
}

// Share is a campaign's incremental share iota without an experiment: what is
// believed of campaigns that speak to such people, and what the shop's orders
// make of it. Orders tell claims that nobody stands behind; that an order would
// have come anyway they do not tell, and so the belief stays the larger part.
type Share struct {
	CampaignValue
	Prior Prior   // of its audience
	Ratio float64 // the campaign's own Shop / Reported; 0 where nothing is reported
	Iota  float64 // mean of the posterior, above 0 and below 1
	// RelSD is the posterior's standard deviation as a share of Iota.
	RelSD float64
	// Clicked is the part of what the platform's ads caused of which the shop sees
	// the click: the posterior's mean of m.
	Clicked float64
	// Compared is false where too few of the platform's claims could be held
	// against orders; Iota is then the prior's.
	Compared bool
	Why      string
	// Measured is what experiments made of it; nil where there were none. Iota and
	// RelSD are then its.
	Measured *lift.Iota `json:"measured,omitempty"`
}

const (
	// minOrders is how many credited orders of a platform make a comparison.
	// Fewer mean that joining does not work there, not that it brings nothing.
	minOrders = 20
	// orderSpread is the mean square of an order's value over the square of its
	// mean, for orders that vary by about two thirds of their mean.
	orderSpread = 1.4
	// Of the orders an ad caused, the shop sees the click of a part that differs
	// between platforms (consent, devices) and less between their campaigns.
	measuredMean, measuredSD, measuredOwnSD = 0.8, 0.2, 0.15
	// Of the claims without cause, so many are orders under the ad's click (as
	// where it met people about to buy); the others are seen by the platform alone.
	clickedMean, clickedSD = 0.65, 0.3
	// ratioCap: credit far above the claim says no more than this of m.
	ratioCap = 1.25
)

// Shares computes each campaign's Share, in the order given.
//
// The model: of the reported value a share iota is caused; m of that is credited
// to the campaign by the shop, and h of the rest. The shop then holds the ratio
// c = iota m + (1 - iota) h of what is reported. iota is Beta distributed with the
// audience's mean and standard deviation, m and h are normal (see the constants),
// m with a part that the campaigns of a platform share, and c is counted in
// orders of differing size. The posterior is summed over a grid of iota and of the
// platform's m. A low c is strong evidence against a claim; a c near m is little
// evidence of anything, since orders under a click need not be its doing. A c above
// the platform's is taken for that: a campaign that is clicked on the way to what
// others sold holds more than it claims, and whether that is its doing is not said.
func Shares(values []CampaignValue, priors Priors) []Share {
	platforms := map[string]*claims{}
	out := make([]Share, len(values))
	for i, v := range values {
		out[i] = Share{CampaignValue: v, Prior: priors.Of(v.Addressed.Audience)}
		if v.Reported > 0 {
			out[i].Ratio = max(v.Shop.Float(), 0) / v.Reported.Float()
			platforms[platformOf(v)] = platforms[platformOf(v)].with(v)
		}
	}
	grids := map[Audience]*grid{}
	for _, a := range []Audience{Known, Mixed, New} {
		grids[a] = newGrid(priors.Of(a))
	}
	found := make([]evidence, len(out))
	for i := range out {
		s, p := &out[i], platforms[platformOf(values[i])]
		s.Compared = p != nil && p.orders >= minOrders && p.shop > 0
		found[i] = grids[audienceOf(s.Addressed)].weigh(s, p)
		if s.Compared && s.Reported > 0 {
			p.learn(found[i])
		}
	}
	for i := range out {
		s, p := &out[i], platforms[platformOf(values[i])]
		s.conclude(found[i], p)
	}
	return out
}

func audienceOf(a Addressed) Audience {
	if a.Audience == Known || a.Audience == Mixed {
		return a.Audience
	}
	return New
}

func platformOf(v CampaignValue) string { return platformIn(v.Campaign) }

// platformIn is the platform of a campaign in CampaignKey's form.
func platformIn(campaign string) string {
	p, _, _ := strings.Cut(campaign, ":")
	return p
}

// claims are what is known of one platform: its campaigns' orders together, and
// how likely each measured share m is.
type claims struct {
	orders, shop, reported float64
	logLikely              [measuredSteps]float64 // by step of m, the prior of m included
}

// usual is the ratio of all the platform's campaigns together.
func (p *claims) usual() float64 { return min(p.shop/p.reported, 1) }

func (p *claims) with(v CampaignValue) *claims {
	if p == nil {
		p = &claims{}
		for k := range p.logLikely {
			p.logLikely[k] = logNormal(measuredAt(k), measuredMean, measuredSD*measuredSD)
		}
	}
	p.orders += v.Orders
	p.shop += max(v.Shop.Float(), 0)
	p.reported += v.Reported.Float()
	return p
}

func (p *claims) learn(e evidence) {
	for k := range p.logLikely {
		p.logLikely[k] += math.Log(e[k].likely)
	}
}

// measuredSteps of m are looked at, from leastMeasured to 1.
const (
	measuredSteps = 13
	leastMeasured = 0.2
)

func measuredAt(k int) float64 {
	return leastMeasured + (1-leastMeasured)*float64(k)/(measuredSteps-1)
}

// grid is a Beta distribution of iota on equal steps.
type grid struct{ iota, weight [iotaSteps]float64 }

const iotaSteps = 40

func newGrid(p Prior) *grid {
	g := &grid{}
	nu := p.Share*(1-p.Share)/(p.SD*p.SD) - 1
	a, b := p.Share*nu, (1-p.Share)*nu
	logs := [iotaSteps]float64{}
	for j := range logs {
		g.iota[j] = (float64(j) + 0.5) / iotaSteps
		logs[j] = (a-1)*math.Log(g.iota[j]) + (b-1)*math.Log1p(-g.iota[j])
	}
	g.weight = normalised(logs)
	return g
}

// normalised turns logarithms of weights into weights of the sum 1.
func normalised(logs [iotaSteps]float64) [iotaSteps]float64 {
	top, sum := math.Inf(-1), 0.0
	for _, l := range logs {
		top = max(top, l)
	}
	for j, l := range logs {
		logs[j] = math.Exp(l - top)
		sum += logs[j]
	}
	for j := range logs {
		logs[j] /= sum
	}
	return logs
}

// evidence is, for each step of the platform's m, how likely a campaign's ratio
// is, and the first two moments of iota given it.
type evidence [measuredSteps]struct{ likely, mean, square float64 }

// weigh holds a campaign's ratio against every iota and m. Where nothing can be
// compared every ratio is as likely, and iota is as believed.
func (g *grid) weigh(s *Share, p *claims) evidence {
	var e evidence
	compare := s.Compared && s.Reported > 0
	var claimed float64 // orders its claim would be at the platform's mean order
	if compare {
		claimed = s.Reported.Float() / (p.shop / p.orders)
	}
	seen, usual := min(s.Ratio, ratioCap), s.Ratio
	if compare {
		usual = min(seen, p.usual())
	}
	for k := range e {
		m := measuredAt(k)
		var likely float64
		for j, iota := range g.iota {
			w := g.weight[j]
			if compare {
				mean := iota*m + (1-iota)*clickedMean
				variance := square(iota*measuredOwnSD) + square((1-iota)*clickedSD) + mean*orderSpread/claimed
				prior := w
				w *= math.Exp(logNormal(usual, mean, variance))
				if seen > usual {
					e[k].likely += prior * math.Exp(logNormal(seen, mean, variance))
				} else {
					e[k].likely += w
				}
			}
			likely += w
			e[k].mean += w * iota
			e[k].square += w * iota * iota
		}
		e[k].mean /= likely
		e[k].square /= likely
	}
	return e
}

// conclude averages over the platform's m and says what came of it.
func (s *Share) conclude(e evidence, p *claims) {
	var total, mean, squares, clicked float64
	top := math.Inf(-1)
	if p != nil {
		for _, l := range p.logLikely {
			top = max(top, l)
		}
	}
	for k := range e {
		w := 1.0
		if p != nil {
			w = math.Exp(p.logLikely[k] - top)
		}
		total += w
		mean += w * e[k].mean
		squares += w * e[k].square
		clicked += w * measuredAt(k)
	}
	if s.Clicked = measuredMean; p != nil {
		s.Clicked = clicked / total
	}
	s.Iota = mean / total
	s.RelSD = math.Sqrt(max(squares/total-s.Iota*s.Iota, 0)) / s.Iota
	s.Why = s.explain()
}

// Caused is which part of the orders under the campaign's clicks its ads caused,
// iota m / (iota m + (1 - iota) h) in the terms of Shares, and its standard error,
// to first order in those of iota, m and h.
func (s *Share) Caused() (share, sd float64) {
	m := s.Clicked
	if m <= 0 { // as shares of before it was kept have it
		m = measuredMean
	}
	iota, h := min(s.Iota, 1), clickedMean
	c := iota*m + (1-iota)*h
	d := 1 / (c * c)
	return iota * m / c, math.Hypot(math.Hypot(d*m*h*iota*s.RelSD, d*iota*(1-iota)*h*measuredOwnSD), d*iota*(1-iota)*m*clickedSD)
}

// leastShare keeps a share that was measured as nothing from being divided by.
const leastShare = 0.01

// Calibrated reports whether an experiment has measured the campaign itself.
func (s *Share) Calibrated() bool { return s.Measured != nil && s.Measured.Measured }

// Take puts what experiments found in the place of the belief, which is in it.
func (s *Share) Take(m lift.Iota) {
	before := s.Iota
	s.Measured, s.Iota = &m, max(m.Mean, leastShare)
	s.RelSD = min(m.SD/s.Iota, 1)
	if m.Measured {
		what := "an experiment"
		if k := len(m.Sources); k > 1 {
			what = fmt.Sprintf("%d experiments", k)
		}
		s.Why = fmt.Sprintf("measured by %s, the newest of which ended %d days ago, and %.0f %% of it rests on that; without it %.0f %% would be believed", what, m.AgeDays, 100*m.Weight, 100*before)
		return
	}
	s.Why += fmt.Sprintf("; corrected by what experiments found for %d campaigns to the same people, to %.0f %%", m.Pooled, 100*s.Iota)
}

func (s *Share) explain() string {
	people := map[Audience]string{Known: "people who know the shop", Mixed: "new and known people alike", New: "new people"}[audienceOf(s.Addressed)]
	assumed := fmt.Sprintf("assumed beforehand %.0f %% (± %.0f), as studies at other shops found for ads to %s", 100*s.Prior.Share, 100*s.Prior.SD, people)
	if s.Addressed.Why != "" {
		assumed += " (" + s.Addressed.Why + ")"
	}
	switch {
	case !s.Compared:
		return fmt.Sprintf("%s; fewer than %d of the platform's sales could be joined to clicks, so the shop's own orders say nothing of it", assumed, minOrders)
	case s.Reported <= 0:
		return assumed + "; it has reported no sale that the shop's own orders could be held against"
	}
	return fmt.Sprintf("%s; seen: the shop's own orders, each split over all ads clicked before it, cover %.0f %% of the reported value (%.0f orders); together %.0f %%",
		assumed, 100*s.Ratio, s.Orders, 100*s.Iota)
}

func logNormal(x, mean, variance float64) float64 {
	return -square(x-mean)/(2*variance) - math.Log(variance)/2
}

func square(x float64) float64 { return x * x }
