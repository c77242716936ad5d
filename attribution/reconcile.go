package attribution

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// ReconcileLevel is the probability that the intervals of a Reconciliation hold.
const ReconcileLevel = 0.8

// Claim is what a platform reports of one campaign and day.
type Claim struct {
	Campaign    string // CampaignKey's form
	Date        civil.Date
	Conversions float64
	Value       money.Micros
	// Arrived is the share of the day's final value that is reported by now, above
	// 0 and at most 1.
	Arrived float64
}

// OrderFacts are what a Match does not say of its order.
type OrderFacts struct {
	Date     civil.Date // in the shop's zone
	Customer Customership
	Told     []Told
}

// Told is that a platform was told of an order by its id.
type Told struct {
	Platform string
	At       time.Time
}

// Customership says whether an order's customer had ordered before its day.
type Customership int

const (
	UnknownCustomer Customership = iota // the order names none
	NewCustomer
	ReturningCustomer
)

// Amount is so many orders, or conversions, and their value. Parts of orders are
// counted in millionths, so that parts add up to their whole.
type Amount struct {
	Orders float64      `json:"orders"`
	Value  money.Micros `json:"value"`
}

// Balance holds what is claimed against what is there: of a campaign, of a
// platform's campaigns together, or of all of them. Every Amount of a platform is
// the sum of its campaigns'.
type Balance struct {
	Campaign string `json:"campaign,omitempty"` // CampaignKey's form; "" in a sum
	Name     string `json:"name,omitempty"`     // the campaign's, for whoever knows it to fill in
	Platform string `json:"platform,omitempty"` // "" in the sum of all
	// Reported is what the platform says so far; Claimed adds what is still to
	// arrive of young days, by what arrived late before.
	Reported Amount `json:"reported"`
	Claimed  Amount `json:"claimed"`
	// Clicked are the shop's orders after a touch of it, each counted once for each
	// platform and split over that platform's campaigns: what the platform can claim
	// with a click to show for it. It is ByClickID and ByPerson.
	Clicked Amount `json:"clicked"`
	// ByClickID are those of them whose own click id is a touch's, ByPerson those
	// whose customer was there inside the window.
	ByClickID Amount `json:"by_click_id"`
	ByPerson  Amount `json:"by_person"`
	// ByOrderID are those of Clicked that the platform was told of by their id, so
	// that it counts each once whatever else tells it. Of a platform, ToldOnly are
	// those that it was told of without a click of it known here, and ToldLate those
	// that Meta was told of so long after the order that it counts them once more
	// where the website's pixel told it at once; see MetaKnows.
	ByOrderID Amount  `json:"by_order_id"`
	ToldOnly  *Amount `json:"told_only,omitempty"`
	ToldLate  *Amount `json:"told_late,omitempty"`
	// Credited are the shop's orders with each paid once: split over all touches of
	// whatever platform. Clicked less Credited is others' share of the same orders.
	Credited  Amount `json:"credited"`
	New       Amount `json:"new"`       // of Credited: by customers on their first day
	Returning Amount `json:"returning"` // by those who had ordered before
	Over      Excess `json:"over"`
}

// Unmatched is what is claimed beyond the orders after a click of it: conversions
// nobody can match. Below 0 are orders after its click that it does not claim.
func (b Balance) Unmatched() Amount { return b.Claimed.less(b.Clicked) }

// Shared is the part of its orders that is other platforms'.
func (b Balance) Shared() Amount { return b.Clicked.less(b.Credited) }

func (a Amount) less(b Amount) Amount { return Amount{a.Orders - b.Orders, a.Value - b.Value} }

// Verdict says how a claim compares with the orders there are.
type Verdict string

const (
	Overclaims  Verdict = "over"    // it claims more, and not by chance
	Underclaims Verdict = "under"   // it claims less, and not by chance
	Agrees      Verdict = "agrees"  // the difference may be chance
	NotCompared Verdict = "unknown" // too few of the platform's orders could be joined to clicks
)

// Excess is Claimed less Credited, below 0 where less is claimed than there is,
// with its interval: orders are counted things, and as many might have been more
// or fewer. That the shop does not see every click is not in it.
type Excess struct {
	Amount
	OrdersLow  float64      `json:"orders_low"`
	OrdersHigh float64      `json:"orders_high"`
	ValueLow   money.Micros `json:"value_low"`
	ValueHigh  money.Micros `json:"value_high"`
	Verdict    Verdict      `json:"verdict"`
}

