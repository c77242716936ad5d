package bidding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// A group is judged by the items that ads showed; where those are fewer than
	// this share of it, they say little of the rest.
	leastShown = 0.25
	// So many items of a group have the same fault before it is the group's.
	leastFaulty = 3
	// Of a group's items, so many are kept with the proposal.
	mostMembers = 100
)

// GroupEvidence is what the exclusion of a product group rests on beyond the sums
// of ItemEvidence.
type GroupEvidence struct {
	Items   int           `json:"items"`   // of the feeds, when it was proposed
	Shown   int           `json:"shown"`   // of these, on which money was spent
	Members []GroupMember `json:"members"` // those that cost most, at most mostMembers
	Rest    float64       `json:"rest"`    // what the sales of the others were worth
	// Worst is the item that lost most, and WithoutWorst the probability that the
	// others lose money; empty and nil where the group's fault is not its sales.
	Worst        string   `json:"worst,omitempty"`
	WithoutWorst *float64 `json:"without_worst,omitempty"`
}

// GroupMember is an item of a product group that money was spent on.
type GroupMember struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Price    money.Micros  `json:"price"`
	UnitCost *money.Micros `json:"unit_cost"`
	Loss     *float64      `json:"loss"` // probability that its ads lose money, given the group; nil where it cannot be told
	Lines    []ItemLine    `json:"lines"`
}

// Total is what all campaigns spent on the item, and what was reported of it.
func (m GroupMember) Total() ItemLine { return lineSum(m.Lines) }

// productGroup is the items of a product group that money was spent on, without
// those that are out of ads already.
type productGroup struct {
	key   Key
	items []*ItemFacts // the most money first
	lines []ItemLine   // their sums, one of each campaign
	due   []float64    // of each item: see due; the other items are those outside of the group

	// Of groups that may be proposed.
	evidence ItemEvidence
	loss     itemLoss
	told     bool
}

func groupKey(name platform.Name, id string) Key {
	return Key{name, "", platform.Ref{Type: platform.ProductGroup, ID: id}}
}

// attribute is what a group's items share the value of.
func attribute(k Key) string {
	a, _, _ := strings.Cut(k.ID, "=")
	return a
}

// kind is the platform, the attribute and, of a path, the level: groups of one kind
// have no item in common.
func kind(k Key) string {
	out := string(k.Platform) + "/" + attribute(k)
	if attribute(k) == "product_type" {
		out += fmt.Sprint("/", strings.Count(k.ID, " > "))
	}
	return out
}

// members are the items that the feeds have of a group.
func (p *exclusionPlanner) members(k Key) []ItemName { return p.platform(k.Platform).Groups[k.ID] }

// pool gathers the groups of the policy's attributes, without those in which
// somebody has spoken on the group or an item, and learns how much they differ.
func (p *exclusionPlanner) pool() {
	items := map[Key][]*ItemFacts{}
	settled := map[Key]bool{}
	for i := range p.in.Items {
		it := &p.in.Items[i]
		if keys := it.keys(); lineSum(it.Lines).Spend > 0 && p.share[it.Platform] != nil && !anyOf(p.isOut, keys) {
			for _, id := range it.Groups {
				k := groupKey(it.Platform, id)
				items[k] = append(items[k], it)
				settled[k] = settled[k] || anyOf(p.in.Settled, keys)
			}
		}
	}
	order := func(a, b Key) int { return strings.Compare(a.String(), b.String()) }
	for _, k := range slices.SortedFunc(maps.Keys(items), order) {
		if len(items[k]) > 1 && !settled[k] && slices.Contains(p.in.Policy.Exclude.Groups, attribute(k)) {
			p.groups = append(p.groups, p.group(k, items[k]))
		}
	}
	p.learnGroups()
}

func (p *exclusionPlanner) group(k Key, items []*ItemFacts) *productGroup {
	slices.SortFunc(items, func(a, b *ItemFacts) int {
		return cmp.Or(cmp.Compare(lineSum(b.Lines).Spend, lineSum(a.Lines).Spend), strings.Compare(a.ID, b.ID))
	})
	g := &productGroup{key: k, items: items, lines: linesOf(items)}
	all, rate := p.prior[k.Platform].rate(), map[Key]float64{}
	for _, l := range g.lines {
		rate[l.Campaign] = p.rate(l, all)
	}
	for _, it := range items {
		due := 0.0
		for _, l := range it.Lines {
			due += float64(l.Clicks) * rate[l.Campaign]
		}
		g.due = append(g.due, due)
	}
	return g
}

