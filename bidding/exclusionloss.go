package bidding

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// itemWorth is what a sale of an item is worth in one campaign: incremental share,
// the campaign's contribution margin, and the margin of what buyers go on to order
// per unit of the price.
type itemWorth struct{ incremental, margin, later float64 }

// itemPrior is what is known of a platform's items before one is looked at.
type itemPrior struct {
	total   ItemLine
	arrived float64
	spread  float64 // shape of the Gamma distribution of mean 1 by which items' sales per click differ from due
}

// learn adds up what each campaign and platform sold by items, and how much items
// differ in what they sell per click.
func (p *exclusionPlanner) learn() {
	for _, it := range p.in.Items {
		t := p.prior[it.Platform]
		for _, l := range it.Lines {
			k := l.Campaign.String()
			p.campaign[k] = p.campaign[k].plus(l)
			t.total = t.total.plus(l)
		}
		p.prior[it.Platform] = t
	}
	for name, t := range p.prior {
		if s := p.share[name]; s != nil {
			s.Spend += t.total.Spend
		}
		t.arrived = p.arrived(name)
		over, squares := 0.0, 0.0
		for _, it := range p.in.Items {
			if it.Platform == name {
				due, n := p.due(it.Lines, t), lineSum(it.Lines).Conversions
				over, squares = over+(n-due)*(n-due)-n, squares+due*due
			}
		}
		t.spread = 1
		if squares > 0 {
			t.spread = 1 / min(max(over/squares, 0.2), 4)
		}
		p.prior[name] = t
	}
}

// rate is how often the platform's items sell per click; 0 without clicks.
func (t itemPrior) rate() float64 {
	if t.total.Clicks <= 0 {
		return 0
	}
	return t.total.Conversions / float64(t.total.Clicks)
}

func (l ItemLine) plus(o ItemLine) ItemLine {
	return ItemLine{l.Campaign, l.Spend + o.Spend, l.Value + o.Value, l.Conversions + o.Conversions, l.Clicks + o.Clicks}
}

func lineSum(lines []ItemLine) (t ItemLine) {
	for _, l := range lines {
		t = t.plus(l)
	}
	return t
}

// arrived is the share of the days' sales that is reported by now, each day
// counted alike and days without tracking as nothing.
func (p *exclusionPlanner) arrived(name platform.Name) float64 {
	i := slices.IndexFunc(p.in.Accounts, func(a Account) bool { return a.Platform == name })
	if i < 0 || p.in.To < p.in.From {
		return 1
	}
	a, share := p.in.Accounts[i], 0.0
	lag := a.lag()
	for d := p.in.From; d <= p.in.To; d++ {
		if !slices.ContainsFunc(p.in.Outages, func(o response.Outage) bool { return o.Platform == string(name) && o.Unit == "" && o.Date == d }) {
			share += lag.At(a.Today.Sub(d))
		}
	}
	return share / float64(p.in.To.Sub(p.in.From)+1)
}

// steadyClicks is how many clicks at the platform's rate steady a campaign's own.
const steadyClicks = 100

// due is how often the other items of its campaigns would have sold with the
// item's clicks.
func (p *exclusionPlanner) due(lines []ItemLine, t itemPrior) (due float64) {
	all := t.rate()
	for _, l := range lines {
		due += float64(l.Clicks) * p.rate(l, all)
	}
	return due
}

// rate is how often the items of a line's campaign sell per click without what the
// line holds; all is the rate of the platform.
func (p *exclusionPlanner) rate(l ItemLine, all float64) float64 {
	c := p.campaign[l.Campaign.String()]
	return (max(0, c.Conversions-l.Conversions) + all*steadyClicks) / (float64(max(0, c.Clicks-l.Clicks)) + steadyClicks)
}

// platform is what holds for all items of a platform; zero where nothing does.
func (p *exclusionPlanner) platform(name platform.Name) ItemPlatform {
	if i := slices.IndexFunc(p.in.Platforms, func(pl ItemPlatform) bool { return pl.Name == name }); i >= 0 {
		return p.in.Platforms[i]
	}
	return ItemPlatform{}
}

