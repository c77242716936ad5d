package nightly

import (
	"context"
	"fmt"
	"slices"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// reconcileModel is the kind under which a night keeps how the platforms' claims
// compare with the shop's orders.
const reconcileModel = "reconcile"

// reconcileDays are compared every night, up to the day before it.
const reconcileDays = 30

// reconciling holds claims against orders while a night, or whoever asks, goes
// through both.
type reconciling struct {
	*attribution.Reconciler
	n       *night
	from    civil.Date
	firsts  map[string]attribution.Customership // of orders of customers' first days and of guests
	told    map[string][]attribution.Told       // by order
	foreign map[string]string                   // ad accounts in another currency than the shop's, and which
	last    map[string]civil.Date
}

// reconciling prepares to compare so many days before the night's. kept stand in for
// the orders of their days; nil are none.
func (n *night) reconciling(ctx context.Context, days int, kept *keptDays) (*reconciling, error) {
	from, to := n.date.AddDays(-days), n.date.AddDays(-1)
	r := &reconciling{Reconciler: attribution.NewReconciler(from, to), n: n, from: from, firsts: map[string]attribution.Customership{}, told: map[string][]attribution.Told{}, foreign: map[string]string{},
		last: map[string]civil.Date{}}
	if kept != nil {
		days, err := kept.days(ctx, n.Store.Queries)
		if err != nil {
			return nil, err
		}
		r.Take(days)
		from = kept.Until.AddDays(1)
	}
	if err := n.Store.EachFirstOrder(ctx, n.shop.Name, from, to, func(id string, guest bool) error {
		r.firsts[id] = attribution.NewCustomer
		if guest {
			r.firsts[id] = attribution.UnknownCustomer
		}
		return nil
	}); err != nil {
		return nil, err
	}
	// A day more, since it is the shop's zone that tells an order's date.
	since := from.AddDays(-1).Time()
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		if err := n.Store.EachTold(ctx, n.shop.Name, string(p), since, func(t store.ToldConversion) error {
			if t.State == bidding.ToldDone {
				r.told[t.OrderID] = append(r.told[t.OrderID], attribution.Told{Platform: string(p), At: t.ToldAt})
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	for _, a := range accounts {
		if a.Currency != n.shop.Currency {
			r.foreign[a.AdAccount] = a.Currency
		}
	}
	return r, err
}

func (r *reconciling) match(m attribution.Match) {
	f := attribution.OrderFacts{Date: civil.Of(m.Order.At.In(r.n.shop.Location)), Customer: attribution.ReturningCustomer, Told: r.told[m.Order.OrderID]}
	if c, ok := r.firsts[m.Order.OrderID]; ok {
		f.Customer = c
	}
	r.Order(m, f)
}

func (r *reconciling) claim(campaign string, p store.Performance, arrived float64) {
	if _, other := r.foreign[p.AdAccount]; other {
		return
	}
	r.last[p.Platform] = max(r.last[p.Platform], p.Date)
	r.Claim(attribution.Claim{Campaign: campaign, Date: p.Date, Conversions: p.Conversions, Value: p.Value, Arrived: arrived})
}

// result names the campaigns and says what is missing from the comparison.
func (r *reconciling) result(ctx context.Context) (attribution.Reconciliation, error) {
	out := r.Result()
	out.Currency = r.n.shop.Currency
	names, err := r.n.campaignNames(ctx)
	if err != nil {
		return out, err
	}
	for i := range out.Campaigns {
		out.Campaigns[i].Name = names[out.Campaigns[i].Campaign]
	}
	for _, b := range out.Platforms {
		if last, ok := r.last[b.Platform]; ok && last < out.To {
			out.Notes = append(out.Notes, fmt.Sprintf("What %s reports is known up to %s only: its later days count as if nothing was claimed.",
				present.PlatformName(b.Platform), last.Time().Format("2 Jan 2006")))
		}
	}
	for account, currency := range r.foreign {
		out.Notes = append(out.Notes, fmt.Sprintf("Ad account %s is left out: it reports in %s, the shop sells in %s.", account, currency, r.n.shop.Currency))
	}
	slices.Sort(out.Notes)
	return out, nil
}

// MaxReconcileDays is how far back claims can be compared.
const MaxReconcileDays = attributeDays

// Reconcile holds the platforms' claims of the days before an account's newest
// night, or before today where none has run, against its orders, as the night
// does. days is 1 to MaxReconcileDays.
func (s *Steward) Reconcile(ctx context.Context, account string, days int) (attribution.Reconciliation, error) {
	if days < 1 || days > MaxReconcileDays {
		return attribution.Reconciliation{}, fmt.Errorf("%d days cannot be compared; 1 to %d can", days, MaxReconcileDays)
	}
	shop, err := s.Shop(account)
	if err != nil {
		return attribution.Reconciliation{}, err
	}
	n := &night{Steward: s, shop: shop, date: civil.Of(s.Now().In(shop.Location))}
	runs, err := s.Store.Runs(ctx, account, 1)
	if err != nil {
		return attribution.Reconciliation{}, err
	}
	if len(runs) > 0 {
		n.date = runs[0].Date
	}
	r, err := n.reconciling(ctx, days, nil)
	if err != nil {
		return attribution.Reconciliation{}, err
	}
	people, err := n.stitched(ctx, r.from, false)
	if err != nil {
		return attribution.Reconciliation{}, err
	}
	if _, err := attribution.Join(people.joinOrders(), people.joinTouches(), func(m attribution.Match) error {
		r.match(m)
		return nil
	}); err != nil {
		return attribution.Reconciliation{}, err
	}
	lags, err := n.fitLags(ctx)
	if err != nil {
		return attribution.Reconciliation{}, err
	}
	if _, err := n.reportedValue(ctx, lags, r.from, r.from, r); err != nil {
		return attribution.Reconciliation{}, err
	}
	return r.result(ctx)
}
