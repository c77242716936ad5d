package storefront

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/shareddata"
	"adsteward/store"
)

// memory is a Sink that keeps what it is given, by key.
type memory struct {
	orders      map[string]store.Order
	customers   map[string]store.Customer
	touches     map[string]store.Touch
	carts       map[string]store.Cart
	consents    []store.Consent
	costs       map[string]store.Cost
	performance []store.Performance
	accounts    []store.AdAccount
	entities    []store.Entity
}

func newMemory() *memory {
	return &memory{orders: map[string]store.Order{}, customers: map[string]store.Customer{}, touches: map[string]store.Touch{},
		carts: map[string]store.Cart{}, costs: map[string]store.Cost{}}
}

func put[T any](to map[string]T, rows []T, key func(T) string) int {
	n := 0
	for _, r := range rows {
		if old, ok := to[key(r)]; !ok || !cmp.Equal(old, r) {
			n++
		}
		to[key(r)] = r
	}
	return n
}

func (m *memory) UpsertOrders(_ context.Context, rows []store.Order) (int, error) {
	return put(m.orders, rows, func(o store.Order) string { return o.OrderID }), nil
}

func (m *memory) UpsertCustomers(_ context.Context, rows []store.Customer) (int, error) {
	return put(m.customers, rows, func(c store.Customer) string { return c.CustomerID }), nil
}

func (m *memory) UpsertTouches(_ context.Context, rows []store.Touch) (int, error) {
	return put(m.touches, rows, func(t store.Touch) string { return t.TouchID }), nil
}

func (m *memory) UpsertCarts(_ context.Context, rows []store.Cart) (int, error) {
	return put(m.carts, rows, func(c store.Cart) string { return c.CartID }), nil
}

func (m *memory) UpsertConsents(_ context.Context, rows []store.Consent) (int, error) {
	m.consents = append(m.consents, rows...)
	return len(rows), nil
}

func (m *memory) UpsertCosts(_ context.Context, rows []store.Cost) (int, error) {
	return put(m.costs, rows, func(c store.Cost) string { return c.SKU }), nil
}

func (m *memory) UpsertPerformance(_ context.Context, _ civil.Date, rows []store.Performance) error {
	m.performance = append(m.performance, rows...)
	return nil
}

func (m *memory) AdAccounts(context.Context, string) ([]store.AdAccount, error) {
	return m.accounts, nil
}

func (m *memory) UpsertAdAccount(_ context.Context, a store.AdAccount) error {
	m.accounts = append(m.accounts, a)
	return nil
}

func (m *memory) Entities(context.Context, string) ([]store.Entity, error) { return m.entities, nil }

func (m *memory) ReplaceEntities(_ context.Context, _, _, _ string, _ time.Time, rows []store.Entity) error {
	m.entities = rows
	return nil
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(k Kind) Options {
	return Options{Kind: k, Account: "shop", Currency: "EUR", Now: now, Source: "file.csv",
		Lookup: func(s string) string { return "key(" + s + ")" }}
}

func read(t *testing.T, o Options, text string) (*memory, Report, error) {
	t.Helper()
	m := newMemory()
	rep, err := Read(context.Background(), strings.NewReader(text), o, m)
	return m, rep, err
}

func TestOrders(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	o := options(Orders)
	o.Location = berlin
	// A BOM, CRLF, another order of columns, an extra one, a cell of two lines.
	m, rep, err := read(t, o, "\ufeffrevenue,order_id,note,customer_id,ordered_at,email,sku,quantity,unit_price,unit_cost\r\n"+
		"30.50,A1,\"left\r\nby the door\",c1,2026-01-31T23:30:00Z,Ann@Example.com,S1,2,10,4\r\n"+
		",A1,,,,,S2,,10.5,\r\n"+
		"7,A2,,c1,2026-02-01,,,,,\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if rep.Rows != 3 || rep.Bad != 0 || rep.Changed != 2 {
		t.Errorf("report %+v", rep)
	}
	cost := 4 * money.One
	want := store.Order{Account: "shop", OrderID: "A1", CustomerID: "c1", OrderedAt: time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC),
		OrderDate: civil.MustParse("2026-02-01"), Currency: "EUR", Revenue: 30_500_000, Lines: []store.OrderLine{
			{Account: "shop", OrderID: "A1", Line: 1, SKU: "S1", Quantity: 2, UnitPrice: 10 * money.One, UnitCost: &cost},
			{Account: "shop", OrderID: "A1", Line: 2, SKU: "S2", Quantity: 1, UnitPrice: 10_500_000},
		}}
	if diff := cmp.Diff(want, m.orders["A1"]); diff != "" {
		t.Error(diff)
	}
	if got, want := m.orders["A2"].OrderedAt, time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("a date is midnight in the shop's zone: got %s, want %s", got, want)
	}
	if got := m.customers["c1"].Email; got != "ann@example.com" {
		t.Errorf("e-mail %q", got)
	}
}

