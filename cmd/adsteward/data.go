package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"adsteward/audiences"
	"adsteward/internal/storefront"
	"adsteward/store"
)

type importCmd struct {
	Kind    string            `arg:"" enum:"orders,touches,carts,costs,consents,performance" help:"orders, touches, carts, costs, consents or performance."`
	Files   []string          `arg:"" name:"file" help:"Files."`
	Format  string            `enum:",csv,jsonl,shopify,woocommerce,google-ads,meta-ads" default:"" help:"csv, jsonl, shopify, woocommerce, google-ads or meta-ads; by the file's name where not given."`
	Map     map[string]string `help:"Columns that are called otherwise. Example: --map customer_id=CustomerID,ordered_at=Date" mapsep:","`
	SkipBad bool              `help:"Report bad rows by line and skip them, instead of refusing the file."`
	Account string            `help:"The account the rows belong to; may be left out where there is one." placeholder:"A"`
	JSON    bool              `name:"json" help:"One JSON array, an object a file."`
}

func (c *importCmd) Help() string {
	return "Example: adsteward import orders orders.csv --map customer_id=CustomerID,ordered_at=Date,revenue=Total"
}

func (c *importCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	name := c.Account
	if name == "" {
		if len(a.cfg.Accounts) > 1 {
			return usage("--account is needed: %s names %d accounts", a.cfg.File(), len(a.cfg.Accounts))
		}
		name = a.cfg.Accounts[0].Name
	}
	acc, ok := a.cfg.Account(name)
	if !ok {
		return usage("--account %q is not in %s", name, a.cfg.File())
	}
	o := storefront.Options{Kind: storefront.Kind(c.Kind), Format: storefront.Format(c.Format), Account: name, Map: c.Map, SkipBad: c.SkipBad,
		Currency: acc.Currency, Location: acc.Location(), Now: a.steward.Now(), Lookup: a.store.Lookup}
	var reports []storefront.Report
	var skipped []error
	for _, f := range c.Files {
		r, err := storefront.Import(e.ctx, a.store, f, o)
		if err != nil {
			return err // files before it are in; this one left nothing behind
		}
		reports = append(reports, r)
		for _, p := range r.Problems {
			skipped = append(skipped, &storefront.BadInput{Source: r.Source, Problem: p})
		}
		if !c.JSON {
			fmt.Fprintln(e.stdout, importLine(r))
		}
	}
	if c.JSON {
		if err := printJSON(e.stdout, reports); err != nil {
			return err
		}
	}
	for _, err := range skipped {
		fmt.Fprintln(e.stderr, err)
	}
	if c.Kind == string(storefront.Consents) {
		purposes, err := a.store.ConsentPurposes(e.ctx, name)
		if err != nil {
			return err
		}
		for _, p := range slices.Sorted(maps.Keys(purposes)) {
			if !audiences.Heeded(p) {
				fmt.Fprintf(e.stderr, "Of the consents stored %d are about %q, which is not heeded, be it granted or withdrawn: what counts is %s, or %s and %s.\n",
					purposes[p], p, audiences.PurposeAds, audiences.PurposeUserData, audiences.PurposePersonalization)
			}
		}
	}
	if len(skipped) > 0 {
		return &findings{"some rows were skipped; they are named above"}
	}
	return nil
}

func importLine(r storefront.Report) string {
	switch {
	case r.Known:
		return fmt.Sprintf("%s: was imported before, nothing changed", r.Source)
	case r.Bad > 0:
		return fmt.Sprintf("%s: %d rows, %d %s new or changed, %d bad rows skipped", r.Source, r.Rows, r.Changed, r.Kind, r.Bad)
	}
	return fmt.Sprintf("%s: %d rows, %d %s new or changed", r.Source, r.Rows, r.Changed, r.Kind)
}

type exportCmd struct {
	Format string `arg:"" enum:"google-ads-editor,meta-bulk" help:"google-ads-editor or meta-bulk."`
	File   string `arg:"" help:"Where to write; an existing file is not overwritten."`
}

func (c *exportCmd) Help() string {
	return "Example: adsteward export google-ads-editor changes.csv"
}

type backupCmd struct {
	File string `arg:"" help:"Where the copy goes; an existing file is not overwritten."`
}

func (c *backupCmd) Run(e *env) error {
	a, err := e.openBare()
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.store.Backup(e.ctx, c.File); err != nil {
		if store.IsUnusable(err) {
			return &unreachable{errors.New(err.Error())} // which of the two disks is at fault is not known
		}
		return usage("%v", err)
	}
	fmt.Fprintf(e.stdout, "%s holds a copy of the database; keep the encryption key with it, apart.\n", c.File)
	return nil
}

type migrateCmd struct {
	Up     migrateUp     `cmd:"" help:"Bring the schema up to date."`
	Status migrateStatus `cmd:"" help:"Show which migrations are in."`
}

type migrateUp struct{}

func (c *migrateUp) Run(e *env) (err error) {
	st, err := e.openForMigration()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	applied, err := st.MigrateUp(e.ctx)
	if err != nil {
		return err
	}
	if err := st.CheckSchema(e.ctx); err != nil { // a newer program's
		return err
	}
	if len(applied) == 0 {
		fmt.Fprintln(e.stdout, "The schema was up to date.")
	}
	for _, m := range applied {
		fmt.Fprintln(e.stdout, m)
	}
	return nil
}

type migrateStatus struct {
	JSON bool `name:"json" help:"One JSON array."`
}

func (c *migrateStatus) Run(e *env) (err error) {
	st, err := e.openForMigration()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rows, err := st.MigrationStatus(e.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, rows)
	}
	for _, m := range rows {
		when := "pending"
		if m.Applied {
			when = m.At.Format("2006-01-02 15:04 UTC")
		}
		fmt.Fprintf(e.stdout, "%05d %s: %s\n", m.Version, m.Name, when)
	}
	return nil
}
