package guard

import "adsteward/internal/platform"

// itemRules are the guardrails on keeping an item, or a group of them, out of ads.
// What a campaign spent and sold as a whole says nothing about one of its items, and
// there is no step between in and out.
var itemRules = []rule{
	{"kill_switch", every, false, killSwitch},
	{"protected", every, false, protected},
	{"experiment", every, false, experiment},
	{"black_out", every, false, blackOut},
	{"freshness", every, false, freshness},
	{"tracking_outage", every, false, trackingOutage},
}

// CheckItem asks every guardrail about keeping an item or a product group out of
// ads, or letting it in again, for which it matters less what is known of its sales.
// It returns what those said that did not pass.
func CheckItem(p Policy, f Facts, c platform.Change) []Verdict {
	var said []Verdict
	for _, r := range itemRules {
		if c.Value == 0 && (r.name == "freshness" || r.name == "tracking_outage") {
			continue
		}
		if v, _ := r.ask(p, Propose, f, c); v.Answer != Pass {
			v.Name = r.name
			said = append(said, v)
		}
	}
	return said
}

// ItemShare is how much of a platform's items is kept out of ads. Spend is in the
// shop's currency: of all items over the days looked at, what the excluded ones
// cost in the days before they were included.
type ItemShare struct {
	Items, Excluded      int
	Spend, ExcludedSpend float64
}

// Add counts more items that are kept out, and what they cost.
func (s *ItemShare) Add(items int, spend float64) {
	s.Excluded, s.ExcludedSpend = s.Excluded+items, s.ExcludedSpend+spend
}

// CheckItemShare answers whether more items, which cost spend, may be kept out: one,
// or those of a product group.
func CheckItemShare(p Policy, s ItemShare, items int, spend float64) Verdict {
	s.Add(items, spend)
	var v Verdict
	switch {
	case float64(s.Excluded) > p.Exclude.MaxItems*float64(s.Items):
		v, _ = block("exclude.max_items", "%d of %d items would be out of ads at once, more than %.4g %%. Look at the feed: so many at a time are rarely the items' fault.",
			s.Excluded, s.Items, 100*p.Exclude.MaxItems)
	case s.ExcludedSpend > p.Exclude.MaxSpend*s.Spend:
		v, _ = block("exclude.max_spend", "Items with %.0f %% of what was spent on items would be out of ads at once, more than %.4g %%.",
			100*s.ExcludedSpend/max(s.Spend, s.ExcludedSpend), 100*p.Exclude.MaxSpend)
	default:
		v.Answer = Pass
	}
	v.Name = "excluded_share"
	return v
}
