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
	campaigns map[string]*claimSums
	platforms map[string]*claimSums
	ads       claimSums
	days      []reconciledDay

	// of the order under way
	touched           []string // platforms, in order
	credited, clicked []int64
	values            []int64
	steps             []string
	key               []byte
}

// claimSums are what platforms report, being added up.
type claimSums struct{ reported, claimed Amount }

type reconciledDay struct {
	orders OrderDay
	claims map[string]*claimSums // by platform
}

// NewReconciler compares the days from..to, both included.
func NewReconciler(from, to civil.Date) *Reconciler {
	r := &Reconciler{from: from, to: to, campaigns: map[string]*claimSums{}, platforms: map[string]*claimSums{}}
	for d := from; d <= to; d++ {
		r.days = append(r.days, reconciledDay{newOrderDay(d), map[string]*claimSums{}})
	}
	return r
}

// OrderDays are what was gathered of the orders up to a day.
func (r *Reconciler) OrderDays(until civil.Date) (out []OrderDay) {
	for d := r.from; d <= min(until, r.to); d++ {
		out = append(out, r.days[d-r.from].orders)
	}
	return out
}

// Take puts stored days in the place of their orders, which are then not to be
// given. Other days than those compared are passed over.
func (r *Reconciler) Take(days []OrderDay) {
	for i := range days {
		if d := &days[i]; d.Date >= r.from && d.Date <= r.to {
			r.days[d.Date-r.from].orders.join(d)
		}
	}
}

// of is what a map has of a key, which it has from then on.
func of[T any](m map[string]*T, key string) *T {
	l, ok := m[key]
	if !ok {
		l = new(T)
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
	for _, l := range []*claimSums{of(r.campaigns, c.Campaign), of(r.platforms, p), &r.ads, of(r.days[c.Date-r.from].claims, p)} {
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
	day, value := &r.days[f.Date-r.from].orders, int64(m.Order.Revenue)
	day.Shop.add(whole, value)
	r.steps, r.key = day.journey(m, f, r.steps, r.key)
	r.touched = platformsOf(r.touched[:0], m.Credits)
	if len(m.Credits) == 0 {
		day.NoAd.add(whole, value)
	} else {
		r.credit(m, f, day, value)
	}
	day.overlap(strings.Join(r.touched, "+"), sums{whole, value})
	for _, t := range f.Told {
		if !slices.Contains(r.touched, t.Platform) {
			of(day.Platforms, t.Platform).ToldOnly.add(whole, value)
		}
		if t.Platform == "meta" && t.At.Sub(m.Order.At) >= MetaKnows {
			of(day.Platforms, t.Platform).ToldLate.add(whole, value)
		}
	}
}

// credit splits an order over all that touched it, and once more over those of
// each platform.
func (r *Reconciler) credit(m Match, f OrderFacts, day *OrderDay, value int64) {
	r.credited, r.values = splitExactly(r.credited[:0], whole, m.Credits, ""), splitExactly(r.values[:0], value, m.Credits, "")
	day.Ads.credit(whole, value, f.Customer)
	for _, p := range r.touched {
		var orders, worth int64
		for i, c := range m.Credits {
			if platformIn(c.Campaign) == p {
				of(day.Campaigns, c.Campaign).credit(r.credited[i], r.values[i], f.Customer)
				orders, worth = orders+r.credited[i], worth+r.values[i]
			}
		}
		of(day.Platforms, p).credit(orders, worth, f.Customer)
	}
	for _, p := range r.touched {
		r.clicked, r.values = splitExactly(r.clicked[:0], whole, m.Credits, p), splitExactly(r.values[:0], value, m.Credits, p)
		told := slices.ContainsFunc(f.Told, func(t Told) bool { return t.Platform == p })
		for i, c := range m.Credits {
			if platformIn(c.Campaign) != p {
				continue
			}
			for _, s := range []*orderSums{of(day.Campaigns, c.Campaign), of(day.Platforms, p), &day.Ads} {
				s.click(r.clicked[i], r.values[i], c.ByClick, told)
			}
		}
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
	all := newOrderDay(r.from)
	for i := range r.days {
		all.join(&r.days[i].orders)
	}
	out := Reconciliation{From: r.from, To: r.to, Level: ReconcileLevel, Campaigns: []Balance{}, Platforms: []Balance{}, Overlap: all.overlaps(), Days: []ReconciledDay{},
		NoAd: all.NoAd.amount(), Shop: all.Shop.amount()}
	unit := 0.0 // an order's usual value
	if all.Shop[0] > 0 {
		unit = max(out.Shop.Value.Float(), 0) / out.Shop.Orders
	}
	enough := func(s *orderSums) bool { return s.Clicked.orders() >= minOrders }
	platforms := keysOf(r.platforms, all.Platforms)
	for _, p := range platforms {
		s := of(all.Platforms, p)
		b := balance(of(r.platforms, p), s, unit, enough(s))
		only, late := s.ToldOnly.amount(), s.ToldLate.amount()
		b.Platform, b.ToldOnly, b.ToldLate = p, &only, &late
		out.Platforms = append(out.Platforms, b)
	}
	for _, c := range keysOf(r.campaigns, all.Campaigns) {
		l, s := of(r.campaigns, c), of(all.Campaigns, c)
		if *l == (claimSums{}) && s.Clicked[0] == 0 {
			continue // there is nothing to hold against anything
		}
		p := platformIn(c)
		b := balance(l, s, unit, enough(of(all.Platforms, p)))
		b.Campaign, b.Platform = c, p
		out.Campaigns = append(out.Campaigns, b)
	}
	slices.SortFunc(out.Campaigns, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(b.Claimed.Value, a.Claimed.Value), cmp.Compare(a.Campaign, b.Campaign))
	})
	out.Ads = balance(&r.ads, &all.Ads, unit, enough(&all.Ads))
	for i := range r.days {
		out.Days = append(out.Days, r.days[i].result(platforms))
	}
	all.journeys(&out)
	return out
}

// keysOf are the keys of two maps, in order and each once.
func keysOf[A, B any](a map[string]A, b map[string]B) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (d *reconciledDay) result(platforms []string) ReconciledDay {
	out := ReconciledDay{Date: d.orders.Date, Shop: d.orders.Shop.amount(), Credited: d.orders.Ads.Credited.Sums.amount(), Platforms: []PlatformDay{}}
	for _, p := range platforms {
		day := PlatformDay{Platform: p}
		if l := d.claims[p]; l != nil {
			day.Reported, day.Claimed = l.reported, l.claimed
		}
		if s := d.orders.Platforms[p]; s != nil {
			day.Credited = s.Credited.Sums.amount()
		}
		out.Platforms = append(out.Platforms, day)
	}
	return out
}

func balance(l *claimSums, s *orderSums, unit float64, compared bool) Balance {
	b := Balance{Reported: l.reported, Claimed: l.claimed, Clicked: s.Clicked.amount(), ByClickID: s.ByClickID.amount(), ByOrderID: s.ByOrder.amount(),
		Credited: s.Credited.Sums.amount(), New: s.New.amount(), Returning: s.Returning.amount()}
	b.ByPerson = b.Clicked.less(b.ByClickID)
	b.ByPerson.Orders = float64(s.Clicked[0]-s.ByClickID[0]) / whole
	b.Over.Amount = b.Claimed.less(b.Credited)
	low, high := s.Credited.Count.interval(1)
	b.Over.OrdersLow, b.Over.OrdersHigh = b.Claimed.Orders-high, b.Claimed.Orders-low
	low, high = s.Credited.Value.interval(unit)
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