func (p *exclusionPlanner) worth(c Key) itemWorth {
	w, ok := p.in.Worth[CampaignKey(c.Platform, c.ID)]
	if !ok {
		w = p.in.DefaultWorth
	}
	return itemWorth{w.IncrementalShare, w.Margin, w.Margin * max(w.LTVMultiple-1, 0)}
}

// evidence gathers what the days say of an item.
func (p *exclusionPlanner) evidence(it ItemFacts) ItemEvidence {
	t := p.prior[it.Platform]
	e := ItemEvidence{Clicks: lineSum(it.Lines).Clicks, Price: it.Price, UnitCost: it.UnitCost, Lines: it.Lines}
	if !p.platform(it.Platform).TellsSales || t.total.Conversions <= 0 || !(t.arrived > 0) {
		return e
	}
	var worth, spend float64
	for _, l := range it.Lines {
		c, w := p.campaign[l.Campaign.String()], p.worth(l.Campaign)
		perSale := t.total.Value / t.total.Conversions
		if c.Conversions > 0 {
			perSale = c.Value / c.Conversions
		}
		worth, spend = worth+l.Spend*perSale*w.incremental*(w.margin+w.later), spend+l.Spend
	}
	if !(worth > 0) || !(spend > 0) { // sales without a value, or of no worth anywhere, say nothing of one item
		return e
	}
	e.Due, e.Arrived, e.Spread, e.Typical = p.due(it.Lines, t), t.arrived, t.spread, worth/spend
	return e
}

// itemLoss is what an item's ads lose over the days looked at, in the shop's
// currency: spend less the worth of its sales.
type itemLoss struct {
	spend, sold       float64 // sold is the worth of the sales reported
	mean, low, high   float64 // of the loss; 80 %
	probability, sale float64 // that it is above 0; the worth of a sale
}

// judge holds an item's spend against its sales at a price and cost; ok is false
// where sales are not told by item.
func (p *exclusionPlanner) judge(e ItemEvidence, price money.Micros, cost *money.Micros) (l itemLoss, ok bool) {
	return e.loss(p.sold(e.Lines, price, cost))
}

// sold is what an item's sales so far are worth at its price and cost.
func (p *exclusionPlanner) sold(lines []ItemLine, price money.Micros, cost *money.Micros) (sold float64) {
	for _, line := range lines {
		w := p.worth(line.Campaign)
		own, margin := 0.0, w.margin
		if cost != nil && price > 0 {
			// What is beyond its own price is other goods of the same orders.
			own, margin = min(line.Value, line.Conversions*price.Float()), 1-cost.Float()/price.Float()
		}
		sold += w.incremental * (own*margin + (line.Value-own)*w.margin + line.Value*w.later)
	}
	return sold
}

// loss is what the ads lose where the sales so far are worth sold; ok is false
// where sales are not told by item.
func (e ItemEvidence) loss(sold float64) (itemLoss, bool) {
	if !(e.Due > 0) || !(e.Arrived > 0) || !(e.Spread > 0) {
		return itemLoss{}, false
	}
	t := lineSum(e.Lines)
	// One sale of the usual kind steadies what few sales say of their worth.
	l := itemLoss{spend: t.Spend, sold: sold, sale: (sold + e.Typical) / (t.Conversions + 1)}
	theta := distuv.Gamma{Alpha: e.Spread + t.Conversions, Beta: e.Spread + e.Due}
	scale := e.Due / e.Arrived * l.sale // worth of all its sales at theta 1
	loss := func(theta float64) float64 { return l.spend - scale*theta }
	l.mean, l.low, l.high = loss(theta.Mean()), loss(theta.Quantile(0.9)), loss(theta.Quantile(0.1))
	if scale <= 0 {
		l.low, l.high, l.probability = min(l.low, l.high), max(l.low, l.high), 1
	} else {
		l.probability = theta.CDF(l.spend / scale)
	}
	if math.IsNaN(l.mean+l.low+l.high+l.probability) || math.IsInf(l.mean+l.low+l.high, 0) {
		return itemLoss{}, false
	}
	return l, true
}
