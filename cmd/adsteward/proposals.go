package main

import (
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type proposalsCmd struct {
	List     proposalsList     `cmd:"" help:"List proposals. Example: adsteward proposals list --state proposed --json"`
	Show     proposalsShow     `cmd:"" help:"Show one proposal with all its reasons."`
	Approve  proposalsApprove  `cmd:"" help:"Approve exactly what is proposed now. Example: adsteward proposals approve 3f9c2a --reason \"looks right\""`
	Reject   proposalsReject   `cmd:"" help:"Reject, with a reason that is kept."`
	Edit     proposalsEdit     `cmd:"" help:"Propose another value, within the guardrails. Example: adsteward proposals edit 3f9c2a --value 110"`
	Apply    proposalsApply    `cmd:"" help:"Push what is approved."`
	Rollback proposalsRollback `cmd:"" help:"Write a proposal with the old value."`
}

// actor is who acts on the command line.
func actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli"
}

type proposalsList struct {
	State   []string `help:"Only these states: proposed, approved, rejected, expired, superseded, applying, unknown, applied, failed, measured. Without it, --json lists all and the table what is not over yet." placeholder:"STATE"`
	Account string   `help:"Only this account." placeholder:"A"`
	JSON    bool     `name:"json" help:"One JSON array."`
}

