package market

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// shopLead days before the history the shop already has customers of its own, so
	// that their value can be learnt and campaigns find somebody to bring back.
	shopLead = 365
	// Shares of what happens in the shop, none of which the market's truth rests on.
	clicksMeasured  = 0.1 // of the clicks that buy nothing are measured visits
	ordersMeasured  = 0.9 // of the orders an ad brought have a measured click
	claimsTouched   = 0.5 // of the claimed organic orders do
	secondTouch     = 0.35
	cartsPerOrder   = 1.0
	cartsWithEmail  = 0.5
	openHour, hours = 7, 15 // visits begin from 7 to 22 o'clock
)

// shop keeps the shop's days, made one after the other as they are asked for.
type shop struct {
	m        *Market
	s        *stream
	goods    *catalogue
	habits   []habit // by campaign index
	organic  float64 // new customers a day that no ad brought
	still    bool    // no campaign has noise
	pool     []buyer // customers no ad brought, whom campaigns bring back
	first    civil.Date
	days     []ShopDay
	calendar map[civil.Date]*plan
}

// buyer is a customer, known by the key all of its traits are made of, and the
// campaign whose products it buys.
type buyer struct {
	key     uint64
	segment int
}

// plan is what is already known of a coming day.
type plan struct {
	orders   []pending
	touches  []Touch
	consents []Consent
}

// pending is an order that will be placed at a second of its day.
type pending struct {
	buyer
	value         money.Micros
	second        int
	first         bool // the customer's first
	own           bool // no ad brought it
	source, click string
}

// ShopFirst is the first day of which the shop has records.
func (m *Market) ShopFirst() civil.Date { return m.first.AddDays(-shopLead) }

// Shop returns what the shop recorded on a complete day, and nothing of any
// other day. What it returns is shared and must not be changed.
//
// An order that an ad brought is placed as many days after the click as its
// report is late. Customers acquired go on to buy by a BG/NBD process with
// Gamma-Gamma spend. Orders that no ad brought do not depend on any setting; of
// those that a platform claims, half carry an ad's click.
func (m *Market) Shop(day civil.Date) ShopDay {
	m.mu.Lock()
	defer m.mu.Unlock()
	if day < m.ShopFirst() || day >= m.today {
		return ShopDay{Day: day}
	}
	if m.shop == nil {
		m.shop = m.openShop()
	}
	for len(m.shop.days) <= day.Sub(m.shop.first) {
		m.shop.days = append(m.shop.days, m.shop.run(m.shop.first.AddDays(len(m.shop.days))))
	}
	return m.shop.days[day.Sub(m.shop.first)]
}

// Products lists what the shop sells, with today's availability.
func (m *Market) Products() []Product {
	m.mu.RLock()
	defer m.mu.RUnlock()
	goods := newCatalogue(m)
	for _, c := range m.campaigns {
		for _, i := range goods.of(c) {
			p := &goods.products[i]
			if c.during(StockOut, m.today) {
				p.Availability = "out_of_stock"
			}
			if part := c.reduced(m.today); part < 1 {
				p.SalePrice = micros(p.Price.Float() * part).RoundTo(m.unit)
			}
		}
	}
	return goods.products
}

func (m *Market) openShop() *shop {
	sh := &shop{m: m, s: newStream(m.sc.Seed), goods: newCatalogue(m), first: m.ShopFirst(), calendar: map[civil.Date]*plan{}, still: true}
	known := map[habitKey]habit{}
	for i, c := range m.campaigns {
		sh.still = sh.still && c.spec.Noise == 0
		k := habitKey{c.spec.Type, c.spec.LTVMultiple}
		if _, ok := known[k]; !ok {
			known[k] = newHabit(adTypes[c.spec.Type], c.spec.LTVMultiple-1, m.sc.Horizon, m.sc.Discount)
		}
		sh.habits = append(sh.habits, known[k])
		orders := m.ExpectedValue(i, m.sc.Start, c.spec.Budget) / c.spec.Basket
		sh.organic += orders * (0.25 + math.Max(1/c.spec.Iota-1, 0))
	}
	return sh
}

// plan returns the plan of a day.
func (sh *shop) plan(day civil.Date) *plan {
	p, ok := sh.calendar[day]
	if !ok {
		p = &plan{}
		sh.calendar[day] = p
	}
	return p
}

// at is a second of a day on the shop's clock.
func (sh *shop) at(day civil.Date, second int) time.Time {
	return day.In(sh.m.loc).Add(time.Duration(second) * time.Second)
}

// run makes the next day: what the ads bring, who comes unasked, then the orders.
func (sh *shop) run(day civil.Date) ShopDay {
	out := ShopDay{Day: day}
	var claims []*campaign
	for _, c := range sh.m.campaigns {
		if day < sh.m.first {
			break
		}
		claims = sh.visits(&out, c, day, claims)
		sh.browse(&out, c, day)
	}
	sh.unasked(day)
	p := sh.plan(day)
	delete(sh.calendar, day)
	out.Touches = append(out.Touches, p.touches...)
	out.Consents = append(out.Consents, p.consents...)
	sh.touchClaimed(&out, p.orders, claims, day)
	slices.SortStableFunc(p.orders, func(a, b pending) int { return cmp.Compare(a.second, b.second) })
	for k, o := range p.orders {
		if o.first {
			sh.acquire(&out, o, day)
		}
		out.Orders = append(out.Orders, sh.order(o, day, k))
	}
	slices.SortStableFunc(out.Touches, func(a, b Touch) int { return a.At.Compare(b.At) })
	return out
}

