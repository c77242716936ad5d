package bidding

import (
	"cmp"
	"fmt"
	"slices"

	"adsteward/audiences"
	"adsteward/internal/platform"
)

// ListKey is the form in which a census names the audience list of a platform.
func ListKey(p platform.Name, id string) string { return string(p) + ":" + id }

// Audiences is whom the campaigns that go by lists are shown to.
type Audiences struct {
	// Limit is the share of the smaller audience above which the policy scales two
	// campaigns up no more; 0: off.
	Limit     float64    `json:"limit"`
	Campaigns []Audience `json:"campaigns"`
	// Overlaps are those between budgets, the largest share first, at most
	// mostOverlaps of them.
	Overlaps []Overlap `json:"overlaps"`
}

// mostOverlaps bounds what is kept of campaigns that all share a list.
const mostOverlaps = 500

// Audience is whom one campaign (ad set) that only people on lists see is shown
// to.
type Audience struct {
	Key
	Name string `json:"name"`
	// People is how many that are; 0 and Unknown where it goes by a list that is
	// not kept here.
	People  int  `json:"people"`
	Unknown bool `json:"unknown,omitempty"`
	// Targeting is what the platform says; see platform.Entity.
	Targeting []platform.Targeting `json:"targeting"`
}

// Overlap is how many people two campaigns (ad sets) are both shown to that spend
// from different budgets and bid in the same auctions.
type Overlap struct {
	A Audience `json:"a"`
	B Audience `json:"b"`
	// Both people are in both audiences, Share of those in the smaller one.
	Both  int     `json:"both"`
	Share float64 `json:"share"`
	// Bars reports whether the policy bars scaling up both for it.
	Bars bool `json:"bars"`
}

// leastAudience is how many people an audience must have to be weighed: the
// platforms show ads to no list of fewer than about a hundred.
const leastAudience = 100

// overlapping is what a unit shares with a campaign of another budget.
type overlapping struct {
	share float64
	with  string // that campaign's name
}

// reached is the audience of a unit's member.
type reached struct {
	Audience
	u       *unit
	channel string
	reach   audiences.Reach
}

// overlap finds which units are shown to the same people, and raises an alert of
// the guardrail audience_overlap, figure shared_people, where its change is the
// share of the smaller audience that is in both. The platforms let one
// ad of an advertiser into an auction, so that such campaigns take people from
// each other; who else bids does not change by it.
func (p *planner) overlap() {
	if p.in.People == nil {
		return
	}
	p.audiences = &Audiences{Limit: p.in.Policy.MaxOverlap, Campaigns: []Audience{}}
	overlaps := []Overlap{}
	all := p.reached()
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.u == b.u || a.Platform != b.Platform || a.Platform == platform.Google && a.channel != b.channel || min(a.People, b.People) < leastAudience {
				continue
			}
			both := p.in.People.Both(a.reach, b.reach)
			if both == 0 {
				continue
			}
			o := Overlap{A: a.Audience, B: b.Audience, Both: both, Share: audiences.OverlapShare(both, a.People, b.People)}
			o.Bars = p.in.Policy.MaxOverlap > 0 && o.Share > p.in.Policy.MaxOverlap
			a.u.shares(o, b.Name)
			b.u.shares(o, a.Name)
			overlaps = append(overlaps, o)
		}
	}
	slices.SortStableFunc(overlaps, func(a, b Overlap) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.Both, a.Both)) })
	p.audiences.Overlaps = overlaps[:min(len(overlaps), mostOverlaps)]
	for _, u := range p.units {
		if o := u.overlap; o != nil && p.in.Policy.MaxOverlap > 0 && o.share > p.in.Policy.MaxOverlap {
			u.alert(Alert{Guardrail: "audience_overlap", Figure: "shared_people", Change: o.share,
				Detail: fmt.Sprintf("Of the people in the smaller of the two audiences, %.0f %% are shown both it and %q.", 100*o.share, o.with)})
		}
	}
}

// shares keeps the overlap with the campaign that shares most.
func (u *unit) shares(o Overlap, with string) {
	if u.overlap == nil || o.Share > u.overlap.share {
		u.overlap = &overlapping{o.Share, with}
	}
}

// reached lists the members that only people on lists see, and those among them
// of whom the census can say who that is.
func (p *planner) reached() []reached {
	adSets := map[Key][]platform.Entity{} // running ones, by campaign
	for _, a := range p.in.Accounts {
		for _, e := range a.Entities {
			if e.Type == platform.AdSet && e.Status == platform.Enabled {
				k := Key{a.Platform, a.ID, e.Parent}
				adSets[k] = append(adSets[k], e)
			}
		}
	}
	var out []reached
	for _, u := range p.units {
		for _, m := range u.members {
			x := reached{u: u, channel: m.Channel, Audience: Audience{Key: Key{u.Platform, u.AdAccount, m.Ref}, Name: m.Name}}
			if x.Targeting = targeting(m, adSets[x.Key]); x.Targeting == nil {
				continue
			}
			for _, t := range x.Targeting {
				x.reach = append(x.reach, audiences.Part{Lists: listKeys(u.Platform, t.Lists), Without: listKeys(u.Platform, t.Without)})
			}
			if x.Unknown = !p.in.People.Knows(x.reach); !x.Unknown {
				x.People = p.in.People.Size(x.reach)
				out = append(out, x)
			}
			p.audiences.Campaigns = append(p.audiences.Campaigns, x.Audience)
		}
	}
	return out
}

// targeting is the lists a campaign goes by: its own, or those of the ad sets that
// spend its budget. Where one of them is open to others, so is the campaign.
func targeting(e platform.Entity, adSets []platform.Entity) []platform.Targeting {
	if len(adSets) == 0 {
		return e.Targeting
	}
	var all []platform.Targeting
	for _, s := range adSets {
		if len(s.Targeting) == 0 {
			return nil
		}
		all = append(all, s.Targeting...)
	}
	return all
}

func listKeys(p platform.Name, ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = ListKey(p, id)
	}
	return out
}