// Orders without an id: as many orders as rows, the same ids each time.
func TestMadeOrderIDs(t *testing.T) {
	t.Parallel()
	text := "customer_id,ordered_at,revenue\n1,2026-01-01,9.90\n2,2026-01-01,9.90\n1,2026-01-01,9.9\n1,2026-01-02,9.90\n1,2026-01-01,9.90\n"
	m, _, err := read(t, options(Orders), text)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1/2026-01-01/9.9", "2/2026-01-01/9.9", "1/2026-01-01/9.9#2", "1/2026-01-02/9.9", "1/2026-01-01/9.9#3"} {
		if _, ok := m.orders[id]; !ok {
			t.Errorf("no order %s", id)
		}
	}
	rep, err := Read(context.Background(), strings.NewReader(text), options(Orders), m)
	if err != nil || rep.Changed != 0 {
		t.Errorf("read again: %d changed, %v", rep.Changed, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const header = "order_id,customer_id,ordered_at,revenue,currency,email,sku,country,refunded,quantity\n"
	const good = "1,c,2026-01-01,5,EUR,,,,,\n"
	for _, tc := range []struct {
		name, text string
		change     func(*Options)
		want       string
	}{
		{"amount", header + good + "2,c,2026-01-01,\"12,x\",,,,,,\n", nil, `file.csv: line 3: column revenue: "12,x" is not an amount; write it as 12.50`},
		{"not a number", header + "2,c,2026-01-01,NaN,,,,,,\n", nil, `line 2: column revenue: "NaN" is not an amount`},
		{"negative", header + "2,c,2026-01-01,-1,,,,,,\n", nil, `line 2: column revenue: "-1" is negative`},
		{"no amount", header + "2,c,2026-01-01,,,,,,,\n", nil, `column revenue: is empty`},
		{"too much refunded", header + "2,c,2026-01-01,5,,,,,6,\n", nil, `column refunded: 6 is more than the revenue 5`},
		{"quantity", header + "2,c,2026-01-01,5,,,S,,,-2\n", nil, `column quantity: "-2" is not a number of 0 or more`},
		{"date", header + "2,c,31.01.2026,5,,,,,,\n", nil, `line 2: column ordered_at: "31.01.2026" is not a date or time`},
		{"no such day", header + "2,c,2026-02-30,5,,,,,,\n", nil, `"2026-02-30" is not a date`},
		{"future", header + "2,c,2027-01-01,5,,,,,,\n", nil, `column ordered_at: "2027-01-01" is in the future`},
		{"currency code", header + "2,c,2026-01-01,5,euro,,,,,\n", nil, `column currency: "euro" is not a currency code`},
		{"foreign currency", header + "2,c,2026-01-01,5,USD,,,,,\n", nil, `column currency: USD is not the shop's currency EUR`},
		{"country", header + "2,c,2026-01-01,5,,,,Germany,,\n", nil, `column country: "Germany" is not a country code`},
		{"email is not repeated", header + "2,c,2026-01-01,5,,nobody,,,,\n", nil, `column email: is not an e-mail address`},
		{"customer", header + "2,,2026-01-01,5,,,,,,\n", nil, `column customer_id: is empty`},
		{"cells", header + "2,c,2026-01-01,5\n", nil, `line 2: has 4 cells where the header has 10`},
		{"quotes", header + good + "2,\"c,2026-01-01,5,,,,,,\n3,\n", nil, `line 3: has a quoted cell that does not end`},
		{"bare quote", header + "2,c\"x,2026-01-01,5,,,,,,\n", nil, `line 2: has a quote inside an unquoted cell`},
		{"line after a long cell", header + "\"1\n2\n3\",c,2026-01-01,5,,,,,,\n2,c,x,5,,,,,,\n", nil, `line 5: column ordered_at`},
		{"orders interleaved", header + good + "2,c,2026-01-01,5,,,,,,\n" + good, nil, `line 4: column order_id: order 1 began on line 2`},
		{"two revenues", header + good + "1,c,2026-01-01,6,EUR,,S,,,\n", nil, `line 3: column revenue: order 1 has the revenue 6 here and 5 above`},
		{"no header", "1,c,2026-01-01,5\n", nil, `line 1: the header has no column customer_id or email or phone`},
		{"header twice", "customer_id,revenue,revenue,ordered_at\n", nil, `line 1: column revenue: stands twice`},
		{"empty", "", nil, `file.csv: is empty`},
		{"UTF-16", "\xff\xfeo\x00r\x00", nil, `UTF-16`},
		{"binary", "PK\x03\x04xyz", nil, `is not a text file`},
		{"Latin 1", header + "2,M\xfcller,2026-01-01,5,,,,,,\n", nil, `line 2: is not UTF-8`},
		{"map to nothing", header + good, func(o *Options) { o.Map = map[string]string{"revenue": "Total"} }, `no column "Total", which --map names for revenue`},
		{"map of nothing", header + good, func(o *Options) { o.Map = map[string]string{"price": "Total"} }, `--map names the column "price"`},
		{"format", header + good, func(o *Options) { o.Format = GoogleAds }, `there is no format "google-ads" for orders`},
		{"JSON", "{\"customer_id\": 1}\n{\"customer_id\": [", func(o *Options) { o.Format = JSONL }, `line 1: column ordered_at: is empty`},
		{"broken JSON", "\n{\"customer_id\": [", func(o *Options) { o.Format = JSONL }, `line 2: is not one JSON object`},
		{"long JSON", strings.Repeat(" ", 2<<20), func(o *Options) { o.Format = JSONL }, `is empty`},
		{"longer JSON", "{\"a\":\"" + strings.Repeat("x", 2<<20), func(o *Options) { o.Format = JSONL; o.SkipBad = true }, `file.csv: line 1: is longer than 1 MiB`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := options(Orders)
			if tc.change != nil {
				tc.change(&o)
			}
			_, _, err := read(t, o, tc.text)
			var bad *BadInput
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a *BadInput", err)
			}
			if !strings.HasPrefix(err.Error(), "file.csv: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %s\nwant %s", err, tc.want)
			}
		})
	}
}