// Overlap are the orders after touches of exactly these platforms.
type Overlap struct {
	Platforms []string `json:"platforms"` // none: no ad was touched, so nobody can claim them
	Amount
}

// ReconciledDay is one day of all campaigns.
type ReconciledDay struct {
	Date      civil.Date    `json:"date"`
	Shop      Amount        `json:"shop"`     // all its orders
	Credited  Amount        `json:"credited"` // of them, after a touch of an ad
	Platforms []PlatformDay `json:"platforms"`
}

// PlatformDay is one day of one platform.
type PlatformDay struct {
	Platform string `json:"platform"`
	Reported Amount `json:"reported"`
	Claimed  Amount `json:"claimed"`
	Credited Amount `json:"credited"`
}

// Reconciliation is a range of days, both included, on which platforms' claims are
// held against the shop's orders.
type Reconciliation struct {
	From      civil.Date `json:"from"`
	To        civil.Date `json:"to"`
	Level     float64    `json:"level"`    // of the intervals
	Currency  string     `json:"currency"` // for whoever knows it to fill in
	Campaigns []Balance  `json:"campaigns"`
	Platforms []Balance  `json:"platforms"`
	Ads       Balance    `json:"ads"` // all platforms together
	// NoAd are orders without a touch of an ad; Shop all orders: Ads.Credited and
	// NoAd.
	NoAd    Amount          `json:"no_ad"`
	Shop    Amount          `json:"shop"`
	Overlap []Overlap       `json:"overlap"`
	Days    []ReconciledDay `json:"days"`
	Lags    []LagBin        `json:"lags"`
	Lengths []LengthBin     `json:"lengths"`
	Paths   []PathCount     `json:"paths"`
	// DistinctPaths is how many there are, of which Paths are the most frequent.
	DistinctPaths int `json:"distinct_paths"`
	// Notes say what is missing from the comparison.
	Notes []string `json:"notes,omitempty"`
}

// Reconciler gathers a Reconciliation from one pass over matches and claims, in
// any order. It holds sums by campaign and day, and the paths' counts, but no
// orders.
type Reconciler struct {
	from, to  civil.Date
	campaigns map[string]*ledger
	platforms map[string]*ledger
	ads       ledger
	noAd      tally
	shop      tally
	overlap   map[string]*tally
	days      []dayLedger
	journeys  journeyCounts

	// of the order under way
	touched           []string // platforms, in order
	credited, clicked []int64
	values            []int64
}

// ledger is a Balance being added up.
type ledger struct {
	reported, claimed                      Amount
	clicked, byClickID, byOrder            tally
	toldOnly, toldLate                     tally
	credited, newCustomer, returningToShop tally
}

type dayLedger struct {
	shop, credited tally
	platforms      map[string]*ledger
}

// NewReconciler compares the days from..to, both included.
func NewReconciler(from, to civil.Date) *Reconciler {
	r := &Reconciler{from: from, to: to, campaigns: map[string]*ledger{}, platforms: map[string]*ledger{}, overlap: map[string]*tally{}, journeys: newJourneyCounts()}
	for d := from; d <= to; d++ {
		r.days = append(r.days, dayLedger{platforms: map[string]*ledger{}})
	}
	return r
}

func of(m map[string]*ledger, key string) *ledger {
	l, ok := m[key]
	if !ok {
		l = &ledger{}
		m[key] = l
	}
	return l
}

// Claim takes what a platform reports; other days than those compared are passed
// over.
func (r *Reconciler) Claim(c Claim) {
	if c.Date < r.from || c.Date > r.to {
		return
	}
	arrived := min(max(c.Arrived, 1e-3), 1)
	final := Amount{c.Conversions / arrived, money.Micros(math.Round(float64(c.Value) / arrived))}
	p := platformIn(c.Campaign)
	for _, l := range []*ledger{of(r.campaigns, c.Campaign), of(r.platforms, p), &r.ads, of(r.days[c.Date-r.from].platforms, p)} {
		l.reported.add(c.Conversions, c.Value)
		l.claimed.add(final.Orders, final.Value)
	}
}