// visits makes the visits that end in an order, plans the orders, and appends
// the campaign to claims for each order its platform claims without cause.
func (sh *shop) visits(out *ShopDay, c *campaign, day civil.Date, claims []*campaign) []*campaign {
	sh.m.sales(newStream(sh.m.sc.Seed), c, day, func(k int, o sale) {
		if !o.incremental {
			claims = append(claims, c)
			return
		}
		key := sh.s.key(c.index, day, forOrders, k)
		s := sh.s.of(key)
		p := pending{buyer: buyer{key, c.index}, value: o.value, first: o.fresh, source: "direct"}
		if !o.fresh && len(sh.pool) > 0 {
			p.key = sh.pool[s.IntN(len(sh.pool))].key
		}
		click := openHour*3600 + s.IntN(hours*3600)
		p.second = openHour*3600 + s.IntN(hours*3600)
		if o.delay == 0 {
			p.second = click + 60 + s.IntN(3540)
		}
		known := !o.fresh || o.delay == 0
		if s.Float64() < ordersMeasured {
			p.source, p.click = string(c.spec.Platform), clickID(c.spec.Platform, key)
			out.Touches = append(out.Touches, sh.touch(c, p, known, sh.at(day, click)))
			sh.secondVisit(&p, key, s, day.AddDays(o.delay), known)
		}
		if o.delay > 0 && s.Float64() < 0.5 {
			out.Carts = append(out.Carts, sh.cart(s, p.buyer, p.value, known, s.Float64() < cartsWithEmail, sh.at(day, click+300)))
		}
		sh.plan(day.AddDays(o.delay)).orders = append(sh.plan(day.AddDays(o.delay)).orders, p)
	})
	return claims
}

// secondVisit now and then lets another ad, rather one of a brand or retargeting
// campaign, have the last click before the order.
func (sh *shop) secondVisit(p *pending, visit uint64, s *stream, day civil.Date, known bool) {
	if s.Float64() >= secondTouch {
		return
	}
	c := sh.m.campaigns[s.IntN(len(sh.m.campaigns))]
	for _, other := range sh.m.campaigns {
		if (other.spec.Type == "brand" || other.spec.Type == "retargeting") && s.Float64() < 0.4 {
			c = other
			break
		}
	}
	p.source, p.click = string(c.spec.Platform), clickID(c.spec.Platform, mix(visit+1))
	plan := sh.plan(day)
	plan.touches = append(plan.touches, sh.touch(c, *p, known, sh.at(day, p.second-20)))
}

func (sh *shop) touch(c *campaign, p pending, known bool, at time.Time) Touch {
	t := Touch{VisitorID: visitorID(p.key), At: at, Channel: string(c.spec.Platform),
		Campaign: RemoteCampaignID(c.spec.Platform, c.index), ClickID: p.click}
	if known {
		t.CustomerID = customerID(p.key)
	}
	return t
}

// browse makes the measured visits that buy nothing and the carts left behind.
func (sh *shop) browse(out *ShopDay, c *campaign, day civil.Date) {
	x, s := c.days[day.Sub(sh.m.first)], sh.s.at(c.index, day, forBrowsing)
	for k := range int(x.spend.Float() / c.spec.P * clicksMeasured) {
		key := mix(s.Uint64() + uint64(k))
		out.Touches = append(out.Touches, sh.touch(c, pending{buyer: buyer{key, c.index}, click: clickID(c.spec.Platform, key)},
			false, sh.at(day, openHour*3600+s.IntN(hours*3600))))
	}
	still := c.spec.Noise == 0
	for range s.number(still, x.before/c.spec.Basket*cartsPerOrder, x.value/c.spec.Basket*cartsPerOrder) {
		b, known := buyer{s.Uint64(), c.index}, false
		mail := s.Float64() < cartsWithEmail
		if s.Float64() < 0.3 && len(sh.pool) > 0 {
			b, known, mail = sh.pool[s.IntN(len(sh.pool))], true, true
		}
		value := sh.basket(s, c, still)
		at := sh.at(day, openHour*3600+s.IntN(hours*3600))
		out.Carts = append(out.Carts, sh.cart(s, b, value, known, mail, at))
		if mail && !known {
			sh.consent(out, b.key, "", at)
		}
	}
}

func (sh *shop) cart(s *stream, b buyer, value money.Micros, known, mail bool, at time.Time) Cart {
	c := Cart{ID: fmt.Sprintf("k%012x", s.Uint64()>>16), VisitorID: visitorID(b.key), UpdatedAt: at, Value: value}
	if known {
		c.CustomerID = customerID(b.key)
	}
	if mail {
		c.Email = sh.m.person(b.key).email
	}
	goods := sh.goods.of(sh.m.campaigns[b.segment])
	for range 1 + s.IntN(3) {
		if sku := sh.goods.products[goods[s.IntN(len(goods))]].SKU; !slices.Contains(c.SKUs, sku) {
			c.SKUs = append(c.SKUs, sku)
		}
	}
	return c
}