func (c *proposalsList) Run(e *env) error {
	for _, s := range c.State {
		if !slices.Contains(bidding.States, bidding.State(s)) {
			return usage("--state %q is none of %v", s, bidding.States)
		}
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	states := c.State
	if len(states) == 0 && !c.JSON {
		states = notOver()
	}
	rows, err := a.store.Proposals(e.ctx, store.Filter{Account: c.Account, States: states})
	if err != nil {
		return err
	}
	if c.JSON {
		out, err := present.Proposals(rows)
		if err != nil {
			return err
		}
		return printJSON(e.stdout, out)
	}
	if len(rows) == 0 {
		fmt.Fprintln(e.stdout, "There are no such proposals.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tPLATFORM\tENTITY\tFIELD\tNOW\tPROPOSED\tCHANGE\tGAIN A DAY\tWHY")
	for _, p := range rows {
		b, err := present.Body(p)
		if err != nil {
			return err
		}
		why := ""
		if len(b.Reasons) > 0 {
			why = b.Reasons[0]
		}
		gain := present.None // of what promises none
		if e := b.Expected; e.Level > 0 {
			gain = present.Signed(e.GainPerDay, p.Currency) + " (" + present.Interval(e.GainLow, e.GainHigh, p.Currency) + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ProposalID, p.State, present.PlatformName(p.Platform), p.EntityName,
			present.FieldName(p.Field), present.Number(p.Field, p.Seen, p.Currency), present.Value(p.Field, p.Proposed, p.Currency),
			present.Change(p.Field, p.Seen, p.Proposed), gain, why)
	}
	return w.Flush()
}

// notOver are the states of what still waits for something.
func notOver() []string {
	var out []string
	for _, s := range bidding.States {
		if s.Open() || s.Pending() {
			out = append(out, string(s))
		}
	}
	return out
}

type proposalsShow struct {
	ID   string `arg:"" help:"Proposal, or the first six or more characters of its id."`
	JSON bool   `name:"json" help:"One JSON object."`
}

func (c *proposalsShow) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	p, err := a.store.Proposal(e.ctx, c.ID)
	if err != nil {
		return named(c.ID, err)
	}
	out, err := present.ProposalJSON(p)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	b, err := present.Body(p)
	if err != nil {
		return err
	}
	w := e.stdout
	change := present.Change(p.Field, p.Seen, p.Proposed)
	if change = " (" + change + ")"; b.Item != nil {
		change = ""
	}
	fmt.Fprintf(w, "%s  %s\n%s %s on %s: %s to %s%s\n", p.ProposalID, p.State, p.EntityName, present.FieldName(p.Field), present.PlatformName(p.Platform),
		present.Value(p.Field, p.Seen, p.Currency), present.Value(p.Field, p.Proposed, p.Currency), change)
	if p.Reason != "" {
		fmt.Fprintf(w, "Last word: %s\n", p.Reason)
	}
	if b.Expected.Level > 0 {
		fmt.Fprintf(w, "\nExpected: %s %s a day more (80 %%: %s), %s a day in all\n", present.Signed(b.Expected.GainPerDay, p.Currency), p.Currency,
			present.Interval(b.Expected.GainLow, b.Expected.GainHigh, p.Currency), present.Signed(b.Expected.ProfitPerDay, p.Currency))
	}
	if err := showOutcome(w, p); err != nil {
		return err
	}
	fmt.Fprint(w, "\nWhy:\n")
	for _, r := range b.Reasons {
		fmt.Fprintf(w, "  - %s\n", r)
	}
	fmt.Fprintln(w, "\nGuardrails:")
	for _, g := range b.Guardrails {
		fmt.Fprintf(w, "  - %s (%s): %s; %s\n", g.Name, g.Setting, g.Answer, g.Detail)
	}
	switch {
	case b.Item != nil:
		sales := "sales are not told by item"
		if b.Item.Due > 0 {
			sales = present.Count(b.Evidence.Conversions) + " sales"
		}
		what := strings.ToLower(present.EntityTypeName(p.EntityType))
		fmt.Fprintf(w, "\nEvidence on %s %s, %s to %s: %s %s spent, %d clicks, %s\n", what, p.EntityID, b.Evidence.WindowStart, b.Evidence.WindowEnd,
			present.Amount(b.Evidence.Spend, p.Currency), p.Currency, b.Item.Clicks, sales)
		if b.Item.Group != nil {
			if err := showMembers(w, b.Item, p.Currency); err != nil {
				return err
			}
		}
	case platform.Field(p.Field).TellsWorth():
		fmt.Fprintf(w, "\nEvidence: an order is worth %.3f times its price over the customer's lifetime\n", b.Evidence.LTVMultiple)
	default:
		fmt.Fprintf(w, "\nEvidence: k %.3f = margin %.3f x lifetime %.3f x incremental %.3f; break-even ROAS %.2f; elasticity %.2f\n",
			b.Evidence.K, b.Evidence.Margin, b.Evidence.LTVMultiple, b.Evidence.IncrementalShare, b.Evidence.BreakEvenROAS, b.Evidence.Elasticity)
	}
	fmt.Fprintf(w, "Expires %s, plan %s\n", p.ExpiresAt.Format("2006-01-02 15:04 UTC"), p.PlanHash)
	return nil
}

// mostShown bounds the items of a product group that are printed; --json has more.
const mostShown = 20

// showMembers lists the items of a product group that cost most.
func showMembers(out io.Writer, it *bidding.ItemEvidence, currency string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "  ITEM\tTITLE\tSPENT\tCLICKS\tSALES\tVALUE")
	shown := it.Group.Members[:min(mostShown, len(it.Group.Members))]
	for _, m := range shown {
		t := m.Total()
		sales, value := present.None, present.None
		if it.Due > 0 {
			sales, value = present.Count(t.Conversions), present.Amount(t.Value, currency)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%d\t%s\t%s\n", m.ID, m.Title, present.Amount(t.Spend, currency), t.Clicks, sales, value)
	}
	if left := it.Group.Items - len(shown); left > 0 {
		fmt.Fprintf(w, "  and %d more\n", left)
	}
	return w.Flush()
}

// named says which id an error is about.
func named(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) { // which names it
		return fmt.Errorf("%w; adsteward proposals list shows which there are", err)
	}
	return fmt.Errorf("proposal %s: %w", id, err)
}

// reasonText is why, as --reason says it.
type reasonText string

// Validate is called by the parser.
func (r reasonText) Validate() error { return present.CheckReason(string(r)) }

type proposalsApprove struct {
	IDs    []string   `arg:"" name:"id" help:"Proposals."`
	Reason reasonText `help:"Why, for the audit log."`
	JSON   bool       `name:"json" help:"One JSON array of {id, state, error}."`
}

func (c *proposalsApprove) Run(e *env) error {
	return e.decide(c.JSON, c.IDs, func(a *app) []bidding.Outcome { return a.steward.ApproveWith(e.ctx, actor(), c.IDs, string(c.Reason)) })
}

type proposalsReject struct {
	IDs    []string   `arg:"" name:"id" help:"Proposals."`
	Reason reasonText `help:"Why; kept with the proposal."`
	JSON   bool       `name:"json" help:"One JSON array of {id, state, error}."`
}

func (c *proposalsReject) Run(e *env) error {
	return e.decide(c.JSON, c.IDs, func(a *app) []bidding.Outcome { return a.steward.Reject(e.ctx, actor(), c.IDs, string(c.Reason)) })
}

