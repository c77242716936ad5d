package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"adsteward/bidding"
	"adsteward/internal/config"
	"adsteward/internal/money"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type valuesCmd struct {
	Preview valuesPreview `cmd:"" help:"What the platforms would be told of orders now, and why; nothing is sent."`
	List    valuesList    `cmd:"" help:"What the platforms were told, and what became of it."`
	Send    valuesSend    `cmd:"" help:"Tell the platforms now what orders are worth, as the night does."`
}

type valuesPreview struct {
	Platform string `help:"Only this platform: google or meta." placeholder:"P"`
	Account  string `help:"Only this account." placeholder:"A"`
	Limit    int    `help:"So many orders to be told of each platform; 0 for all." default:"20" placeholder:"N"`
	JSON     bool   `name:"json" help:"One JSON array: for each account and platform what would be told, and how many orders are not and why."`
}

func (*valuesPreview) Help() string {
	return "Works before anything is turned on. Example: adsteward values preview --platform google --limit 5"
}

// accountReport is what one platform would be told of one account.
type accountReport struct {
	Account string `json:"account"`
	bidding.TellReport
}

func (c *valuesPreview) Run(e *env) error {
	if err := knownPlatform(c.Platform); err != nil {
		return err
	}
	if c.Limit < 0 {
		return usage("--limit %d is below 0; 0 lists all", c.Limit)
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	accounts, err := a.accounts(c.Account)
	if err != nil {
		return err
	}
	out := []accountReport{}
	for _, acc := range accounts {
		reports, err := a.steward.PreviewValues(e.ctx, acc.Name, platform.Name(c.Platform), c.Limit)
		if err != nil {
			return err
		}
		for _, r := range reports {
			out = append(out, accountReport{acc.Name, r})
		}
	}
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	for i, r := range out {
		if i > 0 {
			fmt.Fprintln(e.stdout)
		}
		if err := printTellReport(e.stdout, r); err != nil {
			return err
		}
	}
	return nil
}

func knownPlatform(p string) error {
	if p != "" && p != string(platform.Google) && p != string(platform.Meta) {
		return usage("--platform %q is neither google nor meta", p)
	}
	return nil
}

// accounts are those of the configuration, or the named one.
func (a *app) accounts(name string) ([]config.Account, error) {
	if name == "" {
		return a.cfg.Accounts, nil
	}
	acc, ok := a.cfg.Account(name)
	if !ok {
		return nil, usage("--account %q is not in %s", name, a.cfg.File())
	}
	return []config.Account{*acc}, nil
}

func printTellReport(out io.Writer, r accountReport) error {
	state := "off: nothing is sent until conversions.enabled is true under " + string(r.Platform)
	if r.Enabled {
		state = "on: the next night sends this"
	}
	fmt.Fprintf(out, "%s on %s, %s (%s)\n", r.Account, present.PlatformName(string(r.Platform)), r.Measure, state)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STEP\tORDER\tOF\tPAID\tTOLD\tWHY")
	for _, o := range r.Orders {
		step, value := o.Step, money.Format(o.Value, o.Currency)
		if step == "" {
			step, value = "-", "nothing"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", step, o.OrderID, o.At.Format(time.DateOnly), money.Format(o.Revenue, o.Currency), value, o.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "To be told: %s. Not told: %s.\n", counted(r.Steps), counted(r.Skipped))
	return err
}

// counted writes counts by name, the names in order.
func counted(counts map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[k], strings.ReplaceAll(k, "_", " ")))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

type valuesList struct {
	Platform string `help:"Only this platform: google or meta." placeholder:"P"`
	Account  string `help:"Only this account." placeholder:"A"`
	State    string `help:"Only this state: pending, told, refused or retracted." placeholder:"STATE"`
	Limit    int    `help:"So many of the newest; 0 for all." default:"0" placeholder:"N"`
	JSON     bool   `name:"json" help:"One JSON array, the newest first."`
}

func (*valuesList) Help() string {
	return "Example: adsteward values list --state refused --json | jq -r '.[] | .order_id + \" \" + .why'"
}

// toldRow is what one platform was told of one order, as JSON.
type toldRow struct {
	Account   string       `json:"account"`
	Platform  string       `json:"platform"`
	OrderID   string       `json:"order_id"`
	OrderedAt time.Time    `json:"ordered_at"`
	State     string       `json:"state"`
	Step      string       `json:"step"`
	Value     money.Micros `json:"value"`
	Currency  string       `json:"currency"`
	Why       string       `json:"why"`
	RequestID string       `json:"request_id"`
	Status    string       `json:"status"`
	ToldAt    time.Time    `json:"told_at"`
}

var toldStates = []string{bidding.ToldPending, bidding.ToldDone, bidding.ToldRefused, bidding.ToldRetracted}

func (c *valuesList) Run(e *env) error {
	if err := knownPlatform(c.Platform); err != nil {
		return err
	}
	if c.State != "" && !slices.Contains(toldStates, c.State) {
		return usage("--state %q is none of %s", c.State, strings.Join(toldStates, ", "))
	}
	if c.Limit < 0 {
		return usage("--limit %d is below 0; 0 lists all", c.Limit)
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	if _, err := a.accounts(c.Account); err != nil {
		return err
	}
	rows, err := a.store.Told(e.ctx, store.ToldFilter{Account: c.Account, Platform: c.Platform, State: c.State, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		out := make([]toldRow, 0, len(rows))
		for _, r := range rows {
			out = append(out, toldRow{r.Account, r.Platform, r.OrderID, r.OrderedAt, r.State, r.Step, r.Value, r.Currency, r.Why, r.RequestID, r.Status, r.ToldAt})
		}
		return printJSON(e.stdout, out)
	}
	if len(rows) == 0 {
		fmt.Fprintln(e.stdout, "Nothing was told yet.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PLATFORM\tORDER\tOF\tSTATE\tSTEP\tVALUE\tTOLD\tREQUEST\tWHY")
	for _, r := range rows {
		state := r.State
		if r.Status != "" {
			state += " (" + r.Status + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", present.PlatformName(r.Platform), r.OrderID, r.OrderedAt.Format(time.DateOnly), state, r.Step,
			money.Format(r.Value, r.Currency), r.ToldAt.Format("2006-01-02 15:04"), r.RequestID, r.Why)
	}
	return w.Flush()
}

type valuesSend struct {
	Account string `help:"Only this account." placeholder:"A"`
	Refused bool   `help:"Tell also what the platform refused before, as after correcting the configuration."`
	JSON    bool   `name:"json" help:"One JSON array of {account, platform, recorded, restated, retracted, refused, waiting, ...}."`
}

func (*valuesSend) Help() string {
	return "Only to platforms for which conversions.enabled is true; sending twice changes nothing. Example: adsteward values send --account my-shop"
}

// accountOutcome is what became of telling one platform of one account.
type accountOutcome struct {
	Account string `json:"account"`
	nightly.ToldOutcome
}

func (c *valuesSend) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	accounts, err := a.accounts(c.Account)
	if err != nil {
		return err
	}
	if len(accounts) > 1 {
		accounts = slices.DeleteFunc(slices.Clone(accounts), func(acc config.Account) bool {
			return !slices.ContainsFunc(telling(&acc), func(set nightly.TellSettings) bool { return set.Enabled })
		})
	}
	if len(accounts) == 0 {
		return usage("no account of %s has conversions enabled", a.cfg.File())
	}
	rows := []accountOutcome{}
	var faults []error
	for _, acc := range accounts {
		outs, fault, err := a.steward.SendValues(e.ctx, acc.Name, actor(), c.Refused)
		if err != nil {
			return err
		}
		faults = append(faults, fault)
		for _, o := range outs {
			if o.Enabled {
				rows = append(rows, accountOutcome{acc.Name, o})
			}
		}
	}
	if c.JSON {
		if err := printJSON(e.stdout, rows); err != nil {
			return err
		}
	} else {
		for _, r := range rows {
			fmt.Fprintf(e.stdout, "%s: %s told %s\n", r.Account, present.PlatformName(string(r.Platform)), r.Counts())
		}
	}
	return errors.Join(faults...)
}
