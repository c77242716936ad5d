package market

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// AdSpec is one ad of a campaign. It takes its part of what the campaign spends,
// of its clicks and sales. For these clicks it is shown ever oftener as people
// tire of it: d days after WearsFrom its click-through rate is 2^(-d/HalfLife) of
// what it was, down to a tenth. What the campaign earns does not depend on it.
type AdSpec struct {
	Name      string     `json:"name"`           // default: the campaign's and "ad 1"
	Share     float64    `json:"share"`          // weight; default 1
	HalfLife  float64    `json:"half_life_days"` // default 0: it does not wear out
	WearsFrom civil.Date `json:"wears_from"`     // default: the first day of the history
}

const (
	leastWear = 0.1  // of its click-through rate is left however old an ad is
	adNoise   = 0.05 // standard deviation of the logarithm of an ad's click-through rate on a day
	mostAds   = 100  // of a campaign
)

// AdDay is what an ad's day came to. Entity is the ad with its remote id.
type AdDay struct {
	platform.Performance
	Campaign int // index in the scenario
	Ad       int // place in the campaign
	Name     string
}

// RemoteAdID is the id, in digits, under which a platform knows an ad by its
// place in its campaign.
func RemoteAdID(p platform.Name, campaign, ad int) string {
	base := int64(700_000_000_001)
	if p == platform.Meta {
		base = 1_202_000_000_001
	}
	return strconv.FormatInt(base+int64(campaign*mostAds+ad), 10)
}

// AdReport is Report for the ads of those campaigns that have any: by campaign,
// day and ad. The parts of a day add up to it.
func (m *Market) AdReport(p platform.Name, from, to civil.Date) []AdDay {
	var out []AdDay
	byID := map[string]*campaign{}
	for _, c := range m.campaigns {
		if len(c.spec.Ads) > 0 {
			byID[c.spec.ID] = c
		}
	}
	if len(byID) == 0 {
		return nil
	}
	s := newStream(m.sc.Seed)
	for _, day := range m.Report(p, from, to) {
		if c := byID[day.Entity.ID]; c != nil {
			out = append(out, m.ofAds(s, c, day)...)
		}
	}
	return out
}

// ofAds spreads a campaign's day over its ads. Of a whole number each takes what
// the shares up to it round to, less what the ads before it took, from another
// first ad every day. Impressions are of each ad's own making.
func (m *Market) ofAds(s *stream, c *campaign, day platform.Performance) []AdDay {
	ads := c.spec.Ads
	sum := 0.0
	for _, a := range ads {
		sum += a.Share
	}
	s.at(c.index, day.Date, forAds)
	noise := make([]float64, len(ads))
	for i := range noise {
		if c.spec.Noise > 0 {
			noise[i] = adNoise * s.NormFloat64()
		}
	}
	out := make([]AdDay, len(ads))
	unit, before := float64(m.unit), 0.0
	coins, value := float64(day.Cost)/unit, float64(day.Value)
	for k := range ads {
		i := (k + int(day.Date)) % len(ads)
		a := ads[i]
		after := before + a.Share/sum
		if k == len(ads)-1 {
			after = 1
		}
		part := func(total float64) float64 { return math.Round(total*after) - math.Round(total*before) }
		d := AdDay{Campaign: c.index, Ad: i, Name: a.Name, Performance: platform.Performance{
			Entity: platform.Ref{ID: RemoteAdID(c.spec.Platform, c.index, i)}, Date: day.Date,
			Cost: money.Micros(part(coins) * unit), Value: money.Micros(part(value)), Conversions: part(day.Conversions), Clicks: int64(part(float64(day.Clicks)))}}
		if c.spec.Noise == 0 { // conversions are no whole numbers
			d.Conversions = day.Conversions * (after - before)
		}
		d.Impressions = int64(math.Round(float64(d.Clicks) * adTypes[c.spec.Type].impressionsPerClick / a.wear(m.first, day.Date) * math.Exp(noise[i])))
		out[i], before = d, after
	}
	return out
}

// wear is what is left of an ad's click-through rate.
func (a AdSpec) wear(first, day civil.Date) float64 {
	from := first
	if !a.WearsFrom.IsZero() {
		from = a.WearsFrom
	}
	if a.HalfLife <= 0 || day <= from {
		return 1
	}
	return math.Max(math.Exp2(-float64(day.Sub(from))/a.HalfLife), leastWear)
}

func (c *CampaignSpec) completeAds(path string, missing func(float64) bool) *BadInput {
	if len(c.Ads) > mostAds {
		return wrong(path+".ads", "there are %d ads; at most %d are possible", len(c.Ads), mostAds)
	}
	if t := c.Type; len(c.Ads) > 0 && (t != "prospecting" && t != "retargeting") {
		return wrong(path+".ads", "ads are for prospecting and retargeting only, not for %s; remove them", t)
	}
	c.Ads = slices.Clone(c.Ads) // they are the caller's
	for i := range c.Ads {
		a := &c.Ads[i]
		a.Name = orElse(a.Name, fmt.Sprintf("%s ad %d", c.Name, i+1))
		if missing(a.Share) {
			a.Share = 1
		}
		if bad := checkRanges(fmt.Sprintf("%s.ads[%d]", path, i),
			bounds{"share", a.Share, 0, 1e6, true}, bounds{"half_life_days", a.HalfLife, 0, 1e6, false}); bad != nil {
			return bad
		}
	}
	return nil
}