type proposalsEdit struct {
	IDs    []string   `arg:"" name:"id" help:"Proposals."`
	Value  string     `required:"" help:"The new value, in the field's unit: 110.50 for a budget, 3.4 for a target ROAS."`
	Reason reasonText `help:"Why, for the audit log."`
	JSON   bool       `name:"json" help:"One JSON array of {id, state, error}."`
}

func (c *proposalsEdit) Run(e *env) error {
	v, err := money.Parse(c.Value)
	if err != nil {
		return usage("--value: %v", err)
	}
	if v < 0 {
		return usage("--value %s is below zero; give what the field is to be", c.Value)
	}
	return e.decide(c.JSON, c.IDs, func(a *app) []bidding.Outcome {
		out := make([]bidding.Outcome, 0, len(c.IDs))
		for _, id := range c.IDs {
			out = append(out, a.steward.Edit(e.ctx, actor(), id, v, string(c.Reason)))
		}
		return out
	})
}

type proposalsApply struct {
	IDs  []string `arg:"" optional:"" name:"id" help:"Proposals; all that are approved where none is named."`
	JSON bool     `name:"json" help:"One JSON array of {id, state, error}."`
}

func (c *proposalsApply) Run(e *env) error {
	return e.decide(c.JSON, c.IDs, func(a *app) []bidding.Outcome {
		if !c.JSON && e.terminal() {
			a.steward.Push.Observe = func(id, step string) { fmt.Fprintf(e.stderr, "%s %s\n", id, step) }
		}
		return a.steward.Apply(e.ctx, actor(), c.IDs)
	})
}

type proposalsRollback struct {
	ID   string `arg:"" help:"An applied proposal."`
	JSON bool   `name:"json" help:"One JSON array of {id, state, error}."`
}

func (c *proposalsRollback) Run(e *env) error {
	return e.decide(c.JSON, []string{c.ID}, func(a *app) []bidding.Outcome {
		id, err := a.steward.Rollback(e.ctx, actor(), c.ID)
		if err != nil {
			return []bidding.Outcome{{ID: c.ID, Err: err}}
		}
		return []bidding.Outcome{{ID: id, State: bidding.Proposed}}
	})
}

// outcome is what became of one named proposal, as JSON.
type outcome struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error,omitempty"`
}

// decide opens the program, does something to the named proposals and says what came
// of each. Where a name is nobody's, nothing is done. The exit code is the gravest one
// of the items.
func (e *env) decide(asJSON bool, ids []string, do func(a *app) []bidding.Outcome) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	for _, id := range ids {
		if _, err := a.store.Proposal(e.ctx, id); err != nil {
			return fmt.Errorf("%w; nothing was changed", named(id, err))
		}
	}
	outs := do(a)
	rows := make([]outcome, 0, len(outs))
	var worst error
	for _, o := range outs {
		r := outcome{ID: o.ID, State: string(o.State)}
		if o.Err != nil {
			r.Error = oneLine(o.Err)
			if worst == nil || exitCode(o.Err) > exitCode(worst) {
				worst = o.Err
			}
		}
		rows = append(rows, r)
	}
	if asJSON {
		if err := printJSON(e.stdout, rows); err != nil {
			return err
		}
	} else {
		for _, r := range rows {
			fmt.Fprintln(e.stdout, strings.TrimSpace(r.ID+" "+r.State))
		}
		if len(rows) == 0 {
			fmt.Fprintln(e.stdout, "Nothing is approved.")
		}
	}
	return summarise(rows, worst)
}

// summarise makes one line of all faults, with the code of the gravest.
func summarise(rows []outcome, worst error) error {
	if worst == nil {
		return nil
	}
	var lines []string
	for _, r := range rows {
		if r.Error != "" {
			lines = append(lines, r.ID+": "+r.Error)
		}
	}
	return &coded{strings.Join(lines, "; "), worst}
}

// coded is a line of its own with another error's exit code.
type coded struct {
	msg   string
	cause error
}

func (e *coded) Error() string { return e.msg }
func (e *coded) Unwrap() error { return e.cause }

type killSwitchCmd struct {
	State  string     `arg:"" enum:"on,off" help:"on or off."`
	Reason reasonText `required:"" help:"Why; goes into the audit log."`
}

func (c *killSwitchCmd) Run(e *env) error {
	if strings.TrimSpace(string(c.Reason)) == "" {
		return usage("--reason is empty; say why, for the audit log")
	}
	a, err := e.openBare()
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.steward.KillSwitch(e.ctx, actor(), c.State == "on", string(c.Reason)); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "The kill switch is %s.\n", c.State)
	return nil
}