// basket draws the value of an order of a campaign's products; without chance it
// is their mean.
func (sh *shop) basket(s *stream, c *campaign, still bool) money.Micros {
	value := c.spec.Basket
	if !still {
		value = s.logNormal(value, c.spec.BasketSigma)
	}
	return micros(value).RoundTo(sh.m.unit)
}

// unasked plans the first orders of customers that no ad brought. Without chance
// the campaigns whose products they buy take turns.
func (sh *shop) unasked(day civil.Date) {
	s := sh.s.at(0, day, forOrganic)
	p := sh.plan(day)
	before := sh.organic * float64(day.Sub(sh.first))
	for k := range s.number(sh.still, before, sh.organic) {
		var c *campaign
		if n := len(sh.m.campaigns); sh.still {
			c = sh.m.campaigns[(int(math.Round(before))+k)%n]
		} else {
			c = sh.m.campaigns[s.IntN(n)]
		}
		b := buyer{sh.s.key(0, day, forOrganic, k), c.index}
		p.orders = append(p.orders, pending{buyer: b, first: true, own: true, source: "direct",
			value:  sh.basket(s, c, sh.still),
			second: openHour*3600 + s.IntN(hours*3600)})
	}
}

// touchClaimed gives about half of the claims the click of the claiming campaign
// on one of the day's own orders.
func (sh *shop) touchClaimed(out *ShopDay, orders []pending, claims []*campaign, day civil.Date) {
	var own []int
	for i, o := range orders {
		if o.own {
			own = append(own, i)
		}
	}
	s := sh.s.at(0, day, forClaims)
	for k, c := range claims {
		if len(own) == 0 || s.Float64() >= claimsTouched {
			continue
		}
		o := &orders[own[s.IntN(len(own))]]
		o.source, o.click = string(c.spec.Platform), clickID(c.spec.Platform, mix(o.key+uint64(day)<<20+uint64(k)))
		out.Touches = append(out.Touches, sh.touch(c, *o, true, sh.at(day, o.second-60-s.IntN(3000))))
	}
}

// acquire plans a new customer's later orders and notes its consents.
func (sh *shop) acquire(out *ShopDay, o pending, day civil.Date) {
	if o.own {
		sh.pool = append(sh.pool, o.buyer)
	}
	person := sh.m.person(o.key)
	sh.consent(out, o.key, customerID(o.key), sh.at(day, o.second))
	spec := sh.m.campaigns[o.segment].spec
	sh.habits[o.segment].later(sh.s.of(mix(o.key)), person.zeal, spec.Basket, float64(2*sh.m.sc.Horizon), func(after, value float64) {
		v := max(micros(value).RoundTo(sh.m.unit), sh.m.unit)
		source := "direct"
		if o.key%3 == 0 {
			source = "email"
		}
		p := sh.plan(day.AddDays(int(math.Ceil(after))))
		p.orders = append(p.orders, pending{buyer: o.buyer, value: v, own: true, source: source,
			second: openHour*3600 + int(mix(o.key+uint64(v))%(hours*3600))})
	})
}

// consent notes what a person agreed to, and plans that some withdraw it.
func (sh *shop) consent(out *ShopDay, key uint64, customer string, at time.Time) {
	u := uniform(key + 2)
	if u > 0.96 {
		return // never asked
	}
	person := sh.m.person(key)
	for _, c := range []struct {
		purpose string
		granted bool
	}{{"ad_user_data", u < 0.86}, {"ad_personalization", u < 0.82}} {
		out.Consents = append(out.Consents, Consent{customer, person.email, c.purpose, c.granted, at})
		if days := 20 + int(mix(key+6)%60); c.granted && u < 0.04 {
			p := sh.plan(out.Day.AddDays(days))
			p.consents = append(p.consents, Consent{customer, person.email, c.purpose, false, at.AddDate(0, 0, days)})
		}
	}
}

func (sh *shop) order(o pending, day civil.Date, k int) Order {
	person := sh.m.person(o.key)
	c := sh.m.campaigns[o.segment]
	return Order{
		ID: fmt.Sprintf("%s-%05d", day.Time().Format("060102"), k+1), CustomerID: customerID(o.key), At: sh.at(day, o.second),
		Revenue: o.value, Email: person.email, Phone: person.phone, Country: person.country, Source: o.source, ClickID: o.click,
		Lines: sh.goods.fill(sh.s.of(mix(o.key+uint64(o.second))), c, day, o.value),
	}
}

func clickID(p platform.Name, key uint64) string {
	if p == platform.Meta {
		return fmt.Sprintf("fb.1.%016x", mix(key+3))
	}
	return fmt.Sprintf("Cj0KCQ%016x%08x", mix(key+3), uint32(mix(key+4)))
}
