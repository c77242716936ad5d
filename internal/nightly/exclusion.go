package nightly

import (
	"context"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// recentDays of spend tell an item that is still advertised from one that is not.
const recentDays = 7

// isExclusion tells changes of items and product groups: the supplemental feed
// carries them, and no ad account.
func isExclusion(p store.Proposal) bool { return p.Field == string(platform.Excluded) }

// supplemented are the platforms whose supplemental feed is written here: without
// one, an exclusion would reach nobody.
func (shop *Shop) supplemented() (out []platform.Name) {
	for _, name := range []platform.Name{platform.Google, platform.Meta} {
		if shop.Supplement[name] != "" && slices.ContainsFunc(shop.Feeds, func(f Feed) bool { return f.on(name) }) {
			out = append(out, name)
		}
	}
	return out
}

// planExclusions adds to a plan which items and product groups of the feeds are to
// be kept out of ads, and which to be let in again.
func (n *night) planExclusions(ctx context.Context, in bidding.Input, out *bidding.Output) error {
	names := n.shop.supplemented()
	if len(names) == 0 || n.shop.Policy.Exclude.MaxPerNight == 0 {
		return nil
	}
	offers, err := n.Offers(ctx, n.shop.Name, n.asOf())
	if err != nil {
		return err
	}
	x := bidding.ExclusionInput{Input: &in, From: n.date.AddDays(-itemDays), To: n.date.AddDays(-1), Outages: out.Outages}
	for _, name := range names {
		p := bidding.ItemPlatform{Name: name, TellsSales: name == platform.Google} // see platform.ItemPerformance
		for _, o := range offers {
			if o.On(string(name)) {
				p.Items++
			}
		}
		x.Platforms = append(x.Platforms, p)
	}
	if x.InForce, err = n.inForce(ctx); err != nil {
		return err
	}
	if x.Settled, err = n.settledExclusions(ctx); err != nil {
		return err
	}
	if x.Items, err = n.itemFacts(ctx, offers, x.From, x.To, x.InForce); err != nil {
		return err
	}
	addGroups(x, offers)
	if err := n.itemFaults(ctx, x.Items); err != nil {
		return err
	}
	plan := bidding.PlanExclusions(x)
	out.Drafts, out.Blocked = append(out.Drafts, plan.Drafts...), append(out.Blocked, plan.Blocked...)
	return nil
}

// addGroups adds which items the feeds have of the product groups that money was
// spent on, and of those in force.
func addGroups(x bidding.ExclusionInput, offers []feeds.Offer) {
	for i := range x.Platforms {
		pl := &x.Platforms[i]
		pl.Groups = map[string][]bidding.ItemName{}
		for _, it := range x.Items {
			if it.Platform == pl.Name && len(it.Lines) > 0 {
				for _, g := range it.Groups {
					pl.Groups[g] = nil
				}
			}
		}
		for _, f := range x.InForce {
			if f.Platform == pl.Name && f.Type == platform.ProductGroup {
				pl.Groups[f.ID] = nil
			}
		}
		for k := range offers {
			o := &offers[k]
			if !o.On(string(pl.Name)) {
				continue
			}
			for _, g := range o.Groups() {
				if items, wanted := pl.Groups[g]; wanted {
					pl.Groups[g] = append(items, bidding.ItemName{ID: o.ID, Title: o.Title})
				}
			}
		}
	}
}

// inForce are the exclusions people have approved and nobody has lifted.
func (n *night) inForce(ctx context.Context) ([]bidding.InForce, error) {
	rows, err := n.Store.NewestApplied(ctx, n.shop.Name, string(platform.Excluded))
	if err != nil {
		return nil, err
	}
	var out []bidding.InForce
	for _, p := range rows {
		d := draftOf(p)
		if p.Proposed <= 0 || d.Item == nil {
			continue
		}
		out = append(out, bidding.InForce{Key: bidding.Key{Platform: d.Platform, AdAccount: p.AdAccount, Ref: d.Entity}, Name: d.Name,
			Since: civil.Of(p.AppliedAt.Time.In(n.shop.Location)), Spend: d.Evidence.Spend, ItemEvidence: *d.Item})
	}
	return out, nil
}

// settledExclusions are the items and product groups that somebody has rejected or
// rolled back a change of lately, and those whose change waits for a push, or a
// rollback for its decision.
func (n *night) settledExclusions(ctx context.Context) (map[string]bool, error) {
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, Field: string(platform.Excluded), States: []string{string(bidding.Proposed), string(bidding.Approved),
		string(bidding.Applying), string(bidding.Unknown), string(bidding.Rejected), string(bidding.Applied), string(bidding.Measured)}})
	if err != nil {
		return nil, err
	}
	since := n.asOf().AddDate(0, 0, -n.shop.Policy.Exclude.AgainDays)
	out := map[string]bool{}
	for _, p := range rows {
		lately := p.UpdatedAt.After(since)
		switch bidding.State(p.State) {
		case bidding.Proposed: // tonight's takes its place, but for a rollback's
			out[keyOf(p)] = out[keyOf(p)] || p.RollbackOf != ""
		case bidding.Rejected:
			out[keyOf(p)] = out[keyOf(p)] || lately
		case bidding.Applied, bidding.Measured:
			out[keyOf(p)] = out[keyOf(p)] || lately && p.RollbackOf != ""
		default:
			out[keyOf(p)] = true
		}
	}
	return out, nil
}

