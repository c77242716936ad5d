package market

import (
	"fmt"
	"math"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// rangeKey names what campaigns of one feed group and margin sell: a part of the
// catalogue whose costs give that margin.
type rangeKey struct {
	group  string
	margin float64
}

// catalogue is the shop's products and which of them a campaign sells.
type catalogue struct {
	products []Product
	unit     money.Micros
	ranges   map[rangeKey][]int
}

const productsPerRange = 12

// newCatalogue makes the products. Prices run from an eighth of the basket to
// about all of it, so that orders have one line or several.
func newCatalogue(m *Market) *catalogue {
	g := &catalogue{unit: m.unit, ranges: map[rangeKey][]int{}}
	count := map[string]int{}
	for _, c := range m.campaigns {
		key := rangeKey{c.spec.FeedGroup, c.spec.Margin}
		if _, ok := g.ranges[key]; ok {
			continue
		}
		s := newStream(m.sc.Seed).at(len(g.ranges), 0, forCatalogue)
		for j := range productsPerRange {
			count[key.group]++
			g.ranges[key] = append(g.ranges[key], len(g.products))
			// The spread of costs is even around the margin and averages out.
			skew := 1 + 0.1*(float64(j*5%productsPerRange)/(productsPerRange-1)*2-1)
			price := roundPrice(c.spec.Basket*(0.125+0.85*float64(j)/(productsPerRange-1))*(0.97+0.06*s.Float64()), m.unit)
			g.products = append(g.products, product(key.group, count[key.group], price,
				max(micros(price.Float()*(1-c.spec.Margin)*skew).RoundTo(m.unit), m.unit)))
		}
	}
	return g
}

// roundPrice ends larger prices on .90 where the currency has cents.
func roundPrice(f float64, unit money.Micros) money.Micros {
	p := micros(f)
	if unit < money.One && p > 5*money.One {
		return p/money.One*money.One + 900_000
	}
	return max(p.RoundTo(unit), unit)
}

func product(group string, n int, price, cost money.Micros) Product {
	adjectives := strings.Fields("Classic Light Urban Trail Soft Nordic Compact Premium Daily Original Studio Travel")
	nouns := strings.Fields("One Two Pro Plus Lite Max Duo Mini Kit Set")
	name := strings.ReplaceAll(group, "_", " ")
	return Product{
		SKU:   fmt.Sprintf("%s-%03d", strings.ToUpper(strings.ReplaceAll(group, " ", "-")), n),
		Title: fmt.Sprintf("%s %s %s %d", adjectives[n%len(adjectives)], name, nouns[n/len(adjectives)%len(nouns)], n),
		Group: group, Brand: "Norderlicht", GTIN: gtin(group, n), Price: price, Cost: cost, Availability: "in_stock",
	}
}

// gtin makes a GTIN-13 with a valid check digit in GS1's range for examples, 952.
func gtin(group string, n int) string {
	var h uint64
	for _, b := range []byte(group) {
		h = mix(h ^ uint64(b))
	}
	d := fmt.Sprintf("952%06d%03d", h%1_000_000, n%1000)
	sum := 0
	for i, c := range d {
		sum += int(c-'0') * (1 + i%2*2)
	}
	return fmt.Sprintf("%s%d", d, (10-sum%10)%10)
}

// of returns the indices of the products a campaign sells.
func (g *catalogue) of(c *campaign) []int {
	return g.ranges[rangeKey{c.spec.FeedGroup, c.spec.Margin}]
}

// fill draws the lines of an order of the given value. Their list prices add up
// to it on average, so that the costs leave the campaign's margin; in a sale they
// add up to more, so that the costs leave the sale's.
func (g *catalogue) fill(s *stream, c *campaign, day civil.Date, value money.Micros) []Line {
	list := value.Float() / c.reduced(day)
	goods := g.of(c)
	cheapest := g.products[goods[0]].Price.Float()
	var lines []Line
	var total float64
	for rest := list; ; {
		if rest < cheapest {
			// The cheapest with the chance at which the mean is right; but no
			// order is empty.
			if len(lines) == 0 || s.Float64() < rest/cheapest {
				lines, total = g.add(lines, goods[0]), total+cheapest
			}
			break
		}
		n := len(goods)
		for n > 1 && g.products[goods[n-1]].Price.Float() > rest {
			n--
		}
		pick := goods[s.IntN(n)]
		if len(lines) == 4 {
			pick = goods[n-1] // enough different things: larger ones fill the cart
		}
		price := g.products[pick].Price.Float()
		lines, total, rest = g.add(lines, pick), total+price, rest-price
	}
	return g.charge(lines, value, total)
}

func (g *catalogue) add(lines []Line, product int) []Line {
	p := g.products[product]
	for i := range lines {
		if lines[i].SKU == p.SKU {
			lines[i].Quantity++
			return lines
		}
	}
	return append(lines, Line{p.SKU, 1, p.Price, p.Cost})
}

// charge scales the list prices so that the lines add up to the value, to the
// coin where one line has a single piece.
func (g *catalogue) charge(lines []Line, value money.Micros, list float64) []Line {
	rest, single := value, -1
	for i := range lines {
		l := &lines[i]
		l.UnitPrice = micros(l.UnitPrice.Float() * value.Float() / math.Max(list, 1e-9)).RoundTo(g.unit)
		rest -= l.UnitPrice * money.Micros(l.Quantity)
		if l.Quantity == 1 {
			single = i
		}
	}
	if single >= 0 && lines[single].UnitPrice+rest >= 0 {
		lines[single].UnitPrice += rest
	}
	return lines
}
