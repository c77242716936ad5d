package feeds

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Offer is an item of the feeds with what it costs the shop. Amounts are in one
// currency, the shop's.
type Offer struct {
	ID, Title    string
	OnGoogle     bool // in a feed for Google
	OnMeta       bool
	Price        money.Micros  // in force
	UnitCost     *money.Micros // nil where unknown
	Availability string
	Stock        *int64 // pieces; nil where unknown
	GoogleErrors int
	MetaErrors   int

	ItemGroup, ProductType, Brand string // of its product groups; "" where the feed does not say
}

// PriceOn is the price in force at t: the sale price from from until until (zero:
// without that bound), else the price. sale is nil where there is none.
func PriceOn(t time.Time, price money.Micros, sale *money.Micros, from, until time.Time) money.Micros {
	if sale == nil || !from.IsZero() && t.Before(from) || !until.IsZero() && !t.Before(until) {
		return price
	}
	return *sale
}

// ItemSpend is what one campaign spent on one item in the days looked at. ItemID
// is as the platform writes it; Google writes lower case.
type ItemSpend struct {
	Platform, Campaign, ItemID string
	Cost, Value                money.Micros
	Conversions                float64
	Clicks                     int64
}

// Worth is what a sale of a campaign is worth. K is contribution margin per unit
// of reported revenue: 1/K is the break-even ROAS. Later is the margin of what a
// buyer goes on to order, per unit of the price, over all buyers.
type Worth struct{ K, Later float64 }

// Why money spent on an item is at risk.
const (
	Missing    = "missing"      // no feed of the platform holds the item
	WithErrors = "errors"       // the feed has it with errors the platform refuses
	OutOfStock = "out_of_stock" // it cannot be bought now
	BelowCost  = "below_cost"   // its price in force is not above its cost
	Losing     = "losing"       // its price does not carry its cost and its advertising
)

// Finding is money spent by one campaign on one item that should not be, or the
// item alone where nothing was spent on it.
type Finding struct {
	Platform    string       `json:"platform,omitempty"`
	Campaign    string       `json:"campaign,omitempty"`
	ItemID      string       `json:"item_id"`
	Title       string       `json:"title"`
	Reason      string       `json:"reason"`
	Spend       money.Micros `json:"spend"`
	Value       money.Micros `json:"value"`
	Conversions float64      `json:"conversions"`
	Price       money.Micros `json:"price"` // in force; 0 where the item is in no feed
	// UnitCost is nil where unknown. AdCost is what a sale may cost in advertising
	// at the campaign's break-even ROAS, Left what the price and later orders leave
	// of both; they are set for Losing and BelowCost.
	UnitCost *money.Micros `json:"unit_cost"`
	AdCost   money.Micros  `json:"ad_cost"`
	Left     money.Micros  `json:"left"`
}

// CampaignItems is where one campaign's spend on items went. Unfit holds Missing,
// Errors, OutOfStock and BelowCost, each item counted for the first of them.
type CampaignItems struct {
	Campaign   string       `json:"campaign"`
	Spend      money.Micros `json:"spend"`
	Unfit      money.Micros `json:"unfit"`
	Missing    money.Micros `json:"missing"`
	Errors     money.Micros `json:"errors"`
	OutOfStock money.Micros `json:"out_of_stock"`
	BelowCost  money.Micros `json:"below_cost"`
	Losing     money.Micros `json:"losing"`
}

// UnfitShare and LosingShare are shares of the campaign's spend on items; 0 where
// nothing was spent.
func (c CampaignItems) UnfitShare() float64 { return share(c.Unfit, c.Spend) }

// LosingShare is UnfitShare's pendant for items that do not pay.
func (c CampaignItems) LosingShare() float64 { return share(c.Losing, c.Spend) }

func share(part, whole money.Micros) float64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return min(1, float64(part)/float64(whole))
}

