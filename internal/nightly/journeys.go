package nightly

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/identity"
	"adsteward/internal/civil"
	"adsteward/store"
)

// JourneysModel is the kind under which a night keeps what the attribution models
// make of the stored journeys: a JourneysBasis under the key "", an
// attribution.PathReport under each of JourneysKeys.
const JourneysModel = "journeys"

// JourneysKeys are what is reported every week: by channel for all, first and repeat
// orders, and by campaign.
func JourneysKeys() []string {
	return []string{"channel/all", "channel/first", "channel/repeat", "campaign/all"}
}

const (
	// The comparison of models serves for journeysNights, unless the shop's orders
	// have grown by more than lifetimeGrowth meanwhile: it is of three months, and a
	// day more changes little in it.
	journeysNights = 7
	// journeysDrawn is how often journeys are drawn for intervals, of JourneysKeys[0].
	journeysDrawn = 100
)

// JourneysBasis is what stored journeys rest on.
type JourneysBasis struct {
	Date         civil.Date `json:"date"` // of the night
	From         civil.Date `json:"from"` // of the first orders
	To           civil.Date `json:"to"`
	Orders       int        `json:"orders"`
	StoredOrders int64      `json:"stored_orders"` // all there ever were
	Touches      int        `json:"touches"`
	Identifiers  int        `json:"identifiers"` // of customers, visitors, clicks, e-mails and phones
	Persons      int        `json:"persons"`     // that they are
	// Stitched are the touches that brought no customer with them and are yet known
	// to be of somebody who ordered.
	Stitched int `json:"stitched"`
	// Shared are the identifiers that join nobody, by why.
	Shared []SharedCount `json:"shared"`
	// Kept apart are the pairs that somebody said are not one person.
	Apart int `json:"kept_apart"`
}

// SharedCount is how many identifiers of a kind join nobody since they are shared.
type SharedCount struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	Why   string `json:"why"` // of the first of them
}

// journeysDue says whether this night is to compare the models anew, and whether so
// much has come in, or so long ago, that older orders are to be joined again too.
func (n *night) journeysDue(ctx context.Context) (due, anew bool, err error) {
	orders, err := n.Store.OrderCount(ctx, n.shop.Name)
	if err != nil {
		return false, false, err
	}
	for k := 1; k <= journeysNights; k++ {
		of, err := loadModel[JourneysBasis](ctx, n.Store.Queries, RunID(n.shop.Name, n.date.AddDays(-k)), JourneysModel, "")
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		grown := math.Abs(float64(orders-of.StoredOrders)) > lifetimeGrowth*float64(of.StoredOrders)
		return grown || k == journeysNights, grown, err
	}
	return true, true, nil
}

// addJourneys adds the comparison of the models to those of the night.
func (n *night) addJourneys(ctx context.Context, models *modelSet, p *people, from civil.Date) error {
	basis, trail, err := p.trail(ctx, from)
	if err != nil {
		return err
	}
	models.add(n.runID, JourneysModel, "", basis)
	for i, key := range JourneysKeys() {
		by, orders, _ := strings.Cut(key, "/")
		q := attribution.PathQuery{By: by, Orders: orders, Models: attribution.Models(), Order: []int{1}}
		if i == 0 {
			q.Repetitions = journeysDrawn
		}
		rep, err := trail.Report(ctx, q)
		if err != nil {
			return err
		}
		models.add(n.runID, JourneysModel, key, rep)
	}
	return nil
}

// Journeys computes the comparison of models anew, over so many days of orders up to
// date.
func (s *Steward) Journeys(ctx context.Context, account string, date civil.Date, days int, q attribution.PathQuery) (JourneysBasis, attribution.PathReport, error) {
	shop, err := s.Shop(account)
	if err != nil {
		return JourneysBasis{}, attribution.PathReport{}, err
	}
	n := &night{Steward: s, shop: shop, date: date, runID: RunID(account, date)}
	from := date.AddDays(-days)
	p, err := n.stitched(ctx, from, true)
	if err != nil {
		return JourneysBasis{}, attribution.PathReport{}, err
	}
	basis, trail, err := p.trail(ctx, from)
	if err != nil {
		return basis, attribution.PathReport{}, err
	}
	rep, err := trail.Report(ctx, q)
	return basis, rep, err
}

// trail puts the people's touches and orders into journeys.
func (p *people) trail(ctx context.Context, from civil.Date) (JourneysBasis, *attribution.Trail, error) {
	n := p.n
	basis := JourneysBasis{Date: n.date, From: from, To: n.date, Orders: len(p.orders), Touches: len(p.visits), Apart: len(p.persons.Cut), Shared: []SharedCount{}}
	var err error
	if basis.StoredOrders, err = n.Store.OrderCount(ctx, n.shop.Name); err != nil {
		return basis, nil, err
	}
	basis.Identifiers, basis.Persons = p.persons.Count()
	for _, d := range p.persons.Dropped {
		if k := len(basis.Shared) - 1; k >= 0 && basis.Shared[k].Kind == d.Kind.String() {
			basis.Shared[k].Count++
			continue
		}
		basis.Shared = append(basis.Shared, SharedCount{d.Kind.String(), 1, d.Why})
	}
	margin, err := n.marginRates(ctx)
	if err != nil {
		return basis, nil, err
	}
	rules := n.shop.Paths
	if rules.ByPlatform == nil {
		rules = attribution.DefaultPathRules()
	}
	rules.Since = from.In(n.shop.Location)
	t := attribution.NewTrail(rules)
	buyers := map[identity.Node]bool{}
	for i := range p.orders {
		o := &p.orders[i]
		who := p.ofOrder(o)
		buyers[who] = true
		t.Buy(attribution.Purchase{OrderID: o.id, Node: int32(who), At: o.at, Value: o.sold, Margin: micros(o.sold.Float() * margin(o.campaign)), New: o.isNew, Offline: o.offline})
	}
	for i := range p.visits {
		v := &p.visits[i]
		who := p.ofVisit(v)
		if who == identity.None {
			continue
		}
		if v.customer == identity.None && buyers[who] {
			basis.Stitched++
		}
		s := &p.sources[v.source]
		t.Visit(attribution.Visit{Node: int32(who), At: time.UnixMicro(v.at), Channel: s.Channel, Campaign: s.Campaign, View: s.Kind == "view"})
	}
	t.Settle(func(node int32) int32 { return node })
	return basis, t, nil
}

// marginRates are the contribution margins that the newest night found, by campaign;
// the configured one where none has.
func (n *night) marginRates(ctx context.Context) (func(campaign string) float64, error) {
	worths, err := n.newestWorths(ctx, n.shop, n.date)
	return func(campaign string) float64 {
		if w, ok := worths[campaign]; ok {
			return w.Margin
		}
		return worths[""].Margin
	}, err
}

// isOffline says whether an order's source is not the web shop.
func isOffline(source string) bool {
	return slices.Contains([]string{"pos", "offline", "store", "retail", "till", "phone", "filiale"}, strings.ToLower(source))
}
