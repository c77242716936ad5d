package nightly

import (
	"context"
	"encoding/json"
	"fmt"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/parallel"
	"adsteward/internal/platform"
	"adsteward/store"
)

// attributeDays are joined where much has come in since the last night, iotaDays on
// nights that find the incremental shares anew, and the newest days every night, of the
// last reconcileDays those that no night before has gathered: orders come in late, and
// touches too.
const attributeDays = 90

// attribute joins orders to the clicks before them and compares, campaign by
// campaign, what the shop sold with what the platform claims. An order's
// campaign is the last click's; what is compared is credit shared by all clicks.
func attribute(ctx context.Context, n *night) (report, error) {
	reach, err := n.joinReach(ctx)
	if err != nil {
		return report{}, err
	}
	var people *people
	var claims *reconciling
	var lags map[string]response.Lag
	err = parallel.Do(func() (err error) {
		people, err = n.stitched(ctx, reach.from, reach.journeys)
		return err
	}, func() (err error) {
		if claims, err = n.reconciling(ctx, reconcileDays, reach.days); err == nil {
			lags, err = n.fitLags(ctx)
		}
		return err
	})
	if err != nil {
		return report{}, err
	}
	joined, err := n.join(people, claims)
	if err != nil {
		return report{}, err
	}
	var reported []attribution.CampaignValue
	since := n.date.AddDays(-iotaDays)
	if reach.kept != nil {
		since = claims.from
	}
	err = parallel.Do(func() error {
		return n.Store.SetOrderCampaigns(ctx, n.shop.Name, joined.found)
	}, func() (err error) {
		reported, err = n.reportedValue(ctx, lags, since, n.date.AddDays(-matureDays-1), claims)
		return err
	})
	if err != nil {
		return report{}, err
	}
	var models modelSet
	for p, l := range lags {
		models.add(n.runID, "lag", p, l)
	}
	if err := n.addShares(ctx, &models, reach.basis, reach.kept, joined.valued(reported, reach.basis)); err != nil {
		return report{}, err
	}
	reconciled, err := claims.result(ctx)
	if err != nil {
		return report{}, err
	}
	models.add(n.runID, reconcileModel, "", reconciled)
	if reach.days == nil && !reach.basis.measured {
		if err := n.keepDays(ctx, &models, claims); err != nil {
			return report{}, err
		}
	}
	if reach.journeys {
		if err := n.addJourneys(ctx, &models, people, reach.from); err != nil {
			return report{}, err
		}
	}
	return joined.report(reconciled), models.put(ctx, n.Store.Queries)
}

// joinReach is which orders a night joins, and what it takes from nights before.
type joinReach struct {
	journeys bool       // models of journeys are due
	from     civil.Date // of the first orders
	basis    shareBasis
	kept     map[string]attribution.Share // incremental shares; nil: found anew
	days     *keptDays                    // of the reconciliation; nil: gathered anew
}

func (n *night) joinReach(ctx context.Context) (r joinReach, err error) {
	var anew bool
	err = parallel.Do(func() (err error) {
		r.journeys, anew, err = n.journeysDue(ctx)
		return err
	}, func() (err error) {
		r.basis, err = n.shareBasis(ctx)
		return err
	})
	r.from = n.date.AddDays(-iotaDays)
	if anew {
		r.from = n.date.AddDays(-attributeDays)
	}
	if err != nil || r.journeys {
		return r, err
	}
	var since civil.Date
	if r.kept, since, err = n.keptShares(ctx, r.basis); r.kept == nil {
		return r, err
	}
	r.from, r.basis.Date = n.date.AddDays(-reconcileDays), since
	if r.days, err = n.keptDays(ctx, since); r.days != nil {
		r.from = r.days.Until.AddDays(1)
	}
	return r, err
}

// joined is what came of joining orders to clicks.
type joined struct {
	attribution.Counts
	found map[string]store.Clicked // of orders of which the nights before found something else
	sold  map[string]credit        // by campaign, of the days that are compared with claims
}

func (j *joined) report(r attribution.Reconciliation) report {
	summary := fmt.Sprintf("%d orders: %d by click id, %d by last touch, %d without a touch", j.Orders, j.ByClick, j.ByTouch, j.Unmatched)
	if r.Ads.Over.Verdict != attribution.NotCompared && r.Ads.Credited.Value > 0 {
		summary += fmt.Sprintf("; platforms claim %.0f %% of what was sold after their ads", 100*r.Ads.Claimed.Value.Float()/r.Ads.Credited.Value.Float())
	}
	return report{Summary: summary}
}

// credit is a campaign's part of orders.
type credit struct {
	orders  float64
	revenue money.Micros
}