func TestSkipBad(t *testing.T) {
	t.Parallel()
	o := options(Orders)
	o.SkipBad = true
	m, rep, err := read(t, o, "order_id,customer_id,ordered_at,revenue,sku,quantity\n"+
		"1,c,2026-01-01,5,S,1\n1,c,2026-01-01,5,T,x\n1,c,2026-01-01,5,U,1\n"+ // half an order is no order
		"2,c,2026-01-01,oops,,\n3,c,2026-01-01,5,,\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.orders) != 1 || m.orders["3"].OrderID != "3" {
		t.Errorf("orders %v", m.orders)
	}
	var lines []int
	for _, p := range rep.Problems {
		lines = append(lines, p.Line)
	}
	if rep.Rows != 5 || rep.Bad != 3 || !cmp.Equal(lines, []int{3, 4, 5}) {
		t.Errorf("report %+v", rep)
	}
}

func TestMapAndSeparator(t *testing.T) {
	t.Parallel()
	o := options(Orders)
	o.Map = map[string]string{"customer_id": "CustomerID", "ordered_at": "InvoiceDate", "revenue": "Amount"}
	m, _, err := read(t, o, "CustomerID;InvoiceDate;Amount\n17;2026-01-01;5.25\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.orders["17/2026-01-01/5.25"].Revenue; got != 5_250_000 {
		t.Errorf("revenue %d", got)
	}
}

