package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"adsteward/internal/config"
	"adsteward/internal/doctor"
	"adsteward/store"
)

type doctorCmd struct {
	JSON   bool `name:"json" help:"One JSON array of {check, verdict, detail, remedy}."`
	Notify bool `help:"Send a test to each account's notify.webhook."`
}

func (c *doctorCmd) Run(e *env) error {
	fs := c.examine(e)
	bad := 0
	for _, f := range fs {
		if f.Verdict != doctor.OK {
			bad++
		}
	}
	if c.JSON {
		if err := printJSON(e.stdout, fs); err != nil {
			return err
		}
	} else {
		printFindings(e.stdout, fs)
	}
	if bad > 0 {
		return &findings{}
	}
	return nil
}

// examine goes as far as it can: what cannot be opened ends the rest.
func (c *doctorCmd) examine(e *env) []doctor.Finding {
	cfg, err := config.Load(e.cli.Config)
	if err != nil {
		return configFindings(err)
	}
	fs := []doctor.Finding{{Check: "configuration", Verdict: doctor.OK, Detail: cfg.File()}}
	if _, err := shopsOf(cfg, time.Now); err != nil {
		return append(fs, doctor.Finding{Check: "policy", Verdict: doctor.Error, Detail: err.Error(), Remedy: "correct the policy file"})
	}
	a, err := e.open()
	if err != nil {
		return append(fs, databaseFinding(cfg, err))
	}
	defer a.close()
	database := doctor.Finding{Check: "database", Verdict: doctor.OK, Detail: string(a.store.Dialect()) + ", schema up to date"}
	if err := a.store.CheckWrite(e.ctx); err != nil {
		detail, remedy, _ := strings.Cut(err.Error(), "; ")
		database = doctor.Finding{Check: "database", Verdict: doctor.Error, Detail: detail, Remedy: remedy}
	}
	fs = append(fs, database,
		doctor.Clock(e.ctx, a.store, a.steward.Now()), doctor.Audit(e.ctx, a.store))
	for i := range a.steward.Shops {
		fs = append(fs, doctor.Shop(e.ctx, a.store, &a.steward.Shops[i], a.steward.Now())...)
		fs = append(fs, doctor.Notify(e.ctx, &a.steward.Shops[i], c.Notify)...)
	}
	return fs
}

// configFindings is one finding for each fault of the configuration.
func configFindings(err error) []doctor.Finding {
	var ce *config.Error
	if !errors.As(err, &ce) || len(ce.Faults) == 0 {
		return []doctor.Finding{{Check: "configuration", Verdict: doctor.Error, Detail: err.Error(), Remedy: "correct the file; adsteward init writes a commented one"}}
	}
	var fs []doctor.Finding
	for _, f := range ce.Faults {
		fs = append(fs, doctor.Finding{Check: "configuration", Verdict: doctor.Error, Detail: f, Remedy: "correct it in " + ce.File})
	}
	return fs
}

func databaseFinding(cfg *config.Config, err error) doctor.Finding {
	f := doctor.Finding{Check: "database", Verdict: doctor.Error, Detail: err.Error(), Remedy: "correct store in the configuration, or restore the file from a backup"}
	var ce *config.Error
	switch {
	case errors.As(err, &ce), errors.Is(err, store.ErrWrongKey):
		f.Check, f.Remedy = "encryption key", "set encryption_key_file to the key the database was written with"
	case errors.Is(err, store.ErrNotMigrated):
		f.Detail, f.Remedy, _ = strings.Cut(f.Detail, "; ")
	case errors.Is(err, store.ErrUnreachable) && strings.HasPrefix(cfg.Store, "postgres"):
		f.Remedy = "start the database server, and see that host, user and password in store are right"
	}
	return f
}

func printFindings(w io.Writer, fs []doctor.Finding) {
	for _, f := range fs {
		fmt.Fprintf(w, "%-8s %s: %s\n", f.Verdict, f.Check, strings.ReplaceAll(f.Detail, "\n", "; "))
		if f.Remedy != "" {
			fmt.Fprintf(w, "         -> %s\n", f.Remedy)
		}
	}
}
