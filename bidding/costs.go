package bidding

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"adsteward/internal/money"
)

// Costs is what the shop says of its costs. Make one with NewCosts.
type Costs struct {
	// DefaultMargin is (price - cost of goods) / price where the shop knows too
	// few costs to take an average of its own; prices without tax.
	DefaultMargin float64
	PaymentRate   float64      // share of the revenue that payment takes
	ShippingCost  money.Micros // what an order costs to send
	Returns       *Returns     // what is still to be refunded; nil: nothing is known

	currency string
	unit     map[string]money.Micros
	category map[string]string
	foreign  int
}

// NewCosts starts an empty list of costs in a currency. A default margin that is
// no share above 0 is taken as 0.4.
func NewCosts(currency string, defaultMargin float64) Costs {
	if !(defaultMargin > 0 && defaultMargin <= 1) {
		defaultMargin = 0.4
	}
	return Costs{DefaultMargin: defaultMargin, currency: currency, unit: map[string]money.Micros{}, category: map[string]string{}}
}

// SetUnit says what one piece of a product costs; a later word replaces an
// earlier one. Costs in another currency are counted and left out: there is no
// rate to turn them by.
func (c *Costs) SetUnit(sku string, cost money.Micros, currency string) {
	if currency != c.currency {
		c.foreign++
		return
	}
	c.unit[sku] = cost
}

// Fingerprint differs between lists that know other costs of products.
func (c *Costs) Fingerprint() (sum uint64) {
	for sku, cost := range c.unit { // in any order: the parts are added up
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%s\x00%d", sku, int64(cost))
		sum += h.Sum64()
	}
	return sum
}

// SetType says what a product is, as the feed's product_type does: levels from
// the widest on, separated by ">".
func (c *Costs) SetType(sku, productType string) {
	if k := category(productType, costLevels); k != "" {
		c.category[sku] = k
	}
}

// costLevels of a product type are asked for a cost; the first alone for
// returns.
const costLevels = 2

// category is the first levels of a product type, in one spelling.
func category(productType string, levels int) string {
	parts := strings.Split(productType, ">")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Trim(strings.Join(parts[:min(levels, len(parts))], " > "), " >")
}

// step is where a line's cost of goods comes from, the surest first.
type step int

const (
	byLine step = iota
	byList
	byProduct
	byCategory
	byShop
	byDefault
	steps
)

var stepNames = [steps]string{"their order lines", "the imported costs and the feed", "other orders of the same product", "the average of their category",
	"the shop's average", "the configured default margin"}

// leastKnown is the share of goods with a known cost from which the average of a
// category or of the shop serves for the rest.
const leastKnown = 0.2

// defaultSD is how far the configured default margin may be off, as a standard
// deviation of the cost of goods per price: nothing in the data speaks for it.
const defaultSD = 0.1

// tally sums up goods: their value without tax and after discounts, and what
// those of known cost are worth and cost.
type tally struct{ value, known, cost float64 }

func (t tally) serves() bool { return t.known > leastKnown*t.value && t.known > 0 }

// average learns from the lines of known cost what the others may cost.
type average struct {
	costs    *Costs
	group    map[string]*tally // by category, of one level and of two; "" the shop
	product  map[string]*tally // by SKU
	own      map[string]*pieces
	spreadSD float64
}

// pieces are of one product, by the lines that name a cost.
type pieces struct{ quantity, cost float64 }

func newAverage(c *Costs, orders []Order) *average {
	a := &average{costs: c, group: map[string]*tally{}, product: map[string]*tally{}, own: map[string]*pieces{}}
	for i := range orders {
		a.learn(&orders[i])
	}
	a.spreadSD = a.spread()
	return a
}

func (a *average) learn(o *Order) {
	net := o.netOfPrice()
	for _, l := range o.Lines {
		t := tally{value: l.Quantity * l.UnitPrice.Float() * net}
		if cost, ok := a.named(l); ok {
			t.known, t.cost = t.value, l.Quantity*cost
		}
		if l.UnitCost != nil && l.Quantity > 0 {
			p := a.own[l.SKU]
			if p == nil {
				p = &pieces{}
				a.own[l.SKU] = p
			}
			p.quantity, p.cost = p.quantity+l.Quantity, p.cost+l.Quantity*l.UnitCost.Float()
		}
		add(a.product, l.SKU, t)
		for _, k := range groups(a.costs.category[l.SKU]) {
			add(a.group, k, t)
		}
	}
}

