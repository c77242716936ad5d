package bidding

import (
	"maps"
	"math"
	"slices"
)

// Which part of the revenue that a campaign's ads cause is of new customers is told by
// few orders. Campaigns to the same people are alike in it, so each leans on those of
// its audience, and the audience on the shop.
const (
	// audienceNewSD and campaignNewSD are standard deviations of the share before any
	// orders tell it: of audiences around the shop's, for ads to people who know the shop
	// bring few new ones and others most, and of campaigns within one.
	audienceNewSD = 0.2
	campaignNewSD = 0.15
)

// newcomers is what orders say of the shares of new customers.
type newcomers struct {
	shop      float64
	campaigns map[string]normal
	audiences map[string]*newAudience
}

// normal is a mean with its variance.
type normal struct{ mean, variance float64 }

// newAudience is what campaigns to the same people have in common.
type newAudience struct {
	between       float64 // variance among them
	weight, total float64 // of all campaigns' precisions, and times what they say
}

// newcomers looks at every campaign's orders once.
func (b *Book) newcomers(in WorthInput) newcomers {
	n := newcomers{campaigns: map[string]normal{}, audiences: map[string]*newAudience{}}
	if b.shop.revenue > 0 {
		n.shop = b.shop.newRevenue / b.shop.revenue
	}
	of := map[string][]normal{} // by audience
	all := maps.Clone(in.Incremental)
	if all == nil {
		all = map[string]Incremental{}
	}
	for c := range b.by {
		all[c] = in.Incremental[c]
	}
	for _, c := range slices.Sorted(maps.Keys(all)) {
		if seen, ok := b.seenNew(in, c); ok {
			n.campaigns[c] = seen
			of[all[c].Audience] = append(of[all[c].Audience], seen)
		}
	}
	for audience, seen := range of {
		a := &newAudience{between: betweenMembers(seen, campaignNewSD*campaignNewSD)}
		for _, s := range seen {
			w := 1 / (s.variance + a.between)
			a.weight, a.total = a.weight+w, a.total+w*s.mean
		}
		n.audiences[audience] = a
	}
	return n
}

// of is a campaign's share with its variance: what its own orders say, counted as a
// binomial, what those of its audience's other campaigns do, and the shop's share.
func (n newcomers) of(campaign, audience string) (share, variance float64) {
	weight := 1.0 / (audienceNewSD * audienceNewSD)
	total, between := weight*n.shop, campaignNewSD*campaignNewSD
	own, told := n.campaigns[campaign]
	if a := n.audiences[audience]; a != nil {
		between = a.between
		weight, total = weight+a.weight, total+a.total
		if told {
			w := 1 / (own.variance + between)
			weight, total = weight-w, total-w*own.mean
		}
	}
	share, variance = total/weight, 1/weight+between
	if told {
		w := variance / (variance + own.variance)
		share, variance = w*own.mean+(1-w)*share, w*own.variance
	}
	return min(max(share, 0), 1), variance
}

// seenNew is the share of new customers in what a campaign's ads caused by its own
// orders alone; false where it has none.
func (b *Book) seenNew(in WorthInput, campaign string) (normal, bool) {
	var own SharedRevenue
	if r, ok := in.Shared[campaign]; ok {
		own = r
	} else if a := b.alone[campaign]; a != nil {
		own = SharedRevenue{float64(a.orders), a.revenue, a.newRevenue}
	}
	if !(own.Revenue > 0 && own.Orders > 0) {
		return normal{}, false
	}
	seen := own.New / own.Revenue
	of := binomialVariance(seen, own.Orders)
	if u := &b.unasked; u.revenue > 0 {
		other := u.newRevenue / u.revenue
		seen, of = in.Incremental[campaign].ofCaused(seen, of, other, binomialVariance(other, float64(u.orders)))
	}
	return normal{seen, of}, true
}

// binomialVariance is that of a share of so many orders, with one more of each kind
// so that none and all are not taken for certain.
func binomialVariance(share, orders float64) float64 {
	p := (share*orders + 1) / (orders + 2)
	return p * (1 - p) / orders
}

// betweenMembers is the variance between what was estimated of several, by DerSimonian
// and Laird's estimator (1986, eq. 8), held to a prior that is believed like
// priorCampaigns of them.
func betweenMembers(seen []normal, prior float64) float64 {
	var n, w1, w2, wx float64
	for _, s := range seen {
		w := 1 / s.variance
		n, w1, w2, wx = n+1, w1+w, w2+w*w, wx+w*s.mean
	}
	between := 0.0
	if free := w1 - w2/max(w1, math.SmallestNonzeroFloat64); n > 1 && free > 0 {
		var q float64
		for _, s := range seen {
			q += (s.mean - wx/w1) * (s.mean - wx/w1) / s.variance
		}
		between = max(0, (q-(n-1))/free)
	}
	freedom := max(0, n-1)
	return (priorCampaigns*prior + freedom*between) / (priorCampaigns + freedom)
}