func (a *Amount) add(orders float64, value money.Micros) {
	a.Orders += orders
	a.Value += value
}

// whole is one order in the units orders are counted in.
const whole = 1_000_000

// Order takes an order; one of other days than those compared is passed over.
func (r *Reconciler) Order(m Match, f OrderFacts) {
	if f.Date < r.from || f.Date > r.to {
		return
	}
	day, value := &r.days[f.Date-r.from], int64(m.Order.Revenue)
	r.shop.add(whole, value)
	day.shop.add(whole, value)
	r.journeys.add(m, f)
	r.touched = platformsOf(r.touched[:0], m.Credits)
	if len(m.Credits) == 0 {
		r.noAd.add(whole, value)
	} else {
		r.credit(m, f, day, value)
	}
	key := strings.Join(r.touched, "+")
	if r.overlap[key] == nil {
		r.overlap[key] = &tally{}
	}
	r.overlap[key].add(whole, value)
	for _, t := range f.Told {
		if !slices.Contains(r.touched, t.Platform) {
			of(r.platforms, t.Platform).toldOnly.add(whole, value)
		}
		if t.Platform == "meta" && t.At.Sub(m.Order.At) >= MetaKnows {
			of(r.platforms, t.Platform).toldLate.add(whole, value)
		}
	}
}

// credit splits an order over all that touched it, and once more over those of
// each platform.
func (r *Reconciler) credit(m Match, f OrderFacts, day *dayLedger, value int64) {
	r.credited, r.values = splitExactly(r.credited[:0], whole, m.Credits, ""), splitExactly(r.values[:0], value, m.Credits, "")
	day.credited.add(whole, value)
	r.ads.credit(whole, value, f.Customer)
	for _, p := range r.touched {
		var orders, worth int64
		for i, c := range m.Credits {
			if platformIn(c.Campaign) == p {
				of(r.campaigns, c.Campaign).credit(r.credited[i], r.values[i], f.Customer)
				orders, worth = orders+r.credited[i], worth+r.values[i]
			}
		}
		of(r.platforms, p).credit(orders, worth, f.Customer)
		of(day.platforms, p).credit(orders, worth, f.Customer)
	}
	for _, p := range r.touched {
		r.clicked, r.values = splitExactly(r.clicked[:0], whole, m.Credits, p), splitExactly(r.values[:0], value, m.Credits, p)
		told := slices.ContainsFunc(f.Told, func(t Told) bool { return t.Platform == p })
		for i, c := range m.Credits {
			if platformIn(c.Campaign) != p {
				continue
			}
			for _, l := range []*ledger{of(r.campaigns, c.Campaign), of(r.platforms, p), &r.ads} {
				l.click(r.clicked[i], r.values[i], c.ByClick, told)
			}
		}
	}
}

func (l *ledger) credit(orders, value int64, c Customership) {
	l.credited.add(orders, value)
	switch c {
	case NewCustomer:
		l.newCustomer.add(orders, value)
	case ReturningCustomer:
		l.returningToShop.add(orders, value)
	}
}

func (l *ledger) click(orders, value int64, byClickID, told bool) {
	l.clicked.add(orders, value)
	if byClickID {
		l.byClickID.add(orders, value)
	}
	if told {
		l.byOrder.add(orders, value)
	}
}

// splitExactly divides a whole over the parts of one platform, or of all where p is "",
// by their shares among those; the parts add up to the whole, to the last unit.
// Parts of other platforms get 0.
func splitExactly(into []int64, total int64, parts []Part, p string) []int64 {
	var shares, before float64
	last := -1
	for i, c := range parts {
		if p == "" || platformIn(c.Campaign) == p {
			shares += c.Share
			last = i
		}
	}
	var given int64
	for i, c := range parts {
		var part int64
		if p == "" || platformIn(c.Campaign) == p {
			before += c.Share
			part = int64(math.Round(float64(total)*(before/shares))) - given
			if i == last {
				part = total - given
			}
			given += part
		}
		into = append(into, part)
	}
	return into
}

// platformsOf are the platforms of some parts, in order and each once.
func platformsOf(out []string, parts []Part) []string {
	for _, c := range parts {
		p := platformIn(c.Campaign)
		if i, ok := slices.BinarySearch(out, p); !ok {
			out = slices.Insert(out, i, p)
		}
	}
	return out
}

