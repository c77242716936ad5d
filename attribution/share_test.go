package attribution

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/money"
)

func eur(f float64) money.Micros { return money.Micros(f * 1e6) }

// claim is a campaign of so many orders of 50 each and a reported value.
func claim(campaign string, a Audience, orders, reported float64) CampaignValue {
	return CampaignValue{Campaign: campaign, Addressed: Addressed{a, "a test says so"}, Orders: orders, Shop: eur(50 * orders), Reported: eur(reported)}
}

// Where no order can be held against a claim, the share is the prior's, mean and
// standard deviation.
func TestShareWithoutOrdersIsThePrior(t *testing.T) {
	t.Parallel()
	priors := DefaultPriors()
	for _, s := range Shares([]CampaignValue{
		claim("meta:1", Known, 0, 500), claim("meta:2", Mixed, 19, 500), claim("meta:3", New, 0, 0), claim("google:4", New, 500, 0), claim("google:5", "", 0, 1e6),
	}, priors) {
		want := priors.Of(s.Addressed.Audience)
		if s.Compared || math.Abs(s.Iota-want.Share) > 0.002 || math.Abs(s.RelSD*s.Iota-want.SD) > 0.004 {
			t.Errorf("%s: %v ± %v, want %+v", s.Campaign, s.Iota, s.RelSD*s.Iota, want)
		}
		if !strings.Contains(s.Why, "say nothing of it") || !strings.Contains(s.Why, "a test says so") {
			t.Error(s.Why)
		}
	}
}

// Of orders under a click the caused part is iota m / (iota m + (1 - iota) h), and
// its error is that of iota, m and h carried on, each alone as by a small step.
func TestCaused(t *testing.T) {
	t.Parallel()
	part := func(iota, m, h float64) float64 { return iota * m / (iota*m + (1-iota)*h) }
	for _, s := range []Share{{Iota: 0.3, RelSD: 0.4, Clicked: 0.7}, {Iota: 0.9, RelSD: 0.05, Clicked: 0.5}, {Iota: 0.5, RelSD: 0, Clicked: 0.8}} {
		share, sd := s.Caused()
		const step = 1e-5
		var square float64
		for _, d := range []struct{ iota, m, h, sd float64 }{{iota: step, sd: s.Iota * s.RelSD}, {m: step, sd: measuredOwnSD}, {h: step, sd: clickedSD}} {
			slope := (part(s.Iota+d.iota, s.Clicked+d.m, clickedMean+d.h) - part(s.Iota-d.iota, s.Clicked-d.m, clickedMean-d.h)) / (2 * step)
			square += slope * slope * d.sd * d.sd
		}
		if want := part(s.Iota, s.Clicked, clickedMean); math.Abs(share-want) > 1e-12 || math.Abs(sd-math.Sqrt(square)) > 1e-6 {
			t.Errorf("%+v: %v ± %v, want %v ± %v", s, share, sd, want, math.Sqrt(square))
		}
	}
	if share, sd := (&Share{Iota: 1.1}).Caused(); share != 1 || sd != 0 {
		t.Errorf("all is caused: %v ± %v", share, sd)
	}
}

// A posterior mean rises with the orders behind the claim, keeps to what is
// believed where they are as many as is usual, and is the less sure the smaller
// the claim.
func TestSharesFollowTheOrders(t *testing.T) {
	t.Parallel()
	for _, a := range []Audience{Known, Mixed, New} {
		// Forty usual campaigns make the platform's share of measured orders known.
		values := []CampaignValue{}
		for range 40 {
			values = append(values, claim("google:usual", New, 7600, 500_000))
		}
		ratios := []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5}
		for _, r := range ratios {
			values = append(values, claim("google:x", a, 1000*r, 50_000))
		}
		last := 0.0
		for i, s := range Shares(values, DefaultPriors())[40:] {
			if !(s.Iota > last && s.Iota < 1 && s.RelSD > 0 && s.RelSD < 1.5) || !s.Compared {
				t.Errorf("%s: ratio %v gives %v, the one before %v", a, ratios[i], s.Iota, last)
			}
			last = s.Iota
		}
		got := Shares(append(values[:40:40], claim("google:empty", a, 0, 50_000), claim("google:one", a, 0, 50), claim("google:usual", a, 760, 50_000)), DefaultPriors())[40:]
		prior := DefaultPriors().Of(a)
		if got[0].Iota > prior.Share/2 {
			t.Errorf("%s: a thousand sales that nobody bought leave %v", a, got[0].Iota)
		}
		if got[1].Iota < 0.75*prior.Share {
			t.Errorf("%s: one sale that nobody bought leaves %v", a, got[1].Iota)
		}
		if math.Abs(got[2].Iota-prior.Share) > 0.1 {
			t.Errorf("%s: the usual ratio moves %v to %v", a, prior.Share, got[2].Iota)
		}
	}
}

// A platform whose clicks the shop sees badly is not thought to bring less.
func TestSharesTellPoorTrackingFromEmptyClaims(t *testing.T) {
	t.Parallel()
	var poor []CampaignValue
	for range 8 {
		poor = append(poor, claim("meta:x", New, 400, 50_000))
	}
	all := Shares(poor, DefaultPriors())[0].Iota
	var one []CampaignValue
	for range 7 {
		one = append(one, claim("meta:x", New, 800, 50_000))
	}
	alone := Shares(append(one, poor[0]), DefaultPriors())[7].Iota
	if all < 0.6 || alone > all-0.1 {
		t.Errorf("40 %% of the claims in the shop make %v where it is so for all and %v for one campaign alone", all, alone)
	}
}