// linesOf are the sums of some items, one of each campaign.
func linesOf(items []*ItemFacts) (out []ItemLine) {
	at := map[Key]int{}
	for _, it := range items {
		for _, l := range it.Lines {
			i, known := at[l.Campaign]
			if !known {
				i = len(out)
				at[l.Campaign], out = i, append(out, ItemLine{Campaign: l.Campaign})
			}
			out[i] = out[i].plus(l)
		}
	}
	slices.SortFunc(out, func(a, b ItemLine) int { return strings.Compare(a.Campaign.String(), b.Campaign.String()) })
	return out
}

// part is the group's items for which keep holds. They stay held against what is
// outside of the whole group.
func (g *productGroup) part(keep func(i int) bool) *productGroup {
	out := &productGroup{key: g.key}
	for i, it := range g.items {
		if keep(i) {
			out.items, out.due = append(out.items, it), append(out.due, g.due[i])
		}
	}
	out.lines = linesOf(out.items)
	return out
}

// addGroups proposes product groups, the most money first, and no item twice; it
// returns how many. A group that a guardrail holds back leaves its items to be
// proposed by themselves.
func (p *exclusionPlanner) addGroups(most int) (added int) {
	var found []*productGroup
	for _, g := range p.groups {
		if p.exclusionOf(g) {
			found = append(found, g)
		}
	}
	found = p.narrowed(found)
	lost := func(g *productGroup) float64 {
		if g.told {
			return g.loss.mean
		}
		return lineSum(g.lines).Spend
	}
	slices.SortFunc(found, func(a, b *productGroup) int { return cmp.Or(cmp.Compare(lost(b), lost(a)), p.narrower(a, b)) })
	for _, g := range found {
		if added == most || len(p.out.Blocked) >= mostHeld/2 { // single items may still pass
			break
		}
		if !slices.ContainsFunc(g.items, func(it *ItemFacts) bool { return anyOf(p.isOut, it.keys()) }) {
			added += p.add([]Draft{p.groupDraft(g)}, 1)
		}
	}
	return added
}

// exclusionOf reports whether a group is to be kept out of ads, and keeps why.
func (p *exclusionPlanner) exclusionOf(g *productGroup) bool {
	rules, t, recent := p.in.Policy.Exclude, lineSum(g.lines), 0
	for _, it := range g.items {
		if it.Recent {
			recent++
		}
	}
	size := p.size(g.key)
	if recent < 2 || float64(len(g.items)) < leastShown*float64(size) || t.Spend < rules.MinSpend || t.Clicks < int64(rules.MinClicks) {
		return false
	}
	g.evidence, g.loss, g.told = p.judgeGroup(g)
	e := &g.evidence
	e.Group = &GroupEvidence{Items: size, Shown: len(g.items)}
	if g.told {
		e.Loss = &g.loss.probability
	}
	switch e.Reason = p.groupFault(g); {
	case e.Reason != "" && recent >= leastFaulty:
		if g.told && g.loss.probability < 0.5 {
			return false // it earns money in spite of it
		}
	case g.told && g.loss.probability >= rules.Probability:
		e.Reason = ItemLosing
		if !p.losesWithoutWorst(g) {
			return false // that item is proposed by itself
		}
	default:
		return false
	}
	return p.addMembers(g)
}

// groupFault is the fault that all items of a group share; "" where there is none.
func (p *exclusionPlanner) groupFault(g *productGroup) string {
	all := func(has func(*ItemFacts) bool) bool {
		return !slices.ContainsFunc(g.items, func(it *ItemFacts) bool { return !has(it) })
	}
	switch {
	case all(func(it *ItemFacts) bool { return it.Unfit == ItemErrors }):
		return ItemErrors
	case !g.told && all(func(it *ItemFacts) bool { return p.belowCost(*it, lineSum(it.Lines)) }):
		return ItemBelowCost
	}
	return ""
}

// losesWithoutWorst reports whether the items of a group still credibly lose money
// without the one that lost most.
func (p *exclusionPlanner) losesWithoutWorst(g *productGroup) bool {
	worst, most := 0, 0.0
	for i, it := range g.items {
		if lost := lineSum(it.Lines).Spend - p.sold(it.Lines, it.Price, it.UnitCost)/g.evidence.Arrived; i == 0 || lost > most {
			worst, most = i, lost
		}
	}
	_, l, ok := p.judgeGroup(g.part(func(i int) bool { return i != worst }))
	g.evidence.Group.Worst, g.evidence.Group.WithoutWorst = g.items[worst].name(), &l.probability
	return ok && l.probability >= p.in.Policy.Exclude.Probability
}