// Result is what was gathered so far.
func (r *Reconciler) Result() Reconciliation {
	out := Reconciliation{From: r.from, To: r.to, Level: ReconcileLevel, Campaigns: []Balance{}, Platforms: []Balance{}, Overlap: []Overlap{}, Days: []ReconciledDay{},
		NoAd: r.noAd.amount(), Shop: r.shop.amount()}
	unit := 0.0 // an order's usual value
	if r.shop.orders > 0 {
		unit = max(r.shop.value.sum, 0) / (float64(r.shop.orders) / whole)
	}
	compared := map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(r.platforms)) {
		l := r.platforms[p]
		compared[p] = float64(l.clicked.orders)/whole >= minOrders
		b := l.balance(unit, compared[p])
		only, late := l.toldOnly.amount(), l.toldLate.amount()
		b.Platform, b.ToldOnly, b.ToldLate = p, &only, &late
		out.Platforms = append(out.Platforms, b)
	}
	for c, l := range r.campaigns {
		if l.claimed == (Amount{}) && l.reported == (Amount{}) && l.clicked.orders == 0 {
			continue // there is nothing to hold against anything
		}
		p := platformIn(c)
		b := l.balance(unit, compared[p])
		b.Campaign, b.Platform = c, p
		out.Campaigns = append(out.Campaigns, b)
	}
	slices.SortFunc(out.Campaigns, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(b.Claimed.Value, a.Claimed.Value), cmp.Compare(a.Campaign, b.Campaign))
	})
	out.Ads = r.ads.balance(unit, float64(r.ads.clicked.orders)/whole >= minOrders)
	for _, key := range slices.Sorted(maps.Keys(r.overlap)) {
		o := Overlap{Platforms: []string{}, Amount: r.overlap[key].amount()}
		if key != "" {
			o.Platforms = strings.Split(key, "+")
		}
		out.Overlap = append(out.Overlap, o)
	}
	for i, d := range r.days {
		out.Days = append(out.Days, d.result(r.from.AddDays(i), slices.Sorted(maps.Keys(r.platforms))))
	}
	r.journeys.result(&out)
	return out
}

func (d *dayLedger) result(date civil.Date, platforms []string) ReconciledDay {
	out := ReconciledDay{Date: date, Shop: d.shop.amount(), Credited: d.credited.amount(), Platforms: []PlatformDay{}}
	for _, p := range platforms {
		day := PlatformDay{Platform: p}
		if l := d.platforms[p]; l != nil {
			day.Reported, day.Claimed, day.Credited = l.reported, l.claimed, l.credited.amount()
		}
		out.Platforms = append(out.Platforms, day)
	}
	return out
}

func (l *ledger) balance(unit float64, compared bool) Balance {
	b := Balance{Reported: l.reported, Claimed: l.claimed, Clicked: l.clicked.amount(), ByClickID: l.byClickID.amount(), ByOrderID: l.byOrder.amount(),
		Credited: l.credited.amount(), New: l.newCustomer.amount(), Returning: l.returningToShop.amount()}
	b.ByPerson = b.Clicked.less(b.ByClickID)
	b.ByPerson.Orders = float64(l.clicked.orders-l.byClickID.orders) / whole
	b.Over.Amount = b.Claimed.less(b.Credited)
	low, high := l.credited.count.interval(1)
	b.Over.OrdersLow, b.Over.OrdersHigh = b.Claimed.Orders-high, b.Claimed.Orders-low
	low, high = l.credited.value.interval(unit)
	b.Over.ValueLow, b.Over.ValueHigh = b.Claimed.Value-microsOf(high), b.Claimed.Value-microsOf(low)
	switch {
	case !compared:
		b.Over.Verdict = NotCompared
	case b.Over.ValueLow > 0:
		b.Over.Verdict = Overclaims
	case b.Over.ValueHigh < 0:
		b.Over.Verdict = Underclaims
	default:
		b.Over.Verdict = Agrees
	}
	return b
}

// microsOf rounds units of a currency, which are within the range of Micros as
// sums of Micros.
func microsOf(units float64) money.Micros { return money.Micros(math.Round(units * whole)) }
