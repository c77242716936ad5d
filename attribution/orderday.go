package attribution

import (
	"maps"
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// OrderDay is what a Reconciler gathers of one day's orders. It can be stored, and
// given to the Reconciler of another night in place of the orders.
type OrderDay struct {
	Date      civil.Date            `json:"date"`
	Shop      sums                  `json:"shop"`  // all orders
	NoAd      sums                  `json:"no_ad"` // those without a touch of an ad
	Ads       orderSums             `json:"ads"`   // the others
	Campaigns map[string]*orderSums `json:"campaigns,omitempty"`
	Platforms map[string]*orderSums `json:"platforms,omitempty"`
	Overlap   map[string]sums       `json:"overlap,omitempty"` // by platforms, "+" between them
	First     [len(lagBins)]sums    `json:"first"`
	Last      [len(lagBins)]sums    `json:"last"`
	Lengths   [mostTouches]sums     `json:"lengths"`
	Paths     []PathCount           `json:"paths,omitempty"`

	at map[string]int // of Paths, by pathKey
}

// orderSums are the orders of a campaign, of a platform's, or of all ads.
type orderSums struct {
	Clicked   sums  `json:"clicked,omitzero"`
	ByClickID sums  `json:"by_click_id,omitzero"`
	ByOrder   sums  `json:"by_order,omitzero"`
	ToldOnly  sums  `json:"told_only,omitzero"` // of a platform, as ToldLate
	ToldLate  sums  `json:"told_late,omitzero"`
	Credited  tally `json:"credited,omitzero"`
	New       sums  `json:"new,omitzero"`
	Returning sums  `json:"returning,omitzero"`
}

func newOrderDay(date civil.Date) OrderDay {
	return OrderDay{Date: date, Campaigns: map[string]*orderSums{}, Platforms: map[string]*orderSums{}, Overlap: map[string]sums{}}
}

// join adds what another day gathered.
func (d *OrderDay) join(o *OrderDay) {
	d.Shop.join(o.Shop)
	d.NoAd.join(o.NoAd)
	d.Ads.join(&o.Ads)
	for c, s := range o.Campaigns {
		of(d.Campaigns, c).join(s)
	}
	for p, s := range o.Platforms {
		of(d.Platforms, p).join(s)
	}
	for key, s := range o.Overlap {
		d.overlap(key, s)
	}
	for i := range d.First {
		d.First[i].join(o.First[i])
		d.Last[i].join(o.Last[i])
	}
	for i := range d.Lengths {
		d.Lengths[i].join(o.Lengths[i])
	}
	var key []byte
	for i := range o.Paths {
		p := &o.Paths[i]
		key = pathKey(key, p.Cut, p.Steps)
		to := d.path(key, p.Cut, p.Steps)
		to.Orders += p.Orders
		to.New += p.New
		to.Value += p.Value
	}
}

func (d *OrderDay) overlap(key string, s sums) {
	s.join(d.Overlap[key])
	d.Overlap[key] = s
}

func (s *orderSums) join(o *orderSums) {
	s.Clicked.join(o.Clicked)
	s.ByClickID.join(o.ByClickID)
	s.ByOrder.join(o.ByOrder)
	s.ToldOnly.join(o.ToldOnly)
	s.ToldLate.join(o.ToldLate)
	s.Credited.join(o.Credited)
	s.New.join(o.New)
	s.Returning.join(o.Returning)
}

func (s *orderSums) credit(orders, value int64, c Customership) {
	s.Credited.add(orders, value)
	switch c {
	case NewCustomer:
		s.New.add(orders, value)
	case ReturningCustomer:
		s.Returning.add(orders, value)
	}
}

func (s *orderSums) click(orders, value int64, byClickID, told bool) {
	s.Clicked.add(orders, value)
	if byClickID {
		s.ByClickID.add(orders, value)
	}
	if told {
		s.ByOrder.add(orders, value)
	}
}

// overlaps are the orders by the platforms that touched them.
func (d *OrderDay) overlaps() []Overlap {
	out := []Overlap{}
	for _, key := range slices.Sorted(maps.Keys(d.Overlap)) {
		o := Overlap{Platforms: []string{}, Amount: d.Overlap[key].amount()}
		if key != "" {
			o.Platforms = strings.Split(key, "+")
		}
		out = append(out, o)
	}
	return out
}