func TestShopify(t *testing.T) {
	t.Parallel()
	o := options(Orders)
	o.Format = Shopify
	m, _, err := read(t, o, "Name,Email,Financial Status,Created at,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Lineitem quantity,Lineitem price,Lineitem sku,Billing Country,Refunded Amount,Phone\n"+
		"#1001,ann@example.com,paid,2026-01-15 10:30:00 -0500,EUR,45.00,5.00,4.50,54.50,0.00,2,20.00,SKU-1,DE,0.00,'+4930123456\n"+
		"#1001,ann@example.com,,,,,,,,,1,5.00,SKU-2,,,\n"+
		"#1002,bob@example.com,voided,2026-01-15 10:30:00 -0500,EUR,1,0,0,1,0,1,1.00,SKU-1,DE,0,\n"+
		"#1002,bob@example.com,,,,,,,,,1,5.00,SKU-2,,,\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.orders) != 1 {
		t.Fatalf("%d orders, want the paid one alone", len(m.orders))
	}
	got := m.orders["#1001"]
	if got.CustomerID != "email-key(ann@example.com)" || got.Revenue != 54_500_000 || got.Tax != 4_500_000 || got.Shipping != 5_000_000 ||
		len(got.Lines) != 2 || got.Lines[1].SKU != "SKU-2" || got.OrderedAt.Hour() != 15 {
		t.Errorf("%+v", got)
	}
	if c := m.customers[got.CustomerID]; c.Phone != "+4930123456" || c.Country != "DE" {
		t.Errorf("%+v", c)
	}
}

func TestWooCommerce(t *testing.T) {
	t.Parallel()
	o := options(Orders)
	o.Format = WooCommerce
	m, _, err := read(t, o, "order_id,date,status,shipping_total,tax_total,order_total,order_currency,customer_id,billing_email,billing_country\n"+
		"7,2026-01-15 10:30:00,completed,4.90,0,54.50,EUR,3,ann@example.com,DE\n8,2026-01-15 10:30:00,failed,4.90,0,54.50,EUR,3,ann@example.com,DE\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.orders["7"]; len(m.orders) != 1 || got.CustomerID != "3" || got.Shipping != 4_900_000 {
		t.Errorf("%+v", m.orders)
	}
}

func TestPlatformReports(t *testing.T) {
	t.Parallel()
	google := "Campaign report\n\"January 1, 2026 - January 31, 2026\"\nDay,Campaign,Campaign ID,Currency code,Cost,Conversions,Conv. value,Clicks,Impr.,Budget,Customer ID\n" +
		"2026-01-01,Brand,111,EUR,\"1,234.50\",12.50,\"4,000.00\",300,\"9,876\",50.00,123-456-7890\n" +
		"2026-01-02,Brand,111,EUR,10.00, --,0.00,3,98,60.00,123-456-7890\nTotal: Account, --, --,EUR,\"1,244.50\",12.50,4000.00,303,9974, --, --\n"
	meta := "Reporting starts,Reporting ends,Account ID,Campaign name,Campaign ID,Amount spent (USD),Purchases,Purchases conversion value,Impressions,Link clicks\n" +
		"2026-01-01,2026-01-01,99,Prospecting,222,20.5,2,80,1000,30\n,,,,,20.5,2,80,1000,30\n"
	o := options(Performance)
	o.Format = GoogleAds
	m, rep, err := read(t, o, google)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Performance{Account: "shop", Platform: "google", AdAccount: "1234567890", EntityType: "campaign", EntityID: "111",
		Date: civil.MustParse("2026-01-01"), Cost: 1_234_500_000, Value: 4_000_000_000, Conversions: 12.5, Clicks: 300, Impressions: 9876, PulledAt: now}
	if rep.Rows != 2 || len(m.performance) != 2 {
		t.Fatalf("%+v", rep)
	}
	if diff := cmp.Diff(want, m.performance[0]); diff != "" {
		t.Error(diff)
	}
	if len(m.entities) != 1 || !strings.Contains(m.entities[0].Detail, `"daily_budget":60`) {
		t.Errorf("the newest row's budget counts: %+v", m.entities)
	}
	o.Format = MetaAds
	m, _, err = read(t, o, meta)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.performance) != 1 || m.performance[0].Cost != 20_500_000 || m.performance[0].Platform != "meta" || m.accounts[0].Currency != "USD" {
		t.Errorf("%+v %+v", m.performance, m.accounts)
	}
	_, _, err = read(t, o, strings.Replace(meta, "2026-01-01,2026-01-01", "2026-01-01,2026-01-31", 1))
	if err == nil || !strings.Contains(err.Error(), "column Reporting ends") {
		t.Errorf("a row of a month: %v", err)
	}
}

