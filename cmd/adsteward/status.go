package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/store"
)

type statusCmd struct {
	Account string `help:"Only this account." placeholder:"A"`
	Runs    int    `help:"How many runs to show." default:"10"`
	JSON    bool   `name:"json" help:"One JSON object: runs, proposals, freshness, operations, alerts, kill_switch, pacing."`
}

// statusReport is the JSON of status.
type statusReport struct {
	Runs      []present.StageRow `json:"runs"`
	Proposals map[string]int     `json:"proposals"` // by state
	Freshness []freshness        `json:"freshness"`
	// Operations are those used today (UTC) of each ad account's daily quota.
	Operations []operations `json:"operations"`
	// Alerts are those of each account's newest night that has planned.
	Alerts     []bidding.Alert `json:"alerts"`
	KillSwitch bool            `json:"kill_switch"`
	// Pacing is where each monthly budget stands in its account's newest plan.
	Pacing []present.Month `json:"pacing"`
	Data   store.Counts    `json:"data"`
}

type freshness struct {
	Platform  string     `json:"platform"`
	AdAccount string     `json:"ad_account"`
	LastDay   civil.Date `json:"last_day"`
	PulledAt  time.Time  `json:"pulled_at"`
}

type operations struct {
	Platform  string `json:"platform"`
	AdAccount string `json:"ad_account"`
	Used      int64  `json:"used"`
	Limit     int64  `json:"limit"`
}

func (c *statusCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	s, err := c.gather(e, a)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, s)
	}
	return s.print(e.stdout)
}

func (c *statusCmd) gather(e *env, a *app) (statusReport, error) {
	s := statusReport{Runs: []present.StageRow{}, Proposals: map[string]int{}, Freshness: []freshness{}, Operations: []operations{},
		Alerts: []bidding.Alert{}, Pacing: []present.Month{}}
	runs, err := a.store.Runs(e.ctx, c.Account, c.Runs)
	if err != nil {
		return s, err
	}
	warned := map[string]bool{}
	for _, r := range runs {
		models, err := a.store.Models(e.ctx, r.RunID, "alert")
		if err != nil {
			return s, err
		}
		if len(models) > 0 && !warned[r.Account] {
			warned[r.Account] = true
			alerts, err := present.Alerts(models)
			if err != nil {
				return s, err
			}
			s.Alerts = append(s.Alerts, alerts...)
		}
		stages, err := a.store.Stages(e.ctx, r.RunID)
		if err != nil {
			return s, err
		}
		s.Runs = append(s.Runs, present.StageRows(r, stages)...)
	}
	if s.Pacing, err = pacing(e, a, runs); err != nil {
		return s, err
	}
	if s.Proposals, err = a.store.ProposalCounts(e.ctx, c.Account); err != nil {
		return s, err
	}
	last, err := a.store.LastPerformance(e.ctx, c.Account)
	if err != nil {
		return s, err
	}
	accounts, err := a.store.AdAccounts(e.ctx, c.Account)
	if err != nil {
		return s, err
	}
	for _, acc := range accounts {
		s.Freshness = append(s.Freshness, freshness{acc.Platform, acc.AdAccount, last[[2]string{acc.Platform, acc.AdAccount}], acc.UpdatedAt})
	}
	used, err := a.store.Usage(e.ctx, civil.Of(a.steward.Now().UTC()))
	if err != nil {
		return s, err
	}
	for _, u := range used {
		s.Operations = append(s.Operations, operations{u.Platform, u.AdAccount, u.Operations, u.Limit})
	}
	if s.KillSwitch, err = a.steward.Killed(e.ctx); err != nil {
		return s, err
	}
	s.Data, err = a.store.Counts(e.ctx, c.Account)
	return s, err
}

// pacing reads the monthly budgets of each account's newest plan.
func pacing(e *env, a *app, runs []store.Run) ([]present.Month, error) {
	out := []present.Month{}
	planned := map[string]bool{}
	for _, r := range runs {
		if planned[r.Account] {
			continue
		}
		plans, err := a.store.Models(e.ctx, r.RunID, "allocation")
		if err != nil {
			return nil, err
		}
		if planned[r.Account] = len(plans) > 0; !planned[r.Account] {
			continue
		}
		models, err := a.store.Models(e.ctx, r.RunID, "pacing")
		if err != nil {
			return nil, err
		}
		months, err := present.ReadMonths(r.Account, models)
		if err != nil {
			return nil, err
		}
		out = append(out, months...)
	}
	return out, nil
}

