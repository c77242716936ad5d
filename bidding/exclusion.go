package bidding

import (
	"cmp"
	"slices"
	"strings"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Why an item is kept out of ads. The first two are as package feeds calls them.
const (
	ItemMissing   = "missing"    // it is in no feed of the platform
	ItemErrors    = "errors"     // the feed has it with errors
	ItemBelowCost = "below_cost" // it is sold at or below its cost, on a platform that tells no sales by item
	ItemLosing    = "losing"     // its ads cost more than its sales are worth
)

// ItemLine is what one campaign spent on an item in the days looked at, and what
// the platform reported of it by now.
type ItemLine struct {
	Campaign    Key     `json:"campaign"`
	Spend       float64 `json:"spend"`
	Value       float64 `json:"value"`
	Conversions float64 `json:"conversions"`
	Clicks      int64   `json:"clicks"`
}

// ItemFacts is an item on one platform: what the feeds say of it now, and what was
// spent on it. Amounts are in the shop's currency.
type ItemFacts struct {
	Platform  platform.Name
	ID, Title string
	Unfit     string        // ItemMissing, ItemErrors, what else bars it, or ""
	Faults    []string      // what its errors in the feed are, as far as known
	Price     money.Micros  // in force; 0 where unknown
	UnitCost  *money.Micros // nil where unknown
	Recent    bool          // money was spent on it in the newest days
	Lower     bool          // its id is known as the platform reports it, in lower case, and not as it is there
	Groups    []string      // the product groups it belongs to, as attribute=value; of a path, each level
	Lines     []ItemLine
}

// ItemName is an item of the feeds and its title.
type ItemName struct{ ID, Title string }

// ItemPlatform is what holds for all items of a platform.
type ItemPlatform struct {
	Name       platform.Name
	Items      int // in its feeds
	TellsSales bool
	// Groups are the items of its feeds by product group, of the groups that
	// money was spent on and of those in force.
	Groups map[string][]ItemName
}

// ItemEvidence is what an exclusion rests on, kept with the proposal so that it
// can be judged again by another day's price and worths. That of a product group is
// the sum of its items; it has no price and no cost of its own.
type ItemEvidence struct {
	Reason   string        `json:"reason"`
	Clicks   int64         `json:"clicks"`
	Price    money.Micros  `json:"price"`
	UnitCost *money.Micros `json:"unit_cost"`
	// Due is how often the item would have sold with its clicks as the other items
	// of its campaigns do, so far as is reported by now; Arrived is the share of
	// sales reported by now, Spread the shape of how much items differ, and Typical
	// what a sale of its campaigns is worth. 0 where sales are not told by item.
	Due     float64    `json:"due"`
	Arrived float64    `json:"arrived"`
	Spread  float64    `json:"spread"`
	Typical float64    `json:"typical"`
	Loss    *float64   `json:"loss"` // probability that its ads lose money; nil where it cannot be told
	Lines   []ItemLine `json:"lines"`
	Lifts   string     `json:"lifts,omitempty"` // why the exclusion is to end; empty where it is to begin

	Group *GroupEvidence `json:"group,omitempty"` // of a product group; nil of an item
}

// InForce is an exclusion that people have approved.
type InForce struct {
	Key
	Name  string
	Since civil.Date
	Spend float64 // in the days before it
	ItemEvidence
}

// ExclusionInput is what a plan of exclusions looks at beyond what a plan of
// budgets and targets does.
type ExclusionInput struct {
	*Input
	Platforms []ItemPlatform
	// Items are those that money was spent on from From to To, those in force, and
	// those that groups in force were judged by.
	Items    []ItemFacts
	InForce  []InForce
	From, To civil.Date
	// Settled are items and product groups on which somebody has spoken lately, or
	// whose change waits to be pushed, by Key.String(): they are left alone, and so
	// are the items of such a group and the groups of such an item.
	Settled map[string]bool
	Outages []response.Outage
}

// ExclusionPlan is which items are to be kept out of ads, and which let in again.
type ExclusionPlan struct {
	Drafts  []Draft
	Blocked []Blocked
}

// exclusionPlanner is a plan of exclusions under way.
type exclusionPlanner struct {
	in       ExclusionInput
	entity   map[Key]platform.Entity
	prior    map[platform.Name]itemPrior
	campaign map[string]ItemLine // totals by Key.String()
	share    map[platform.Name]*guard.ItemShare
	now      map[string]ItemFacts // by Key.String()
	isOut    map[string]bool      // what is kept out, or is proposed to be, by Key.String()
	groups   []*productGroup
	between  map[string]float64 // see learnGroups
	out      ExclusionPlan
}

// PlanExclusions decides which items and product groups of the feeds are to be kept
// out of ads and which exclusions are to be lifted, within the policy's exclude.
// Groups come first: one decision for many items, which are then not proposed one
// by one.
//
// An item loses money where its spend exceeds what its sales are worth. Sales n of
// an item are Poisson with mean theta x Due, Due what the other items of its
// campaigns would have sold with its clicks and theta Gamma distributed with mean
// 1 (shape by the method of moments, as in empirical Bayes for the negative
// binomial), so that theta's posterior is Gamma(shape + n, shape + Due): few
// clicks prove nothing. Sales still to be reported are allowed for by Due/Arrived.
func PlanExclusions(in ExclusionInput) ExclusionPlan {
	p := exclusionPlanner{in: in, entity: map[Key]platform.Entity{}, prior: map[platform.Name]itemPrior{}, campaign: map[string]ItemLine{},
		share: map[platform.Name]*guard.ItemShare{}, now: map[string]ItemFacts{}, isOut: map[string]bool{}, between: map[string]float64{}}
	most := in.Policy.Exclude.MaxPerNight
	if most == 0 {
		return p.out
	}
	for _, a := range in.Accounts {
		for _, e := range a.Entities {
			p.entity[Key{a.Platform, a.ID, e.Ref}] = e
		}
	}
	for _, pl := range in.Platforms {
		p.share[pl.Name] = &guard.ItemShare{Items: pl.Items}
	}
	p.learn()
	for _, it := range in.Items {
		p.now[it.key().String()] = it
	}
	for _, x := range in.InForce {
		p.isOut[x.Key.String()] = true
		if s := p.share[x.Platform]; s != nil {
			s.Add(p.size(x.Key), x.Spend)
			s.Spend += x.Spend
		}
	}
	p.pool()
	left := max(0, most-p.add(p.lifts(), most))
	left -= p.addGroups(left)
	p.add(p.singles(), left)
	return p.out
}

// singles are the items that are to be kept out by themselves, the most money first.
func (p *exclusionPlanner) singles() []Draft {
	var wanted []Draft
	for _, it := range p.in.Items {
		if !anyOf(p.isOut, it.keys()) && !anyOf(p.in.Settled, it.keys()) {
			if d, ok := p.exclusion(it); ok {
				wanted = append(wanted, d)
			}
		}
	}
	slices.SortStableFunc(wanted, func(a, b Draft) int {
		return cmp.Or(cmp.Compare(worst(b), worst(a)), strings.Compare(a.Entity.ID, b.Entity.ID))
	})
	return wanted
}

func (it ItemFacts) key() Key {
	return Key{it.Platform, "", platform.Ref{Type: platform.Item, ID: it.ID}}
}

// keys are those of the item and of its groups, as strings.
func (it ItemFacts) keys() []string {
	out := []string{it.key().String()}
	for _, id := range it.Groups {
		out = append(out, groupKey(it.Platform, id).String())
	}
	return out
}

func anyOf(set map[string]bool, keys []string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return set[k] })
}