func add(m map[string]*tally, key string, t tally) {
	s := m[key]
	if s == nil {
		s = &tally{}
		m[key] = s
	}
	s.value, s.known, s.cost = s.value+t.value, s.known+t.known, s.cost+t.cost
}

// groups are what a product of the category counts for, the narrowest first, the
// shop last.
func groups(of string) []string {
	if of == "" {
		return []string{""}
	}
	if wide := category(of, 1); wide != of {
		return []string{of, wide, ""}
	}
	return []string{of, ""}
}

// named is the cost of a piece as the line itself or the lists say.
func (a *average) named(l OrderLine) (cost float64, ok bool) {
	if l.UnitCost != nil {
		return l.UnitCost.Float(), true
	}
	m, ok := a.costs.unit[l.SKU]
	return m.Float(), ok
}

// cost is what the goods of a line cost and how that is known; value is theirs
// without tax and after discounts.
func (a *average) cost(l OrderLine, value float64) (float64, step) {
	if c, ok := a.named(l); ok {
		if l.UnitCost != nil {
			return l.Quantity * c, byLine
		}
		return l.Quantity * c, byList
	}
	if p := a.own[l.SKU]; p != nil {
		return l.Quantity * p.cost / p.quantity, byProduct
	}
	return a.guess(a.costs.category[l.SKU], value)
}

// guess is what goods of a category cost where no cost of the product is known.
func (a *average) guess(category string, value float64) (float64, step) {
	for _, k := range groups(category) {
		t := a.group[k]
		if t == nil || !t.serves() {
			continue
		}
		if k == "" {
			return value * t.cost / t.known, byShop
		}
		return value * t.cost / t.known, byCategory
	}
	return value * (1 - a.costs.DefaultMargin), byDefault
}

// spread is the standard deviation of the cost per price between products of
// known cost, weighted by what was sold of them: how far goods of unknown cost
// may lie from the average they take.
func (a *average) spread() float64 {
	shop := a.group[""]
	if shop == nil || shop.known <= 0 {
		return 0
	}
	mean, squares := shop.cost/shop.known, 0.0
	for _, t := range a.product {
		if t.known > 0 {
			d := t.cost/t.known - mean
			squares += t.known * d * d
		}
	}
	return math.Sqrt(squares / shop.known)
}

// uncertain is the standard deviation of a guessed cost as a share of the value
// it is guessed for.
func (a *average) uncertain(s step) float64 {
	switch s {
	case byCategory, byShop:
		return a.spreadSD
	case byDefault:
		return defaultSD
	}
	return 0
}

// tell says where the cost of goods comes from, by their share.
func (a *average) tell(carried [steps]float64) string {
	var goods float64
	for _, v := range carried {
		goods += v
	}
	if goods <= 0 {
		return ""
	}
	var parts []string
	for s, v := range carried {
		if v > 0 {
			parts = append(parts, fmt.Sprintf("%s %% by %s", share100(v/goods), stepNames[s]))
		}
	}
	out := "What the goods cost is known for " + strings.Join(parts, ", ")
	if carried[byCategory]+carried[byShop]+carried[byDefault] > 0 {
		guessed := carried[byCategory] + carried[byShop] + carried[byDefault]
		out = fmt.Sprintf("%s %% of the goods have no known cost. What the goods cost comes, for ", share100(guessed/goods)) + strings.Join(parts, ", ")
	}
	if n := a.costs.foreign; n == 1 {
		out += "; one cost in another currency is left out"
	} else if n > 1 {
		out += fmt.Sprintf("; %d costs in another currency are left out", n)
	}
	return out + "."
}

// share100 writes a share in percent without calling a small one nothing.
func share100(v float64) string {
	if v < 0.005 {
		return "under 1"
	}
	return fmt.Sprintf("%.0f", 100*v)
}
