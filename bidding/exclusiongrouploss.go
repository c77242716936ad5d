package bidding

import "gonum.org/v1/gonum/stat/distuv"

// leastBetween is the least variance between groups that is believed: their sales
// per click differ by a third or so. Where one group in a hundred sells nothing,
// the moments alone would say that groups hardly differ, and call it chance.
const leastBetween = 0.1

// learnGroups finds how much of the variance v = 1/spread of items' theta lies
// between the groups of each kind: b of it, and v - b within them (hierarchical
// credibility: Jewell 1975; Buhlmann and Gisler 2005, chapter 6). Of two items of a
// group the mean product of n - due is b times that of their dues, as neither chance
// nor what sets the one apart has a share in it. So b is the sum of the products of
// all such pairs, over that of the dues (method of moments).
func (p *exclusionPlanner) learnGroups() {
	products, dues := map[string]float64{}, map[string]float64{}
	for _, g := range p.groups {
		k, n, due := kind(g.key), 0.0, 0.0
		for i, it := range g.items {
			x := lineSum(it.Lines).Conversions - g.due[i]
			n, due = n+x, due+g.due[i]
			products[k], dues[k] = products[k]-x*x, dues[k]-g.due[i]*g.due[i]
		}
		products[k], dues[k] = products[k]+n*n, dues[k]+due*due
	}
	for _, g := range p.groups {
		k := kind(g.key)
		p.between[k] = leastBetween
		if dues[k] > 0 {
			p.between[k] = min(max(products[k]/dues[k], leastBetween), 1/p.prior[g.key.Platform].spread)
		}
	}
}

// spread is the shape of the Gamma distribution of a group's mean theta, each item
// counted by its due: its variance is b + (v - b)/m for m = (sum due)^2 / sum due^2
// items. Of one item it is that of items; of many that differ only by themselves,
// the group is nearly as all are.
func (p *exclusionPlanner) spread(g *productGroup) float64 {
	sum, squares := 0.0, 0.0
	for _, d := range g.due {
		sum, squares = sum+d, squares+d*d
	}
	if !(squares > 0) {
		return 0
	}
	v, b := 1/p.prior[g.key.Platform].spread, p.between[kind(g.key)]
	return 1 / (b + (v-b)*squares/(sum*sum))
}

// judgeGroup holds what was spent on a group against its sales, each item's at its
// own price and cost; ok is false where sales are not told by item.
func (p *exclusionPlanner) judgeGroup(g *productGroup) (e ItemEvidence, l itemLoss, ok bool) {
	e = p.evidence(ItemFacts{Platform: g.key.Platform, Lines: g.lines})
	if e.Due == 0 {
		return e, l, false
	}
	sold := 0.0
	e.Due, e.Spread = 0, p.spread(g)
	for i, it := range g.items {
		e.Due += g.due[i]
		sold += p.sold(it.Lines, it.Price, it.UnitCost)
	}
	l, ok = e.loss(sold)
	return e, l, ok
}

// memberLoss is the probability that an item's ads lose money, with what the rest
// of its group says of it: a lucky sale of an item that had few clicks is no proof.
// Its theta is Gamma distributed around the mean of the rest with the variance that
// items have within groups, however low that mean: what clearly sells in a group
// that does not is no part of it.
func (p *exclusionPlanner) memberLoss(g *productGroup, i int) float64 {
	it, t := g.items[i], lineSum(g.items[i].Lines)
	rest := lineSum(g.lines).Conversions - t.Conversions
	mean := (g.evidence.Spread + rest) / (g.evidence.Spread + g.evidence.Due - g.due[i])
	within := max(1/p.prior[it.Platform].spread-p.between[kind(g.key)], leastBetween)
	sold := p.sold(it.Lines, it.Price, it.UnitCost)
	scale := g.due[i] / g.evidence.Arrived * (sold + g.loss.sale) / (t.Conversions + 1)
	switch {
	case scale <= 0 && sold > t.Spend: // without a click
		return 0
	case scale <= 0:
		return 1
	}
	return distuv.Gamma{Alpha: mean*mean/within + t.Conversions, Beta: mean/within + g.due[i]}.CDF(t.Spend / scale)
}