// join shows the claims every order as well.
func (n *night) join(people *people, claims *reconciling) (joined, error) {
	out := joined{found: map[string]store.Clicked{}, sold: map[string]credit{}}
	from, until := n.date.AddDays(-iotaDays), n.date.AddDays(-matureDays)
	k := 0 // of the order whose match comes next
	counts, err := attribution.Join(people.joinOrders(), people.joinTouches(), func(m attribution.Match) error {
		o := &people.orders[k]
		if c := (store.Clicked{Campaign: m.Campaign, Several: len(m.Credits) > 1}); c != (store.Clicked{Campaign: o.campaign, Several: o.several}) {
			out.found[m.Order.OrderID] = c
		}
		k++
		claims.match(m)
		if d := civil.Of(m.Order.At.In(n.shop.Location)); d < from || d >= until {
			return nil
		}
		for _, c := range m.Credits {
			s := out.sold[c.Campaign]
			s.orders += c.Share
			s.revenue += micros(m.Order.Revenue.Float() * c.Share)
			out.sold[c.Campaign] = s
		}
		return nil
	})
	out.Counts = counts
	return out, err
}

// valued adds what the shop sold to what is reported.
func (j *joined) valued(reported []attribution.CampaignValue, basis shareBasis) []attribution.CampaignValue {
	for i := range reported {
		r := &reported[i]
		r.Orders, r.Shop = j.sold[r.Campaign].orders, j.sold[r.Campaign].revenue
		if a, ok := basis.Addressed[r.Campaign]; ok {
			r.Addressed = a
		} else {
			r.Addressed = basis.Priors.Address("", "")
		}
	}
	return reported
}

const (
	// iotaDays of orders are compared with the platforms' claims; the newest
	// matureDays are left out, since platforms have not claimed all of them yet.
	iotaDays   = 60
	matureDays = 7
)

// fitLags estimates how reported value matures, per platform.
func (n *night) fitLags(ctx context.Context) (map[string]response.Lag, error) {
	rows, err := n.Store.Restatements(ctx, n.shop.Name, n.date.AddDays(-firstPullDays))
	if err != nil {
		return nil, err
	}
	by := map[string][]response.Increment{}
	for _, r := range rows {
		by[r.Platform] = append(by[r.Platform], response.Increment{Date: r.Date, AsOf: r.AsOf, Delta: r.Delta.Float()})
	}
	lags := map[string]response.Lag{}
	for p, inc := range by {
		lags[p] = response.FitLag(inc, response.PriorLag())
	}
	return lags, nil
}

// reportedValue sums what the platforms report by campaign, in the order
// stored, each day divided by the share of it that has arrived; a campaign that has
// reported later days only is there with nothing. What is reported of all days is
// held against orders on the way.
func (n *night) reportedValue(ctx context.Context, lags map[string]response.Lag, from, to civil.Date, claims *reconciling) ([]attribution.CampaignValue, error) {
	var out []attribution.CampaignValue
	parent, err := n.campaignOf(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	err = n.Store.EachPerformance(ctx, n.shop.Name, from, n.date.AddDays(-1), func(p store.Performance) error {
		k := parent(p.Platform, p.AdAccount, platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID})
		arrived := lags[p.Platform].At(n.date.Sub(p.Date))
		claims.claim(k, p, arrived)
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, attribution.CampaignValue{Campaign: k})
		}
		if p.Date <= to {
			out[i].Reported += micros(p.Value.Float() / arrived)
		}
		return nil
	})
	return out, err
}

// campaignOf returns a function that names the campaign an entity with
// performance belongs to, in the form orders carry it.
func (n *night) campaignOf(ctx context.Context) (func(p, adAccount string, r platform.Ref) string, error) {
	rows, err := n.Store.Entities(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	in := parents{}
	for _, row := range rows {
		if row.EntityType != string(platform.AdSet) {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return nil, err
		}
		in.add(platform.Name(row.Platform), row.AdAccount, e)
	}
	return in.campaignOf, nil
}

// parents are the ids of the campaigns that ad sets and ad groups lie in.
type parents map[bidding.Key]string

// add takes an entity's campaign down, if it lies in one.
func (in parents) add(p platform.Name, adAccount string, e platform.Entity) {
	if e.Parent.ID != "" {
		in[bidding.Key{Platform: p, AdAccount: adAccount, Ref: e.Ref}] = e.Parent.ID
	}
}

func (in parents) campaignOf(p, adAccount string, r platform.Ref) string {
	name := platform.Name(p)
	if r.Type == platform.Campaign {
		return bidding.CampaignKey(name, r.ID)
	}
	return bidding.CampaignKey(name, in[bidding.Key{Platform: name, AdAccount: adAccount, Ref: r}])
}

// addressed tells whom each campaign of the structure speaks to.
func (n *night) addressed(ctx context.Context, priors attribution.Priors) (map[string]attribution.Addressed, error) {
	rows, err := n.Store.Entities(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	out := map[string]attribution.Addressed{}
	for _, row := range rows {
		if row.EntityType != string(platform.Campaign) {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return nil, err
		}
		out[bidding.CampaignKey(platform.Name(row.Platform), e.ID)] = priors.Address(e.Name, e.Channel)
	}
	return out, nil
}

func entityOf(row store.Entity) (platform.Entity, error) {
	var e platform.Entity
	if err := json.Unmarshal([]byte(row.Detail), &e); err != nil {
		return e, fmt.Errorf("the stored %s %s of %s cannot be read: %w", row.EntityType, row.EntityID, row.Platform, err)
	}
	return e, nil
}
