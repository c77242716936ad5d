package nightly

import (
	"context"
	"errors"

	"adsteward/internal/parallel"
	"adsteward/store"
)

// keptOrders bounds the orders of a shop whose customers' days are kept in memory
// while the models of a night are made of them: some 100 bytes an order. Those of larger shops
// are read anew by each model, so that memory does not grow with history.
const keptOrders = 800_000

// customerDays are what a shop's customers bought up to the night's date, day by
// day, for the models that go through all of them.
type customerDays struct {
	n      *night
	orders int64 // all there ever were
	read   bool
	days   []store.CustomerDay
}

func (n *night) customerDays(ctx context.Context) (*customerDays, error) {
	orders, err := n.Store.OrderCount(ctx, n.shop.Name)
	return &customerDays{n: n, orders: orders}, err
}

// each hands over the days as store.EachCustomerDay does.
func (c *customerDays) each(ctx context.Context, fn func(store.CustomerDay) error) error {
	if c.orders > keptOrders {
		return c.n.Store.EachCustomerDay(ctx, c.n.shop.Name, c.n.date, fn)
	}
	return c.sourced(ctx, fn)
}

// sourced hands over the days as store.EachSourcedDay does.
func (c *customerDays) sourced(ctx context.Context, fn func(store.CustomerDay) error) error {
	if c.orders > keptOrders {
		return c.n.Store.EachSourcedDay(ctx, c.n.shop.Name, c.n.date, "", "", fn)
	}
	if !c.read {
		if err := c.keep(ctx); err != nil {
			return err
		}
		c.read = true
	}
	for _, d := range c.days {
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// keep reads all days, half of the customers beside the other.
func (c *customerDays) keep(ctx context.Context) error {
	middle, err := c.n.Store.MiddleCustomer(ctx, c.n.shop.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil // nobody ordered who is known
	}
	if err != nil {
		return err
	}
	read := func(days *[]store.CustomerDay, from, below string) func() error {
		return func() error {
			var last string
			words := map[string]string{} // each campaign, product and country once
			word := func(s string) string {
				w, ok := words[s]
				if !ok {
					w, words[s] = s, s
				}
				return w
			}
			return c.n.Store.EachSourcedDay(ctx, c.n.shop.Name, c.n.date, from, below, func(d store.CustomerDay) error {
				if d.CustomerID == last {
					d.CustomerID = last
				}
				last = d.CustomerID
				d.FirstCampaign, d.FirstSKU, d.FirstCountry = word(d.FirstCampaign), word(d.FirstSKU), word(d.FirstCountry)
				*days = append(*days, d)
				return nil
			})
		}
	}
	var others []store.CustomerDay
	c.days = make([]store.CustomerDay, 0, c.orders)
	err = parallel.Do(read(&c.days, "", middle), read(&others, middle, ""))
	c.days = append(c.days, others...)
	return err
}