// Money is the feeds joined to what was spent on their items. The lists hold the
// most money first and at most so many rows as were asked for; the counts are of
// all.
type Money struct {
	// From and To are the days looked at, Currency that of every amount; they are
	// for who keeps the result.
	From     civil.Date `json:"from,omitzero"`
	To       civil.Date `json:"to,omitzero"`
	Currency string     `json:"currency"`

	Items       int             `json:"items"`    // in the feeds
	Spend       money.Micros    `json:"spend"`    // on items
	Total       CampaignItems   `json:"total"`    // of all campaigns
	Unjudged    money.Micros    `json:"unjudged"` // spent on platforms no feed is for
	NoCost      money.Micros    `json:"no_cost"`  // spent on items whose cost is unknown
	Campaigns   []CampaignItems `json:"campaigns"`
	Unfit       []Finding       `json:"unfit"`
	UnfitCount  int             `json:"unfit_count"`
	Losing      []Finding       `json:"losing"`
	LosingCount int             `json:"losing_count"`
	// Idle are items that could be sold and on which nothing was spent, those first
	// that leave most of a sale; Reason is empty.
	Idle      []Finding `json:"idle"`
	IdleCount int       `json:"idle_count"`
}

// Join holds what was spent on items against the feeds, in both directions:
// spend without an item fit to be sold, and items without spend. worths is by
// campaign, other serves the rest; most bounds each list.
//
// An item loses money where its price in force and what its buyer goes on to
// order are below its cost and the expected cost of the sale at the campaign's
// break-even ROAS: price (1 + Later) < cost + price K. Nothing is said of items
// whose cost is unknown.
func Join(offers []Offer, spend []ItemSpend, worths map[string]Worth, other Worth, most int) Money {
	j := newJoin(offers)
	for _, s := range spend {
		if s.Cost > 0 {
			w, ok := worths[s.Campaign]
			if !ok {
				w = other
			}
			j.add(s, w)
		}
	}
	j.idle()
	return j.result(most)
}

type join struct {
	offers  []Offer
	byID    map[string]int // exactly as written
	folded  map[string]int // in lower case, from 1
	covered map[string]bool
	spent   []bool
	per     map[string]*CampaignItems
	out     Money
}

func newJoin(offers []Offer) *join {
	j := &join{offers: offers, byID: make(map[string]int, len(offers)), folded: make(map[string]int, len(offers)), covered: map[string]bool{},
		spent: make([]bool, len(offers)), per: map[string]*CampaignItems{}, out: Money{Items: len(offers)}}
	for i := range offers {
		o := &offers[i]
		j.byID[o.ID] = i
		if low := strings.ToLower(o.ID); j.folded[low] == 0 {
			j.folded[low] = i + 1
		}
		j.covered["google"] = j.covered["google"] || o.OnGoogle
		j.covered["meta"] = j.covered["meta"] || o.OnMeta
	}
	return j
}

// find returns the item a platform means; ids differ in case only by chance, and
// Google reports them in lower case.
func (j *join) find(id string) (int, bool) {
	if i, ok := j.byID[id]; ok {
		return i, true
	}
	i := j.folded[strings.ToLower(id)]
	return i - 1, i > 0
}

func (j *join) add(s ItemSpend, w Worth) {
	j.out.Spend += s.Cost
	i, found := j.find(s.ItemID)
	if found {
		j.spent[i] = true
	}
	if !j.covered[s.Platform] {
		j.out.Unjudged += s.Cost
		return
	}
	c := j.per[s.Campaign]
	if c == nil {
		c = &CampaignItems{Campaign: s.Campaign}
		j.per[s.Campaign] = c
	}
	c.Spend += s.Cost
	f := Finding{Platform: s.Platform, Campaign: s.Campaign, ItemID: s.ItemID, Spend: s.Cost, Value: s.Value, Conversions: s.Conversions, Reason: Missing}
	if found {
		o := &j.offers[i]
		f.ItemID, f.Title, f.Price, f.UnitCost, f.Reason = o.ID, o.Title, o.Price, o.UnitCost, o.unfit(s.Platform)
		if o.UnitCost == nil {
			j.out.NoCost += s.Cost
		} else {
			f.AdCost, f.Left = o.left(w)
		}
	}
	if sum := c.sumOf(f.Reason); sum != nil {
		*sum += s.Cost
		c.Unfit += s.Cost
		j.out.Unfit = append(j.out.Unfit, f)
	}
	if f.UnitCost != nil && f.Left < 0 {
		c.Losing += s.Cost
		f.Reason = cmp.Or(below(f.Price, *f.UnitCost), Losing)
		j.out.Losing = append(j.out.Losing, f)
	}
}