func (s statusReport) print(out io.Writer) error {
	if s.KillSwitch {
		fmt.Fprintln(out, "The kill switch is ON: nothing is pushed.")
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ACCOUNT\tDATE\tSTAGE\tSTATE\tWHAT")
	for _, r := range s.Runs {
		what := r.Summary
		if r.Error != "" {
			what = oneLine(errors.New(r.Error))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Account, r.Date, r.Stage, r.State, what)
	}
	if len(s.Runs) == 0 {
		fmt.Fprintln(w, "No night has run yet; `adsteward run` runs one.")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, f := range s.Freshness {
		fmt.Fprintf(out, "%s %s: data up to %s, pulled %s\n", present.PlatformName(f.Platform), f.AdAccount, f.LastDay, f.PulledAt.Format("2006-01-02 15:04 UTC"))
	}
	for _, o := range s.Operations {
		limit := "no known limit"
		if o.Limit > 0 {
			limit = fmt.Sprintf("of %d", o.Limit)
		}
		fmt.Fprintf(out, "%s %s: %d operations today, %s\n", present.PlatformName(o.Platform), o.AdAccount, o.Used, limit)
	}
	for _, al := range s.Alerts {
		fmt.Fprintf(out, "ALERT %s: %s\n", al.Name, al.Detail)
	}
	for _, m := range s.Pacing {
		fmt.Fprintln(out, "Month of "+m.Line())
	}
	fmt.Fprintf(out, "%d orders of %d customers, %d touches, %d products\n", s.Data.Orders, s.Data.Customers, s.Data.Touches, s.Data.Products)
	for _, st := range []string{"proposed", "approved", "applying", "unknown", "applied", "failed"} {
		if n := s.Proposals[st]; n > 0 {
			fmt.Fprintf(out, "%d %s\n", n, st)
		}
	}
	return nil
}

type auditCmd struct {
	List   auditList   `cmd:"" help:"List the audit log, oldest first."`
	Verify auditVerify `cmd:"" help:"Check that nothing in the log was changed, removed or cut off."`
}

type auditList struct {
	Account  string `help:"Only this account." placeholder:"A"`
	Proposal string `help:"Only this proposal." placeholder:"ID"`
	Limit    int    `help:"At most this many, the newest ones; 0 is all." default:"0"`
	JSON     bool   `name:"json" help:"One JSON array."`
}

func (c *auditList) Run(e *env) error {
	a, err := e.openBare()
	if err != nil {
		return err
	}
	defer a.close()
	rows, err := a.store.AuditEntries(e.ctx, store.AuditFilter{Account: c.Account, Proposal: c.Proposal, Newest: c.Limit > 0, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		if rows == nil {
			rows = []store.AuditEntry{}
		}
		return printJSON(e.stdout, rows)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tAT\tWHO\tWHAT\tPROPOSAL\tREQUEST\tWHY")
	for _, r := range rows {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Seq, r.At.UTC().Format("2006-01-02 15:04:05"), r.Actor, r.Action, r.Proposal, r.RequestID, r.Reason)
	}
	return w.Flush()
}

type auditVerify struct {
	JSON bool `name:"json" help:"One JSON object: entries, head, ok, problem."`
}

func (c *auditVerify) Run(e *env) error {
	a, err := e.openBare()
	if err != nil {
		return err
	}
	defer a.close()
	n, head, err := a.store.VerifyAudit(e.ctx)
	var broken *store.BrokenChain
	if err != nil && !errors.As(err, &broken) {
		return err
	}
	if c.JSON {
		out := map[string]any{"entries": n, "head": head, "ok": err == nil}
		if err != nil {
			out["problem"] = err.Error()
		}
		if jerr := printJSON(e.stdout, out); jerr != nil {
			return jerr
		}
	} else if err == nil {
		fmt.Fprintf(e.stdout, "%d entries, the chain is whole; its head is %s\n", n, head)
	}
	if err != nil {
		return &findings{err.Error()}
	}
	return nil
}
