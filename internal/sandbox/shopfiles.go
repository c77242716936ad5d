package sandbox

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/market"
)

// shopTables are the daily files, by the first part of their names.
func shopTables() []string { return []string{"orders", "carts", "touches", "consents"} }

func isShopTable(name string) bool { return name == "costs" || slices.Contains(shopTables(), name) }

// WriteShop writes what the shop recorded on the days from..to, both inclusive,
// into dir: orders-2026-01-04.csv, carts-..., touches-... and consents-..., each
// with all of these days and named after the last, costs.csv and feed.xml. Files
// of the same names are replaced. Tables named in without are left out.
func (s *Sandbox) WriteShop(dir string, from, to civil.Date, without ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("shop data: %w", err)
	}
	from, to = max(from, s.market.ShopFirst()), min(to, s.market.Today()-1)
	for _, name := range shopTables() {
		if slices.Contains(without, name) {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%s-%s.csv", name, to))
		if err := create(file, func(w io.Writer) error { return s.writeTable(w, name, from, to) }); err != nil {
			return err
		}
	}
	costs := func(w io.Writer) error { return s.writeTable(w, "costs", from, to) }
	return errors.Join(create(filepath.Join(dir, "costs.csv"), costs), create(filepath.Join(dir, "feed.xml"), s.writeFeed))
}

func create(file string, write func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("shop data: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("shop data: %s: %w", file, err)
	}
	return nil
}

// writeTable writes one table of the days from..to as CSV with a header.
func (s *Sandbox) writeTable(w io.Writer, name string, from, to civil.Date) error {
	out := csv.NewWriter(w)
	rows := func(header string, of func(market.ShopDay) [][]string) error {
		if err := out.Write(strings.Split(header, ",")); err != nil {
			return err
		}
		for day := from; day <= to; day++ {
			if err := out.WriteAll(of(s.market.Shop(day))); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
	switch name {
	case "orders":
		return rows("order_id,customer_id,ordered_at,revenue,currency,email,phone,country,source,click_id,sku,quantity,unit_price,unit_cost", s.orderRows)
	case "carts":
		return rows("cart_id,customer_id,visitor_id,email,updated_at,value,skus", cartRows)
	case "touches":
		return rows("customer_id,visitor_id,at,channel,campaign,click_id", touchRows)
	case "consents":
		return rows("customer_id,email,purpose,granted,at", consentRows)
	}
	from, to = 0, 0 // costs are of no day
	return rows("sku,unit_cost,currency", func(market.ShopDay) [][]string { return s.costRows() })
}

func (s *Sandbox) orderRows(day market.ShopDay) (rows [][]string) {
	currency := s.market.Scenario().Currency
	for _, o := range day.Orders {
		for _, l := range o.Lines {
			rows = append(rows, []string{o.ID, o.CustomerID, o.At.Format(time.RFC3339), o.Revenue.Decimal(), currency, o.Email, o.Phone,
				o.Country, o.Source, o.ClickID, l.SKU, strconv.Itoa(l.Quantity), l.UnitPrice.Decimal(), s.recordedCost(l.UnitPrice, l.UnitCost).Decimal()})
		}
	}
	return rows
}

// recordedCost is a cost as the shop's records have it, which show another margin
// than the true one where the scenario says so.
func (s *Sandbox) recordedCost(price, cost money.Micros) money.Micros {
	share := s.market.Scenario().RecordedMargin
	if share == 1 {
		return cost
	}
	return max(price-money.Micros(share*float64(price-cost)), 0).RoundTo(money.MinorUnit(s.market.Scenario().Currency))
}

func cartRows(day market.ShopDay) (rows [][]string) {
	for _, c := range day.Carts {
		rows = append(rows, []string{c.ID, c.CustomerID, c.VisitorID, c.Email, c.UpdatedAt.Format(time.RFC3339), c.Value.Decimal(), strings.Join(c.SKUs, " ")})
	}
	return rows
}

func touchRows(day market.ShopDay) (rows [][]string) {
	for _, t := range day.Touches {
		rows = append(rows, []string{t.CustomerID, t.VisitorID, t.At.Format(time.RFC3339), t.Channel, t.Campaign, t.ClickID})
	}
	return rows
}

func consentRows(day market.ShopDay) (rows [][]string) {
	for _, c := range day.Consents {
		rows = append(rows, []string{c.CustomerID, c.Email, c.Purpose, strconv.FormatBool(c.Granted), c.At.Format(time.RFC3339)})
	}
	return rows
}

func (s *Sandbox) costRows() (rows [][]string) {
	for _, p := range s.market.Products() {
		rows = append(rows, []string{p.SKU, s.recordedCost(p.Price, p.Cost).Decimal(), s.market.Scenario().Currency})
	}
	return rows
}

// Some items of the feed are as feeds are: every tenth, from the third, has no
// image, and every tenth, from the eighth, no GTIN.
const defectEvery, noImage, noGTIN = 10, 2, 7

type rss struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	G       string   `xml:"xmlns:g,attr"`
	Title   string   `xml:"channel>title"`
	Link    string   `xml:"channel>link"`
	About   string   `xml:"channel>description"`
	Items   []item   `xml:"channel>item"`
}

type item struct {
	ID           string `xml:"g:id"`
	Title        string `xml:"g:title"`
	Description  string `xml:"g:description"`
	Link         string `xml:"g:link"`
	Image        string `xml:"g:image_link,omitempty"`
	Availability string `xml:"g:availability"`
	Price        string `xml:"g:price"`
	SalePrice    string `xml:"g:sale_price,omitempty"`
	Condition    string `xml:"g:condition"`
	Brand        string `xml:"g:brand"`
	GTIN         string `xml:"g:gtin,omitempty"`
	ProductType  string `xml:"g:product_type"`
	Label        string `xml:"g:custom_label_0"` // the feed group that campaigns sell
}

// writeFeed writes the product feed as RSS 2.0 with Google's attributes.
func (s *Sandbox) writeFeed(w io.Writer) error {
	sc := s.market.Scenario()
	feed := rss{Version: "2.0", G: "http://base.google.com/ns/1.0", Title: sc.Name, Link: "https://shop.example/", About: "Products of " + sc.Name}
	for i, p := range s.market.Products() {
		it := item{ID: p.SKU, Title: p.Title, Link: "https://shop.example/p/" + p.SKU, Image: "https://shop.example/i/" + p.SKU + ".jpg",
			Description:  p.Title + " by " + p.Brand + ", for every day.",
			Availability: p.Availability, Price: price(p.Price, sc.Currency), Condition: "new", Brand: p.Brand, GTIN: p.GTIN,
			ProductType: p.Group, Label: p.Group}
		if p.SalePrice > 0 && p.SalePrice < p.Price {
			it.SalePrice = price(p.SalePrice, sc.Currency)
		}
		switch flaw := i % defectEvery; {
		case s.opts.SoundFeed:
		case flaw == noImage:
			it.Image = ""
		case flaw == noGTIN:
			it.GTIN = ""
		}
		feed.Items = append(feed.Items, it)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	return enc.Encode(feed)
}

// judged is what a platform makes of the feed as it is now.
func (s *Sandbox) judged(p platform.Name) ([]catalog.Item, error) {
	var feed bytes.Buffer
	if err := s.writeFeed(&feed); err != nil {
		return nil, err
	}
	return catalog.Judge(&feed, p, s.market.Today().In(time.UTC))
}

func price(m money.Micros, currency string) string {
	return strings.ReplaceAll(money.Plain(m, currency), ",", "") + " " + currency
}
