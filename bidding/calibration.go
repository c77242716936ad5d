package bidding

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Followed is one measured change, with what it is grouped by.
type Followed struct {
	Outturn
	Platform string
	Field    string
	Month    string // that it was applied in, as 2026-01
}

// Held counts outcomes by where in their promised distributions they came to
// lie: within the central 50, 80 and 95 %, and by tenth, where a tenth of them
// belongs into each (the probability integral transform of Dawid 1984).
type Held struct {
	Count     int     `json:"count"`
	Inside50  int     `json:"inside_50"`
	Inside80  int     `json:"inside_80"`
	Inside95  int     `json:"inside_95"`
	Histogram [10]int `json:"histogram"`
}

// Add counts an outcome at a quantile (0 to 1) of its promise.
func (h *Held) Add(pit float64) {
	h.Count++
	for _, x := range []struct {
		level float64
		count *int
	}{{0.5, &h.Inside50}, {0.8, &h.Inside80}, {0.95, &h.Inside95}} {
		if Holds(pit, x.level) {
			*x.count++
		}
	}
	h.Histogram[min(max(int(pit*10), 0), 9)]++
}

// Plus is both counts together.
func (h Held) Plus(o Held) Held {
	h.Count, h.Inside50, h.Inside80, h.Inside95 = h.Count+o.Count, h.Inside50+o.Inside50, h.Inside80+o.Inside80, h.Inside95+o.Inside95
	for i, n := range o.Histogram {
		h.Histogram[i] += n
	}
	return h
}

// Explain says of what kind of promise how many held.
func (h Held) Explain(kind string) string {
	if h.Count == 1 {
		if h.Inside80 == 1 {
			return fmt.Sprintf("One %s at 80 %% was judged, and it held. Too few to tell more.", kind)
		}
		return fmt.Sprintf("One %s at 80 %% was judged, and it was broken. Too few to tell more.", kind)
	}
	expected := 0.8 * float64(h.Count)
	s := fmt.Sprintf("Of %d %ss at 80 %%, %d held; %.0f should have.", h.Count, kind, h.Inside80, expected)
	switch off := float64(h.Inside80) - expected; {
	case h.Count < leastTold:
		return s + " Too few to tell more."
	case math.Abs(off) <= 2*math.Sqrt(expected*0.2):
		return s + " That is as near as chance allows."
	case off < 0:
		return s + " It is surer than it should be."
	}
	return s + " It is more careful than it need be."
}

// Calibration says how well promises are kept, over changes that were judged.
// Amounts are a currency a day.
type Calibration struct {
	Name string `json:"name"` // of the group; empty: all
	Held
	// Promised and Came are mean profits; Bias is Came less Promised, and
	// BiasSD its standard error.
	Promised float64 `json:"promised"`
	Came     float64 `json:"came"`
	Bias     float64 `json:"bias"`
	BiasSD   float64 `json:"bias_sd"`
	// PromisedGain is the mean gain promised, Gain the mean measured against the
	// counterfactual and GainSD its standard error, by the spread of the outcomes.
	PromisedGain float64 `json:"promised_gain"`
	Gain         float64 `json:"gain"`
	GainSD       float64 `json:"gain_sd"`
	Gains        int     `json:"gains"`
	Losses       int     `json:"losses"`
	Undecided    int     `json:"undecided"`
	RolledBack   int     `json:"rolled_back"` // proposed to be
}

// Calibrate sums up the changes that were judged.
func Calibrate(name string, list []Followed) Calibration {
	c := Calibration{Name: name}
	var miss, gain spread
	for _, f := range list {
		if f.Verdict == Unjudged || f.Verdict == "" {
			continue
		}
		c.Add(f.PIT)
		c.Promised += f.Promised
		c.Came += f.ProfitPerDay
		c.PromisedGain += f.PromisedGain
		miss.add(f.ProfitPerDay - f.Promised)
		gain.add(f.Gain)
		switch f.Verdict {
		case Gain:
			c.Gains++
		case Loss:
			c.Losses++
		default:
			c.Undecided++
		}
		if f.RolledBack != "" {
			c.RolledBack++
		}
	}
	if c.Count == 0 {
		return c
	}
	n := float64(c.Count)
	c.Promised, c.Came, c.PromisedGain = c.Promised/n, c.Came/n, c.PromisedGain/n
	c.Bias, c.BiasSD = miss.mean(), miss.error()
	c.Gain, c.GainSD = gain.mean(), gain.error()
	return c
}

// CalibrateBy is Calibrate of every group, in the order of the groups' names.
func CalibrateBy(list []Followed, group func(Followed) string) []Calibration {
	by := map[string][]Followed{}
	for _, f := range list {
		by[group(f)] = append(by[group(f)], f)
	}
	var out []Calibration
	for name, fs := range by {
		if c := Calibrate(name, fs); c.Count > 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Calibration) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// BiasShare is the bias as a share of what was promised; ok is false where the
// promises come to nothing to divide by.
func (c Calibration) BiasShare() (share float64, ok bool) {
	if !(math.Abs(c.Promised) > 1e-9) {
		return 0, false
	}
	return c.Bias / math.Abs(c.Promised), true
}

// Biased reports whether promises were off by more than chance explains, two
// standard errors, over enough changes to tell.
func (c Calibration) Biased() bool { return c.Count >= leastTold && math.Abs(c.Bias) > 2*c.BiasSD }

// leastTold are the changes from which a bias is spoken of.
const leastTold = 10

// Explain says in plain words how the promises were kept.
func (c Calibration) Explain() string {
	if c.Count == 0 {
		return "No promise is old enough to be judged."
	}
	s := c.Held.Explain("promise")
	if c.Count < leastTold {
		return s
	}
	share, ok := c.BiasShare()
	switch {
	case !ok:
	case !c.Biased():
		s += " On average it promised neither too much nor too little, as far as can be told."
	case c.Bias < 0:
		s += fmt.Sprintf(" It promised %.0f %% too much.", -100*share)
	default:
		s += fmt.Sprintf(" It promised %.0f %% too little.", 100*share)
	}
	return s
}

// spread adds up a mean and its standard error.
type spread struct{ n, sum, squares float64 }

func (s *spread) add(x float64) { s.n, s.sum, s.squares = s.n+1, s.sum+x, s.squares+x*x }

func (s *spread) mean() float64 { return s.sum / max(s.n, 1) }

// error is 0 where one value says nothing of it.
func (s *spread) error() float64 {
	if s.n < 2 {
		return 0
	}
	return math.Sqrt(max(s.squares-s.sum*s.sum/s.n, 0) / (s.n - 1) / s.n)
}