// Over markets drawn from the model itself the posterior is calibrated: its
// means are right on average, and 80 % of the truths lie within 1.28 standard
// deviations, about.
func TestSharesAreCalibrated(t *testing.T) {
	t.Parallel()
	priors := DefaultPriors()
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(mean, sd float64) float64 { return mean + sd*rng.NormFloat64() }
	within := func(draw func() float64, lo, hi float64) float64 {
		for {
			if x := draw(); x >= lo && x <= hi {
				return x
			}
		}
	}
	var bias, squares, said, held, n float64
	for range 400 {
		m := within(func() float64 { return normal(measuredMean, measuredSD) }, leastMeasured, 1)
		var values []CampaignValue
		var truth []float64
		for i := range 6 {
			a := []Audience{Known, Mixed, New}[i%3]
			p := priors.Of(a)
			nu := p.Share*(1-p.Share)/(p.SD*p.SD) - 1
			iota := distuv.Beta{Alpha: p.Share * nu, Beta: (1 - p.Share) * nu, Src: rng}.Rand()
			ratio := within(func() float64 { return iota*normal(m, measuredOwnSD) + (1-iota)*normal(clickedMean, clickedSD) }, 0.02, 1.5)
			// 400 sales of 50 are reported, and the orders are Poisson of varied size.
			orders := distuv.Poisson{Lambda: 400 * ratio, Src: rng}.Rand()
			var shop float64
			for range int(orders) {
				shop += distuv.Gamma{Alpha: 2.5, Beta: 2.5 / 50, Src: rng}.Rand()
			}
			values = append(values, CampaignValue{Campaign: "google:x", Addressed: Addressed{Audience: a}, Orders: orders, Shop: eur(shop), Reported: eur(400 * 50)})
			truth = append(truth, iota)
		}
		for i, s := range Shares(values, priors) {
			sd := s.RelSD * s.Iota
			bias += s.Iota - truth[i]
			squares += square(s.Iota - truth[i])
			said += sd * sd
			if math.Abs(s.Iota-truth[i]) <= 1.2816*sd {
				held++
			}
			n++
		}
	}
	if math.Abs(bias/n) > 0.02 || math.Abs(math.Sqrt(squares/said)-1) > 0.05 || held/n < 0.76 || held/n > 0.86 {
		t.Errorf("bias %.3f, error %.3f of what is said, %.3f within", bias/n, math.Sqrt(squares/said), held/n)
	}
}

// Nothing that can be counted makes a share that is no number between 0 and 1.
func TestSharesStayNumbers(t *testing.T) {
	t.Parallel()
	amounts := []float64{-1e9, -1, 0, 1e-6, 1, 1e9}
	var values []CampaignValue
	for _, shop := range amounts {
		for _, reported := range amounts {
			values = append(values, CampaignValue{Campaign: "google:x", Orders: math.Abs(shop) / 10, Shop: eur(shop), Reported: eur(reported)})
		}
	}
	for _, set := range [][]CampaignValue{values, slices.Repeat(values, 300), values[:1], nil} {
		for _, s := range Shares(set, DefaultPriors()) {
			if !(s.Iota > 0 && s.Iota < 1) || !(s.RelSD > 0) || math.IsInf(s.RelSD, 0) {
				t.Fatalf("%+v", s)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	p := DefaultPriors()
	p.Patterns.Known = append(p.Patterns.Known, "Nord-Licht*")
	for name, want := range map[string]Audience{
		"Search | Brand | DACH": Known, "Search_NonBrand_DE": New, "Search - Non-Brand - DE": New, "Brand Awareness Video": New, "Markenname exakt": Known,
		"Retargeting | Viewed & carts 14d": Known, "DE_RLSA": Known, "Prospecting | Retargeting excluded": New, "Brandenburg": New, "Competitors | Brand terms": New,
		"Catalogue sales": Mixed, "Advantage+ Shopping": Mixed, "PMax | Best sellers": Mixed, "Norderlicht": New, "nord licht exact": Known, "": New, "Retargeting r1": Known,
	} {
		if got := p.Address(name, "search"); got.Audience != want || got.Why == "" {
			t.Errorf("%q: %+v, want %s", name, got, want)
		}
	}
	if got := p.Address("Everything", "pmax"); got.Audience != Mixed {
		t.Error(got)
	}
	if got := p.Address("Brand", "pmax"); got.Audience != Known || got.Why != `its name says "brand"` {
		t.Error(got)
	}
}

func TestPriorsValidate(t *testing.T) {
	t.Parallel()
	if err := DefaultPriors().Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Priors){
		"incremental.known_audience.share": func(p *Priors) { p.Known.Share = 0 },
		"incremental.new_audience.share":   func(p *Priors) { p.New.Share = math.NaN() },
		"incremental.mixed_audience.sd":    func(p *Priors) { p.Mixed.SD = 0.5 },
		"incremental.known_audience.sd":    func(p *Priors) { p.Known.SD = 0 },
		"incremental.patterns.mixed[1]":    func(p *Priors) { p.Patterns.Mixed = []string{"a", "*"} },
	} {
		p := DefaultPriors()
		spoil(&p)
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), want+" is ") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func BenchmarkShares(b *testing.B) {
	values := make([]CampaignValue, 10_000)
	for i := range values {
		values[i] = claim("google:x", New, float64(i%50), float64(i%70)*50)
	}
	for b.Loop() {
		Shares(values, DefaultPriors())
	}
}
