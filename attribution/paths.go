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

var lagBins = []struct {
	label string
	days  float64
}{
	{"under 1 h", 1. / 24}, {"1–6 h", 6. / 24}, {"6–24 h", 1}, {"1–2 days", 2}, {"2–3 days", 3}, {"3–7 days", 7}, {"7–14 days", 14}, {"14–30 days", 30}, {"30 days or more", 0},
}

// mostTouches is the last LengthBin, which has the longer ones, too.
const mostTouches = 10

type journeyCounts struct {
	first, last []tally // by lagBins
	lengths     [mostTouches]tally
	paths       map[string]*PathCount
	steps       []string // of the order under way, and their key
	key         []byte
}

func newJourneyCounts() journeyCounts {
	return journeyCounts{first: make([]tally, len(lagBins)), last: make([]tally, len(lagBins)), paths: map[string]*PathCount{}}
}

func (j *journeyCounts) add(m Match, f OrderFacts) {
	value := int64(m.Order.Revenue)
	if len(m.Credits) > 0 {
		j.first[lagBin(m.FirstAd, m.Order.At)].add(whole, value)
		j.last[lagBin(m.LastAd, m.Order.At)].add(whole, value)
	}
	if m.Touches == 0 {
		return
	}
	j.lengths[min(m.Touches, mostTouches)-1].add(whole, value)
	cut := m.Touches > len(m.Path)
	j.steps, j.key = j.steps[:0], j.key[:0]
	if cut {
		j.key = append(j.key, 0)
	}
	for i, s := range m.Path {
		if i == 0 || s.Name != m.Path[i-1].Name {
			j.steps, j.key = append(j.steps, s.Name), append(append(j.key, s.Name...), 0)
		}
	}
	p := j.paths[string(j.key)]
	if p == nil {
		p = &PathCount{Steps: slices.Clone(j.steps), Cut: cut}
		j.paths[string(j.key)] = p
	}
	p.Orders++
	p.Value += m.Order.Revenue
	if f.Customer == NewCustomer {
		p.New++
	}
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

func (j *journeyCounts) result(out *Reconciliation) {
	out.Lags, out.Lengths, out.Paths = []LagBin{}, []LengthBin{}, []PathCount{}
	for i, b := range lagBins {
		out.Lags = append(out.Lags, LagBin{b.label, b.days, j.last[i].amount(), j.first[i].amount()})
	}
	for i := range j.lengths {
		out.Lengths = append(out.Lengths, LengthBin{i + 1, i+1 == mostTouches, j.lengths[i].amount()})
	}
	for _, p := range j.paths {
		out.Paths = append(out.Paths, *p)
	}
	slices.SortFunc(out.Paths, func(a, b PathCount) int {
		return cmp.Or(b.Orders-a.Orders, cmp.Compare(b.Value, a.Value), slices.Compare(a.Steps, b.Steps))
	})
	out.DistinctPaths = len(out.Paths)
	out.Paths = out.Paths[:min(len(out.Paths), mostPaths)]
}
