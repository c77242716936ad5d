package response

import "math"

// Conditions are what the shop knows of a unit's day besides its money, as shares of
// the goods that the unit sells.
type Conditions struct {
	OutOfStock float64 `json:"out_of_stock"` // could not be sold, 0 to 1
	Markdown   float64 `json:"markdown"`     // by which their prices were reduced, 0 to 1
}

// Effect is what conditions do to a unit: by how much ln value moves where a share goes
// from nothing to all.
type Effect struct {
	OutOfStock float64 `json:"out_of_stock"`
	Markdown   float64 `json:"markdown"`
}

// Factor is how many times as much a day brings under conditions as it would
// without them.
func (e Effect) Factor(c Conditions) float64 { return e.factor(underConditions(c)) }

func (e Effect) factor(p point) float64 {
	return math.Exp(e.OutOfStock*p[byOutOfStock] + e.Markdown*p[byMarkdown])
}

func underConditions(c Conditions) point {
	return point{byOutOfStock: c.OutOfStock, byMarkdown: c.Markdown}
}

// What is believed of effects beforehand: that a small part of the goods takes as
// small a part of the value with it, and that value answers to a markdown as units
// sold do to prices less the markdown itself, with the mean price elasticity of -2.62
// over 1,851 estimates (Bijmolt, van Heerde and Pieters 2005, "New empirical
// generalizations on the determinants of price elasticity").
const (
	outOfStockEffect, outOfStockSD = -1, 0.7
	markdownEffect, markdownSD     = 1.62, 1.5
)

var (
	outOfStockPrior = gauss{1 / (outOfStockSD * outOfStockSD), outOfStockEffect / (outOfStockSD * outOfStockSD)}
	markdownPrior   = gauss{1 / (markdownSD * markdownSD), markdownEffect / (markdownSD * markdownSD)}
)

// effect is what is found of conditions; nothing where all days had the same.
func (f *unitFit) effect() Effect {
	if len(f.free) < dims {
		return Effect{}
	}
	return Effect{OutOfStock: f.slopes[byOutOfStock], Markdown: f.slopes[byMarkdown]}
}

// usualDays are looked at for what conditions usually are.
const usualDays = 28

// compareConditions holds each row's conditions against those that usually hold, the
// medians of the newest days: they are what a curve is of. What lasts becomes usual
// within half of these days.
func (f *unitFit) compareConditions() {
	var out, down []float64
	for _, r := range f.rows {
		if r.at[byDrift] >= -usualDays {
			out, down = append(out, r.at[byOutOfStock]), append(down, r.at[byMarkdown])
		}
	}
	f.usual = Conditions{OutOfStock: median(out), Markdown: median(down)}
	for k := range f.rows {
		r := &f.rows[k]
		r.at = r.at.plus(underConditions(f.usual), -1)
		if r.at[byOutOfStock] != 0 || r.at[byMarkdown] != 0 {
			f.free = []int{byDrift, byWobble, byOutOfStock, byMarkdown, byBudget}
		}
	}
}

// toldEffect is from which change of ln value a day's conditions are worth a word.
const toldEffect = 0.1

// toldDays are how many days' conditions are worth a word.
func (f *unitFit) toldDays() (n int) {
	for _, r := range f.rows {
		if math.Abs(math.Log(f.effect().factor(r.at))) >= toldEffect {
			n++
		}
	}
	return n
}