func TestOtherKinds(t *testing.T) {
	t.Parallel()
	m, _, err := read(t, options(Touches), "visitor_id,at,channel,campaign,click_id\nv1,2026-01-01T10:00:00+01:00,google,111,gclid1\nv1,2026-01-01T10:00:00+01:00,google,111,gclid1\n")
	if err != nil || len(m.touches) != 1 {
		t.Errorf("the same touch twice is one: %v %v", m.touches, err)
	}
	m, _, err = read(t, options(Carts), "cart_id,email,updated_at,value,skus\nk1,Ann@example.com,2026-01-01T10:00:00Z,30,\"S1, S2\"\n")
	if err != nil || m.carts["k1"].SKUs != "S1 S2" || m.carts["k1"].Email != "ann@example.com" {
		t.Errorf("%+v %v", m.carts, err)
	}
	m, _, err = read(t, options(Costs), "sku,unit_cost\nS1,4.20\n")
	if err != nil || m.costs["S1"].UnitCost != 4_200_000 || m.costs["S1"].Currency != "EUR" {
		t.Errorf("%+v %v", m.costs, err)
	}
	o := options(Consents)
	o.Format = JSONL
	m, _, err = read(t, o, `{"customer_id": 17, "purpose": "ads", "granted": true, "at": "2026-01-01"}`)
	if err != nil || len(m.consents) != 1 || !m.consents[0].Granted || m.consents[0].CustomerID != "17" {
		t.Errorf("%+v %v", m.consents, err)
	}
	_, _, err = read(t, options(Consents), "email,purpose,granted,at\nann@example.com,ads,perhaps,2026-01-01\n")
	if err == nil || !strings.Contains(err.Error(), `column granted: "perhaps" is neither true nor false`) {
		t.Errorf("%v", err)
	}
}

func cdnow() Options {
	o := options(Orders)
	o.Map = map[string]string{"customer_id": "customer_id", "ordered_at": "date", "revenue": "value"}
	o.Currency = "USD"
	return o
}

func TestCDNOW(t *testing.T) {
	t.Parallel()
	f := shareddata.Open(t, "ltv/cdnow_master.csv")
	m := newMemory()
	rep, err := Read(context.Background(), f, cdnow(), m)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Rows != 69659 || len(m.orders) != 69659 || len(m.customers) != 23570 {
		t.Errorf("%d rows, %d orders of %d customers", rep.Rows, len(m.orders), len(m.customers))
	}
}

// FuzzRead: whatever the bytes, Read ends, and what it refuses it refuses with
// a file and a reason.
func FuzzRead(f *testing.F) {
	f.Add("customer_id,ordered_at,revenue,order_id,sku\n1,2026-01-01,5,A,S\n,,,A,T\n", true)
	f.Add("\ufeff\"customer_id\";ordered_at;revenue\r\n\"1\r\n2\";2026-01-01T00:00:00Z;5\r\n", false)
	f.Add("{\"customer_id\":1,\"ordered_at\":\"2026-01-01\",\"revenue\":5}\n", true)
	f.Fuzz(func(t *testing.T, text string, skip bool) {
		for _, k := range Kinds() {
			for _, format := range formatsOf(k) {
				o := options(k)
				o.SkipBad, o.Format = skip, format
				m := newMemory()
				rep, err := Read(context.Background(), strings.NewReader(text), o, m)
				var bad *BadInput
				if err != nil && !errors.As(err, &bad) {
					t.Fatalf("%s %s: %v", k, format, err)
				}
				if err == nil && k == Orders && len(m.orders) > rep.Rows-rep.Bad {
					t.Fatalf("%d orders of %d rows", len(m.orders), rep.Rows-rep.Bad)
				}
				for _, o := range m.orders {
					if o.Revenue < 0 || o.CustomerID == "" || o.OrderID == "" {
						t.Fatalf("stored %+v", o)
					}
				}
			}
		}
	})
}
