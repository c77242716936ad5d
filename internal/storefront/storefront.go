// Package storefront reads what a shop exports (orders, touches, carts, costs,
// consents) and what people export from the ad platforms by hand (campaign
// performance) into rows of the store. It translates and checks; it decides
// nothing, and it does not know the platform adapters.
package storefront

import (
	"context"
	"fmt"
	"time"

	"adsteward/internal/civil"
	"adsteward/store"
)

// Kind says what the rows of a file are.
type Kind string

// The kinds `adsteward import` takes.
const (
	Orders      Kind = "orders"
	Touches     Kind = "touches"
	Carts       Kind = "carts"
	Costs       Kind = "costs"
	Consents    Kind = "consents"
	Performance Kind = "performance"
)

// Kinds lists every Kind in the order in which a directory is imported.
func Kinds() []Kind { return []Kind{Costs, Consents, Touches, Carts, Orders, Performance} }

// Format says how a file is laid out.
type Format string

// CSV and JSONL have the columns documented for `adsteward import`; the others
// are the files that these products' own export buttons write.
const (
	CSV         Format = "csv"
	JSONL       Format = "jsonl"
	Shopify     Format = "shopify"     // orders
	WooCommerce Format = "woocommerce" // orders
	GoogleAds   Format = "google-ads"  // performance
	MetaAds     Format = "meta-ads"    // performance
)

// Options say what a file is and how gaps in it are filled.
type Options struct {
	Kind    Kind
	Format  Format // "" is JSONL for files named .jsonl or .ndjson, else CSV
	Account string // account group the rows belong to
	// Map names columns that are called otherwise: our name -> the file's.
	Map     map[string]string
	SkipBad bool // skip bad rows and report them, instead of refusing the file
	// Currency is the shop's, an ISO 4217 code, for rows that name none.
	Currency string
	// Location is the shop's zone: it turns dates into instants and instants
	// into order dates. nil is UTC.
	Location *time.Location
	// Now is the time of the import; rows dated more than a day later are bad.
	Now time.Time
	// Source is the file's name in messages.
	Source string
	// Lookup makes a pseudonym of an e-mail address in lower case or of the
	// digits of a phone number (store.Key.Lookup), for orders and carts that
	// know their customer by those only. nil: such rows are bad.
	Lookup func(normalized string) string
}

// Problem is one thing wrong with one row.
type Problem struct {
	Line   int    `json:"line"`    // physical line of the file, from 1, on which the row begins
	Column string `json:"column"`  // the file's name of the column; "" where the whole row is meant
	What   string `json:"message"` // what is wrong and what to do
}

// Report says what became of a file.
type Report struct {
	Source  string `json:"file"`
	Kind    Kind   `json:"kind"`
	Rows    int    `json:"rows"`    // rows read, the header not counted
	Bad     int    `json:"bad"`     // rows skipped
	Changed int    `json:"changed"` // orders, touches, ... that were new or different
	// Known is set where the same file was imported before: nothing was done.
	Known bool `json:"known"`
	// Problems are the first hundred.
	Problems []Problem `json:"problems,omitempty"`
}

// BadInput is one problem that refused a whole file.
type BadInput struct {
	Source string
	Problem
}

func (e *BadInput) Error() string {
	s := e.Source
	if e.Line > 0 {
		s += fmt.Sprintf(": line %d", e.Line)
	}
	if e.Column != "" {
		s += ": column " + e.Column
	}
	return s + ": " + e.What
}

// Sink takes the rows in batches; *store.Queries is one. The counts are of rows
// that were new or different.
type Sink interface {
	UpsertOrders(ctx context.Context, rows []store.Order) (int, error)
	UpsertCustomers(ctx context.Context, rows []store.Customer) (int, error)
	UpsertTouches(ctx context.Context, rows []store.Touch) (int, error)
	UpsertCarts(ctx context.Context, rows []store.Cart) (int, error)
	UpsertConsents(ctx context.Context, rows []store.Consent) (int, error)
	UpsertCosts(ctx context.Context, rows []store.Cost) (int, error)
	UpsertPerformance(ctx context.Context, asOf civil.Date, rows []store.Performance) error
	AdAccounts(ctx context.Context, account string) ([]store.AdAccount, error)
	UpsertAdAccount(ctx context.Context, a store.AdAccount) error
	Entities(ctx context.Context, account string) ([]store.Entity, error)
	ReplaceEntities(ctx context.Context, account, platform, adAccount string, now time.Time, rows []store.Entity) error
}