// size is how many items of the feeds an exclusion keeps out.
func (p *exclusionPlanner) size(k Key) int {
	if k.Type == platform.ProductGroup {
		return len(p.members(k))
	}
	return 1
}

// worst is what an item's ads lose a day, or cost where that cannot be told.
func worst(d Draft) float64 {
	if d.Expected.Level > 0 {
		return d.Expected.GainPerDay
	}
	return d.Evidence.Spend / float64(max(1, d.Evidence.WindowEnd.Sub(d.Evidence.WindowStart)+1))
}

// mostHeld bounds the changes held back that are listed: where a whole feed is
// wrong, every item would be one.
const mostHeld = 100

// add passes changes by the guardrails, the most money first, until most of them
// are proposed; it returns how many are.
func (p *exclusionPlanner) add(drafts []Draft, most int) (added int) {
	for _, d := range drafts {
		if added == most || len(p.out.Blocked) >= mostHeld {
			break
		}
		c := platform.Change{Entity: d.Entity, Field: d.Field, Seen: d.Seen, Value: d.Proposed}
		f := guard.Facts{Name: d.Name, Platform: d.Platform, Currency: d.Currency, Now: p.in.Now, KillSwitch: p.in.KillSwitch}
		f.Campaigns, f.Experiment = p.touches(d)
		if i := slices.IndexFunc(p.in.Accounts, func(a Account) bool { return a.Platform == d.Platform }); i >= 0 {
			f.Today, f.LastData = p.in.Accounts[i].Today, p.in.Accounts[i].LastData
		}
		f.LastOutage = lastOutage(p.in.Outages, d.Platform)
		d.Guardrails = guard.CheckItem(p.in.Policy, f, c)
		share, key := p.share[d.Platform], Key{d.Platform, "", d.Entity}
		if d.Proposed > 0 && !guard.Blocked(d.Guardrails) {
			if v := guard.CheckItemShare(p.in.Policy, *share, p.size(key), d.Evidence.Spend); v.Answer == guard.Block {
				d.Guardrails = append(d.Guardrails, v)
			}
		}
		if guard.Blocked(d.Guardrails) {
			p.out.Blocked = append(p.out.Blocked, Blocked{Key: key, Name: d.Name, Field: d.Field, Seen: d.Seen, Wanted: d.Proposed, Verdicts: d.Guardrails})
			continue
		}
		if d.Proposed > 0 {
			share.Add(p.size(key), d.Evidence.Spend)
			p.isOut[key.String()] = true
		}
		p.out.Drafts = append(p.out.Drafts, d)
		added++
	}
	return added
}