// addMembers lists the items of a group; false where one of them credibly pays: it
// is not to go with the others.
func (p *exclusionPlanner) addMembers(g *productGroup) bool {
	for i, it := range g.items {
		m := GroupMember{ID: it.ID, Title: it.Title, Price: it.Price, UnitCost: it.UnitCost, Lines: it.Lines}
		if g.told {
			loss := p.memberLoss(g, i)
			if m.Loss = &loss; !(loss > 1-p.in.Policy.Exclude.Probability) {
				return false
			}
		}
		if i < mostMembers {
			g.evidence.Group.Members = append(g.evidence.Group.Members, m)
		} else {
			g.evidence.Group.Rest += p.sold(it.Lines, it.Price, it.UnitCost)
		}
	}
	return true
}

// narrowed leaves out the groups of which a narrower one says it all: the same items,
// or, where sales are why, the rest does not credibly lose money without them.
func (p *exclusionPlanner) narrowed(found []*productGroup) (out []*productGroup) {
	holding := map[string][]*productGroup{} // by item
	for _, g := range found {
		for _, it := range g.items {
			k := it.key().String()
			holding[k] = append(holding[k], g)
		}
	}
	for _, g := range found {
		common := map[*productGroup]int{}
		for _, it := range g.items {
			for _, other := range holding[it.key().String()] {
				common[other]++
			}
		}
		var within *productGroup // the worst of those that g holds whole
		same := false
		for other, n := range common {
			switch {
			case other == g || n < len(other.items):
			case n == len(g.items):
				same = same || p.narrower(other, g) < 0
			case within == nil || cmp.Or(cmp.Compare(within.loss.mean, other.loss.mean), p.narrower(other, within)) < 0:
				within = other
			}
		}
		if !same && (within == nil || g.evidence.Reason != ItemLosing || p.losesWithout(g, within)) {
			out = append(out, g)
		}
	}
	return out
}

func (p *exclusionPlanner) losesWithout(g, without *productGroup) bool {
	gone := map[string]bool{}
	for _, it := range without.items {
		gone[it.ID] = true
	}
	_, l, ok := p.judgeGroup(g.part(func(i int) bool { return !gone[g.items[i].ID] }))
	return ok && l.probability >= p.in.Policy.Exclude.Probability
}

// narrower orders groups of the same items: fewer in the feeds first, then by the
// policy's order of attributes, and of a path the lower level.
func (p *exclusionPlanner) narrower(a, b *productGroup) int {
	rank := func(g *productGroup) int { return slices.Index(p.in.Policy.Exclude.Groups, attribute(g.key)) }
	return cmp.Or(cmp.Compare(p.size(a.key), p.size(b.key)), cmp.Compare(rank(a), rank(b)), cmp.Compare(len(b.key.ID), len(a.key.ID)),
		strings.Compare(a.key.String(), b.key.String()))
}

func (p *exclusionPlanner) groupDraft(g *productGroup) Draft {
	t := lineSum(g.lines)
	d := p.draft(g.key, groupName(g.key, p.size(g.key)), g.evidence, t, 0, money.One)
	if g.told {
		d.Expected = p.gain(g.loss)
	}
	d.Reasons = p.whyExcludeGroup(g, t)
	return d
}

// liftGroup is the proposal to let a product group in again; ok is false where
// something still asks for its exclusion.
func (p *exclusionPlanner) liftGroup(x InForce) (Draft, bool) {
	if x.Group == nil {
		x.Group = &GroupEvidence{}
	}
	known, fit, pay, sold := 0, 0, 0, x.Group.Rest
	for _, m := range x.Group.Members {
		if it, ok := p.now[ItemFacts{Platform: x.Platform, ID: m.ID}.key().String()]; ok && it.Unfit != ItemMissing {
			m.Price, m.UnitCost = it.Price, it.UnitCost
			known++
			if it.Unfit == "" {
				fit++
			}
			if it.UnitCost != nil && it.Price > *it.UnitCost {
				pay++
			}
		}
		sold += p.sold(m.Lines, m.Price, m.UnitCost)
	}
	l, told := x.loss(sold)
	switch {
	case p.size(x.Key) == 0:
		x.Lifts = liftGone
	case x.Reason == ItemErrors && fit > 0 && 2*fit >= known:
		x.Lifts = liftBack
	case x.Reason == ItemBelowCost && pay > 0 && 2*pay >= known, x.Reason == ItemLosing && told && l.probability < 0.5:
		x.Lifts = liftPays
	case p.in.To.Sub(x.Since) >= p.in.Policy.Exclude.AgainDays:
		x.Lifts = liftTrial
	default:
		return Draft{}, false
	}
	d := p.draft(x.Key, groupName(x.Key, p.size(x.Key)), x.ItemEvidence, lineSum(x.Lines), money.One, 0)
	d.Reasons = p.whyLiftGroup(x, fit, known)
	return d, true
}
