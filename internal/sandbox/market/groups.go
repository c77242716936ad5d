package market

import (
	"fmt"
	"math"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Group is an ad group of a Google campaign, or an ad set of a Meta campaign, as its
// platform shows it today.
type Group struct {
	Key  string // what SetBid and events call it: of the first the campaign's id
	Name string
	Bid  money.Micros // 0 where it has none: without manual_cpc, and of a campaign's only ad set
	// Floor is an ad set's minimum ROAS, 0 for none; SetTargetROAS of Key sets it.
	Floor money.Micros
}

// GroupDay is what an ad group's or ad set's day came to. Entity is its campaign with the
// scenario id.
type GroupDay struct {
	platform.Performance
	Campaign int // index in the scenario
	Group    int // place in the campaign
}

// mostGroups a campaign may have.
const mostGroups = 100

// groups is how many ad groups or ad sets the campaign has.
func (c *CampaignSpec) groups() int { return max(c.AdGroups, c.AdSets, 1) }

// bids reports whether these have bids.
func (c *CampaignSpec) bids() bool {
	return c.Bidding == "manual_cpc" || c.AdSets > 1 && c.target() == 0
}

// floors reports whether its ad sets have a minimum ROAS each.
func (c *CampaignSpec) floors() bool { return c.Platform == platform.Meta && c.target() > 0 }

// target is the target that holds the campaign's spend back on a day: of several ad sets
// the mean of theirs, by the clicks they have.
func (m *Market) target(c *campaign, day civil.Date) money.Micros {
	if len(c.targets) == 1 {
		return m.targets[c.targets[0]].on(day)
	}
	clicks, _ := groupShares(len(c.targets))
	var mean float64
	for k, at := range c.targets {
		mean += (clicks[k+1] - clicks[k]) * float64(m.targets[at].on(day))
	}
	return money.Micros(math.Round(mean))
}

// targetStep is the newest step of its targets that made the campaign learn.
func (m *Market) targetStep(c *campaign, day civil.Date) (newest civil.Date, ok bool) {
	for _, at := range c.targets {
		if d, found := m.targets[at].lastStep(day); found {
			newest, ok = max(newest, d), true
		}
	}
	return newest, ok
}

// group names the k-th of them.
func (c *CampaignSpec) group(k int) Group {
	what, key := "ad group", c.ID
	if c.Platform == platform.Meta {
		what = "ad set"
	}
	if k > 0 {
		key = fmt.Sprintf("%s %s %d", c.ID, what, k+1)
	}
	switch {
	case c.groups() > 1:
		return Group{Key: key, Name: fmt.Sprintf("%s %s %d", c.Name, what, k+1)}
	case c.Platform == platform.Meta:
		return Group{Key: key, Name: c.Name + " ad set"}
	}
	return Group{Key: key, Name: c.Name}
}

// groupShares are the parts of a campaign's clicks and sales that its first 0 to n ad
// groups have together. The i-th has 1/i of the first one's clicks and 1/i^2 of its
// sales, so that its clicks are worth less.
func groupShares(n int) (clicks, sales []float64) {
	clicks, sales = make([]float64, n+1), make([]float64, n+1)
	for i := range n {
		x := float64(i + 1)
		clicks[i+1], sales[i+1] = clicks[i]+1/x, sales[i]+1/(x*x)
	}
	c, s := clicks[n], sales[n]
	for i := range n {
		clicks[i+1], sales[i+1] = clicks[i+1]/c, sales[i+1]/s
	}
	return clicks, sales
}

// GroupReport is Report for the ad groups: by campaign, day and ad group. The parts
// of a day add up to it; where a campaign has one, that is the day.
func (m *Market) GroupReport(p platform.Name, from, to civil.Date) []GroupDay {
	byID := map[string]*campaign{}
	for _, c := range m.campaigns {
		byID[c.spec.ID] = c
	}
	s := newStream(m.sc.Seed)
	var out []GroupDay
	for _, day := range m.Report(p, from, to) {
		out = m.ofGroups(out, s, byID[day.Entity.ID], day)
	}
	return out
}

// ofGroups appends the parts of a campaign's day that its ad groups have. Of a whole
// number each takes the whole steps that lie in its share, from a start drawn for the
// day: none always gets what rounding leaves. Sales are worth the day's mean in all.
func (m *Market) ofGroups(out []GroupDay, s *stream, c *campaign, day platform.Performance) []GroupDay {
	n := c.spec.groups()
	if n == 1 {
		return append(out, GroupDay{day, c.index, 0})
	}
	clicks, sales := groupShares(n)
	first, unit := s.at(c.index, day.Date, forGroups).Float64(), float64(m.unit)
	upTo := func(total, share float64) float64 { return min(math.Floor(total*share+first), total) }
	sold, coin := day.Conversions, m.unit
	soldUpTo := func(i int) float64 { return upTo(sold, sales[i]) }
	if c.spec.Noise == 0 { // neither conversions nor coins are whole
		coin, soldUpTo = 1, func(i int) float64 { return sold * sales[i] }
	}
	value := float64(day.Value / coin)
	for i := range n {
		part := func(total float64) float64 { return upTo(total, clicks[i+1]) - upTo(total, clicks[i]) }
		d := platform.Performance{Entity: day.Entity, Date: day.Date, Cost: money.Micros(part(float64(day.Cost)/unit) * unit),
			Clicks: int64(part(float64(day.Clicks))), Impressions: int64(part(float64(day.Impressions))), Eligible: int64(part(float64(day.Eligible)))}
		if sold > 0 {
			d.Conversions = soldUpTo(i+1) - soldUpTo(i)
			d.Value = money.Micros(math.Round(value*soldUpTo(i+1)/sold)-math.Round(value*soldUpTo(i)/sold)) * coin
		}
		out = append(out, GroupDay{d, c.index, i})
	}
	return out
}

// groups are the ad groups or ad sets of campaign i as of today.
func (m *Market) groups(i int) []Group {
	c := m.campaigns[i]
	out := make([]Group, c.spec.groups())
	for k := range out {
		if out[k] = c.spec.group(k); c.spec.bids() {
			out[k].Bid = m.bids[i][k].on(m.today)
		}
		if c.spec.Platform == platform.Meta && k < len(c.targets) {
			out[k].Floor = m.targets[c.targets[k]].on(m.today)
		}
	}
	return out
}

func (c *CampaignSpec) checkGroups(path string) *BadInput {
	for _, of := range []struct {
		field    string
		n        int
		platform platform.Name
	}{{"ad_groups", c.AdGroups, platform.Google}, {"ad_sets", c.AdSets, platform.Meta}} {
		switch {
		case of.n < 0 || of.n > mostGroups:
			return wrong(path+"."+of.field, "%d is out of range; give 1 to %d", of.n, mostGroups)
		case of.n > 0 && c.Platform != of.platform:
			return wrong(path+"."+of.field, "%s are for %s only; remove them", of.field, of.platform)
		}
	}
	switch {
	case c.AdGroups > 1 && c.Bidding != "manual_cpc":
		return wrong(path+".ad_groups", "several ad groups are for manual_cpc only; add \"bidding\": \"manual_cpc\", or remove them")
	}
	return nil
}