func (c *CampaignItems) sumOf(reason string) *money.Micros {
	switch reason {
	case Missing:
		return &c.Missing
	case WithErrors:
		return &c.Errors
	case OutOfStock:
		return &c.OutOfStock
	case BelowCost:
		return &c.BelowCost
	}
	return nil
}

// unfit is why the item should not be advertised on a platform, or "".
func (o *Offer) unfit(platform string) string {
	on, errors := o.OnGoogle, o.GoogleErrors
	if platform == "meta" {
		on, errors = o.OnMeta, o.MetaErrors
	}
	switch {
	case !on:
		return Missing
	case SoldOut(o.Availability, o.Stock):
		return OutOfStock
	case errors > 0:
		return WithErrors
	case o.UnitCost != nil:
		return below(o.Price, *o.UnitCost)
	}
	return ""
}

// SoldOut reports whether an item cannot be bought now, by its availability and the
// pieces in stock; nil where the feed does not say.
func SoldOut(availability string, stock *int64) bool {
	return availability == OutOfStock || availability == "in_stock" && stock != nil && *stock <= 0
}

func below(price, cost money.Micros) string {
	if price > 0 && price <= cost {
		return BelowCost
	}
	return ""
}

// left is the expected cost of a sale at break-even, and what the sale leaves.
func (o *Offer) left(w Worth) (adCost, left money.Micros) {
	adCost, err1 := money.FromFloat(o.Price.Float() * w.K)
	later, err2 := money.FromFloat(o.Price.Float() * w.Later)
	if err1 != nil || err2 != nil || o.Price <= 0 {
		return 0, 0
	}
	return adCost, o.Price + later - *o.UnitCost - adCost
}

// idle lists what could be sold somewhere and cost no advertising.
func (j *join) idle() {
	for i := range j.offers {
		o := &j.offers[i]
		if j.spent[i] || !(o.OnGoogle && o.unfit("google") == "" || o.OnMeta && o.unfit("meta") == "") {
			continue
		}
		f := Finding{ItemID: o.ID, Title: o.Title, Price: o.Price, UnitCost: o.UnitCost}
		if o.UnitCost != nil {
			f.Left = o.Price - *o.UnitCost
		}
		j.out.Idle = append(j.out.Idle, f)
	}
}

func (j *join) result(most int) Money {
	m := &j.out
	for _, c := range j.per {
		m.Campaigns = append(m.Campaigns, *c)
		m.Total.Spend += c.Spend
		m.Total.Unfit += c.Unfit
		m.Total.Losing += c.Losing
		for _, reason := range []string{Missing, WithErrors, OutOfStock, BelowCost} {
			*m.Total.sumOf(reason) += *c.sumOf(reason)
		}
	}
	slices.SortFunc(m.Campaigns, func(a, b CampaignItems) int {
		return cmp.Or(cmp.Compare(b.Unfit, a.Unfit), cmp.Compare(b.Spend, a.Spend), cmp.Compare(a.Campaign, b.Campaign))
	})
	bySpend := func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Spend, a.Spend), cmp.Compare(b.Left, a.Left), cmp.Compare(a.ItemID, b.ItemID), cmp.Compare(a.Campaign, b.Campaign))
	}
	m.Unfit, m.UnfitCount = top(m.Unfit, most, bySpend)
	m.Losing, m.LosingCount = top(m.Losing, most, bySpend)
	m.Idle, m.IdleCount = top(m.Idle, most, bySpend)
	return *m
}

func top(list []Finding, most int, order func(a, b Finding) int) ([]Finding, int) {
	slices.SortFunc(list, order)
	n := len(list)
	return slices.Clone(list[:min(n, most)]), n
}