// touches are the campaigns an item is advertised in, by id and name, of a group
// the items in it likewise, and the experiment that runs on one of the campaigns.
func (p *exclusionPlanner) touches(d Draft) (names []string, experiment string) {
	if d.Entity.Type == platform.ProductGroup {
		for _, it := range p.members(Key{d.Platform, "", d.Entity}) {
			names = append(names, it.ID, it.Title)
		}
	}
	for _, l := range d.Item.Lines {
		keys := []string{l.Campaign.String()}
		names = append(names, l.Campaign.ID)
		if c, ok := p.entity[l.Campaign]; ok {
			names = append(names, c.Name)
			keys = append(keys, Key{l.Campaign.Platform, l.Campaign.AdAccount, c.Budget}.String())
		}
		for _, k := range keys {
			if u, ok := p.in.Experiments[k]; ok {
				experiment = u.Name
			}
		}
	}
	return names, experiment
}

// exclusion is the proposal to keep an item out of ads; ok is false where nothing
// asks for it, or too little is known.
func (p *exclusionPlanner) exclusion(it ItemFacts) (Draft, bool) {
	rules, t := p.in.Policy.Exclude, lineSum(it.Lines)
	if p.share[it.Platform] == nil || !it.Recent || t.Spend < rules.MinSpend || t.Spend <= 0 || t.Clicks < int64(rules.MinClicks) {
		return Draft{}, false
	}
	e := p.evidence(it)
	loss, told := p.judge(e, it.Price, it.UnitCost)
	if told {
		e.Loss = &loss.probability
	}
	switch {
	case it.Unfit == ItemMissing || it.Unfit == ItemErrors:
		if told && loss.probability < 0.5 {
			return Draft{}, false // it earns money in spite of it
		}
		e.Reason = it.Unfit
	case told && loss.probability >= rules.Probability:
		e.Reason = ItemLosing
	case !told && p.belowCost(it, t):
		e.Reason = ItemBelowCost
	default:
		return Draft{}, false
	}
	d := p.draft(it.key(), it.name(), e, t, 0, money.One)
	if told {
		d.Expected = p.gain(loss)
	}
	d.Reasons = p.whyExclude(it, e, t, loss)
	return d, true
}

