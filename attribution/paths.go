package attribution

import (
	"cmp"
	"slices"
	"time"

	"adsteward/internal/money"
)

// LagBin are orders by the time between a touch of an ad and them.
type LagBin struct {
	Label string  `json:"label"`
	Days  float64 `json:"days"`       // its upper end, which is not in it; 0: none
	Last  Amount  `json:"since_last"` // by their last touch of an ad
	First Amount  `json:"since_first"`
}

// LengthBin are orders by how many touches came before them.
type LengthBin struct {
	Touches int  `json:"touches"`
	OrMore  bool `json:"or_more"`
	Amount
}

// PathCount are the orders that came along the same way. Its steps are campaigns,
// as CampaignKey writes them, and the channels that are no ad platform's; one that
// follows itself is one step.
type PathCount struct {
	Steps  []string     `json:"steps"`
	Cut    bool         `json:"cut"` // it began earlier
	Orders int          `json:"orders"`
	New    int          `json:"new"` // of customers on their first day
	Value  money.Micros `json:"value"`
}

// mostPaths is how many paths a Reconciliation lists.
const mostPaths = 50

var lagBins = [...]struct {
	label string
	days  float64
}{
	{"under 1 h", 1. / 24}, {"1–6 h", 6. / 24}, {"6–24 h", 1}, {"1–2 days", 2}, {"2–3 days", 3}, {"3–7 days", 7}, {"7–14 days", 14}, {"14–30 days", 30}, {"30 days or more", 0},
}

// mostTouches is the last LengthBin, which has the longer ones, too.
const mostTouches = 10

// journey counts how an order came about; steps and key are the caller's to use again.
func (d *OrderDay) journey(m Match, f OrderFacts, steps []string, key []byte) ([]string, []byte) {
	value := int64(m.Order.Revenue)
	if len(m.Credits) > 0 {
		d.First[lagBin(m.FirstAd, m.Order.At)].add(whole, value)
		d.Last[lagBin(m.LastAd, m.Order.At)].add(whole, value)
	}
	if m.Touches == 0 {
		return steps, key
	}
	d.Lengths[min(m.Touches, mostTouches)-1].add(whole, value)
	steps = steps[:0]
	for i, s := range m.Path {
		if i == 0 || s != m.Path[i-1] {
			steps = append(steps, s)
		}
	}
	cut := m.Touches > len(m.Path)
	key = pathKey(key, cut, steps)
	p := d.path(key, cut, steps)
	p.Orders++
	p.Value += m.Order.Revenue
	if f.Customer == NewCustomer {
		p.New++
	}
	return steps, key
}

// pathKey names a path, in place of what into holds.
func pathKey(into []byte, cut bool, steps []string) []byte {
	into = into[:0]
	if cut {
		into = append(into, 0)
	}
	for _, s := range steps {
		into = append(append(into, s...), 0)
	}
	return into
}

// path is the count of a path; it is valid until the next one is asked for.
func (d *OrderDay) path(key []byte, cut bool, steps []string) *PathCount {
	if d.at == nil {
		d.at = map[string]int{}
	}
	i, ok := d.at[string(key)]
	if !ok {
		i = len(d.Paths)
		d.at[string(key)] = i
		d.Paths = append(d.Paths, PathCount{Steps: slices.Clone(steps), Cut: cut})
	}
	return &d.Paths[i]
}

func lagBin(touch, order time.Time) int {
	days := order.Sub(touch).Hours() / 24
	for i, b := range lagBins {
		if days < b.days {
			return i
		}
	}
	return len(lagBins) - 1
}

// journeys tells how all orders came about.
func (d *OrderDay) journeys(out *Reconciliation) {
	out.Lags, out.Lengths, out.Paths = []LagBin{}, []LengthBin{}, []PathCount{}
	for i, b := range lagBins {
		out.Lags = append(out.Lags, LagBin{b.label, b.days, d.Last[i].amount(), d.First[i].amount()})
	}
	for i := range d.Lengths {
		out.Lengths = append(out.Lengths, LengthBin{i + 1, i+1 == mostTouches, d.Lengths[i].amount()})
	}
	paths := slices.Clone(d.Paths)
	slices.SortFunc(paths, func(a, b PathCount) int {
		return cmp.Or(b.Orders-a.Orders, cmp.Compare(b.Value, a.Value), slices.Compare(a.Steps, b.Steps))
	})
	out.DistinctPaths = len(paths)
	out.Paths = append(out.Paths, paths[:min(len(paths), mostPaths)]...)
}