// itemFacts joins what was spent on items to the feeds, and adds the items that
// are kept out of ads, of a group those it was judged by.
func (n *night) itemFacts(ctx context.Context, offers []feeds.Offer, from, to civil.Date, inForce []bidding.InForce) ([]bidding.ItemFacts, error) {
	campaigns := map[string]bidding.Key{}
	lines := func(from civil.Date) ([]feeds.ItemSpend, error) {
		rows, err := n.shopItemSpend(ctx, from, to)
		out := make([]feeds.ItemSpend, 0, len(rows))
		for _, r := range rows {
			key := bidding.Key{Platform: platform.Name(r.Platform), AdAccount: r.AdAccount, Ref: platform.Ref{Type: platform.Campaign, ID: r.Campaign}}
			campaigns[key.String()] = key
			out = append(out, feeds.ItemSpend{Platform: r.Platform, Campaign: key.String(), ItemID: r.ItemID, Cost: r.Cost, Value: r.Value,
				Conversions: r.Conversions, Clicks: r.Clicks})
		}
		return out, err
	}
	newest, err := lines(to.AddDays(1 - recentDays))
	if err != nil {
		return nil, err
	}
	recent := make(map[[2]string]bool, len(newest))
	for _, s := range newest {
		if s.Cost > 0 {
			recent[[2]string{s.Platform, strings.ToLower(s.ItemID)}] = true
		}
	}
	var asked []feeds.ItemSpend // first: how an exclusion writes an id is how it stays
	for _, x := range inForce {
		if x.Type == platform.Item {
			asked = append(asked, feeds.ItemSpend{Platform: string(x.Platform), ItemID: x.ID})
		}
		if x.Group != nil {
			for _, m := range x.Group.Members {
				asked = append(asked, feeds.ItemSpend{Platform: string(x.Platform), ItemID: m.ID})
			}
		}
	}
	spend, err := lines(from)
	if err != nil {
		return nil, err
	}
	var out []bidding.ItemFacts
	for _, t := range feeds.PerItem(offers, slices.Concat(asked, spend)) {
		f := bidding.ItemFacts{Platform: platform.Name(t.Platform), ID: t.ID, Title: t.Title, Unfit: t.Unfit, Price: t.Price, UnitCost: t.UnitCost, Groups: t.Groups,
			Recent: recent[[2]string{t.Platform, strings.ToLower(t.ID)}]}
		for _, l := range t.Lines {
			f.Lines = append(f.Lines, bidding.ItemLine{Campaign: campaigns[l.Campaign], Spend: l.Cost.Float(), Value: l.Value.Float(),
				Conversions: l.Conversions, Clicks: l.Clicks})
		}
		out = append(out, f)
	}
	return out, n.spellItems(ctx, out)
}

// spellItems writes the ids of items that no feed has as they are in Merchant
// Center, where that is read: Google Ads reports them in lower case.
func (n *night) spellItems(ctx context.Context, items []bidding.ItemFacts) error {
	lower := func(it bidding.ItemFacts) bool {
		return it.Platform == platform.Google && it.Unfit == bidding.ItemMissing && it.ID == strings.ToLower(it.ID)
	}
	if !slices.ContainsFunc(items, lower) {
		return nil
	}
	spelled := map[string]string{}
	err := n.Store.EachItemStatus(ctx, n.shop.Name, func(s store.ItemStatus) error {
		if s.Platform == string(platform.Google) && s.State != itemAbsent {
			spelled[strings.ToLower(s.ItemID)] = s.ItemID
		}
		return nil
	})
	for i, it := range items {
		if lower(it) {
			id, known := spelled[it.ID]
			if items[i].Lower = !known; known {
				items[i].ID = id
			}
		}
	}
	return err
}

// itemFaults adds what this night found wrong with the items that have errors.
func (n *night) itemFaults(ctx context.Context, items []bidding.ItemFacts) error {
	wrong := func(it bidding.ItemFacts) bool { return it.Unfit == bidding.ItemErrors && it.Recent }
	if !slices.ContainsFunc(items, wrong) {
		return nil
	}
	issues, err := n.Store.FeedIssues(ctx, store.FeedIssueFilter{Account: n.shop.Name, RunID: n.runID})
	if err != nil {
		return err
	}
	faults := map[[2]string][]string{}
	for _, i := range issues {
		for _, name := range []platform.Name{platform.Google, platform.Meta} {
			k := [2]string{string(name), i.ItemID}
			if i.Severity == string(feeds.Error) && (i.Platform == "both" || i.Platform == string(name)) && len(faults[k]) < 3 {
				faults[k] = append(faults[k], strings.TrimSuffix(i.Message, "."))
			}
		}
	}
	for i, it := range items {
		if wrong(it) {
			items[i].Faults = faults[[2]string{string(it.Platform), it.ID}]
		}
	}
	return nil
}

// shopItemSpend is what was spent on items from from to to, in ad accounts of the
// shop's currency.
func (n *night) shopItemSpend(ctx context.Context, from, to civil.Date) ([]store.ItemSpend, error) {
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	rows, err := n.Store.ItemSpendSums(ctx, n.shop.Name, from, to, "")
	return slices.DeleteFunc(rows, func(r store.ItemSpend) bool {
		return slices.ContainsFunc(accounts, func(a store.AdAccount) bool {
			return a.Platform == r.Platform && a.AdAccount == r.AdAccount && a.Currency != n.shop.Currency
		})
	}), err
}