// belowCost reports whether each sale of an item loses money before its ads have
// cost anything, what buyers go on to order counted.
func (p *exclusionPlanner) belowCost(it ItemFacts, t ItemLine) bool {
	if it.UnitCost == nil || it.Price <= 0 {
		return false
	}
	later := 0.0
	for _, l := range it.Lines {
		later += l.Spend / t.Spend * p.worth(l.Campaign).later
	}
	return it.Price.Float()*(1+later) < it.UnitCost.Float()
}

// gain is what is no longer lost, a day.
func (p *exclusionPlanner) gain(l itemLoss) Expected {
	days := float64(p.in.To.Sub(p.in.From) + 1)
	return Expected{GainPerDay: l.mean / days, GainLow: l.low / days, GainHigh: l.high / days, Level: level}
}

func (it ItemFacts) name() string {
	if it.Title == "" {
		return "Item " + it.ID
	}
	return it.Title
}

func (p *exclusionPlanner) draft(key Key, name string, e ItemEvidence, t ItemLine, seen, to money.Micros) Draft {
	return Draft{Platform: key.Platform, Currency: p.in.Currency, Entity: key.Ref, Name: name, Field: platform.Excluded, Seen: seen, Proposed: to,
		Body: Body{Item: &e, Evidence: Evidence{WindowStart: p.in.From, WindowEnd: p.in.To, Spend: t.Spend, Value: t.Value, Conversions: t.Conversions}}}
}

// lifts are the exclusions that nothing asks for any more, the oldest first.
func (p *exclusionPlanner) lifts() (out []Draft) {
	old := slices.Clone(p.in.InForce)
	slices.SortStableFunc(old, func(a, b InForce) int { return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.ID, b.ID)) })
	for _, x := range old {
		if p.share[x.Platform] == nil || p.in.Settled[x.Key.String()] {
			continue
		}
		lift := p.liftItem
		if x.Type == platform.ProductGroup {
			lift = p.liftGroup
		}
		if d, ok := lift(x); ok {
			out = append(out, d)
		}
	}
	return out
}

// liftItem is the proposal to let an item in again; ok is false where something
// still asks for its exclusion, or keeps it out through a group anyway.
func (p *exclusionPlanner) liftItem(x InForce) (Draft, bool) {
	it, known := p.now[x.Key.String()]
	if !known || anyOf(p.isOut, it.keys()[1:]) {
		return Draft{}, false
	}
	if x.Lifts = p.lift(x, it); x.Lifts == "" {
		return Draft{}, false
	}
	if it.Title == "" {
		it.Title = x.Name
	}
	e := x.ItemEvidence
	e.Price, e.UnitCost = it.Price, it.UnitCost
	d := p.draft(it.key(), it.name(), e, lineSum(x.Lines), money.One, 0)
	d.Reasons = p.whyLift(x, it)
	return d, true
}

// Why an exclusion is to end.
const (
	liftBack  = "back"  // the feed has the item again, or without errors; most items of a group
	liftPays  = "pays"  // at today's price and cost its sales would have paid for its ads
	liftGone  = "gone"  // the feeds have it no more
	liftTrial = "trial" // it is so long ago that it is worth another look
)

func (p *exclusionPlanner) lift(x InForce, it ItemFacts) string {
	gone := it.Unfit == ItemMissing
	unfit := x.Reason == ItemMissing || x.Reason == ItemErrors
	switch {
	case unfit && it.Unfit == "":
		return liftBack
	case gone && x.Reason != ItemMissing:
		return liftGone
	case x.Reason == ItemBelowCost && it.UnitCost != nil && it.Price > *it.UnitCost:
		return liftPays
	}
	if l, told := p.judge(x.ItemEvidence, it.Price, it.UnitCost); x.Reason == ItemLosing && told && l.probability < 0.5 {
		return liftPays
	}
	if p.in.To.Sub(x.Since) >= p.in.Policy.Exclude.AgainDays {
		return liftTrial
	}
	return ""
}
