package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
	"adsteward/store"
)

type experimentsCmd struct {
	List     experimentsList     `cmd:"" help:"List experiments."`
	Show     experimentsShow     `cmd:"" help:"One experiment: its plan, what it costs and can detect, what it shows so far."`
	Plan     experimentsPlan     `cmd:"" help:"Plan an experiment; nothing is changed until it is started."`
	Start    experimentsStart    `cmd:"" help:"Approve a plan with its whole schedule of changes, and start it."`
	Stop     experimentsStop     `cmd:"" help:"End a running experiment now; what it found so far counts."`
	Conclude experimentsConclude `cmd:"" help:"Take what an ended experiment found as its result; the night does so by itself once all sales are in."`
	Cancel   experimentsCancel   `cmd:"" help:"Give an experiment up without a result."`
	Ledger   experimentsLedger   `cmd:"" help:"What experiments found: the incremental share of each campaign, its interval, source and age."`
	Sheet    experimentsSheet    `cmd:"" help:"What is to be excluded by hand for a geo experiment, as CSV."`
}

func (*experimentsCmd) Help() string {
	return "What advertising caused is found by leaving it out for some days, people or regions. Example: adsteward experiments plan switchback --campaign \"Search | Brand\""
}

func (*experimentsList) Help() string { return "Example: adsteward experiments list --json" }

func (*experimentsShow) Help() string { return "Example: adsteward experiments show 3f9c2a --json" }

func (*experimentsPlan) Help() string {
	return "Example: adsteward experiments plan holdout --campaign \"Retargeting\" --list cart_abandoners --share 0.1"
}

func (*experimentsStart) Help() string { return "Example: adsteward experiments start 3f9c2a" }

func (*experimentsStop) Help() string {
	return "Example: adsteward experiments stop 3f9c2a --reason \"stock is running out\". The next night puts the budget back."
}

func (*experimentsConclude) Help() string {
	return "Example: adsteward experiments conclude 3f9c2a --reason \"the tracking gap was short\""
}

func (*experimentsCancel) Help() string {
	return "Example: adsteward experiments cancel 3f9c2a --reason \"wrong campaign\""
}

func (*experimentsLedger) Help() string { return "Example: adsteward experiments ledger --json" }

func (*experimentsSheet) Help() string {
	return "Example: adsteward experiments sheet 3f9c2a > exclude.csv"
}

type experimentsList struct {
	Account string   `help:"Only this account." placeholder:"A"`
	State   []string `help:"Only these states: planned, running, ended, concluded, cancelled." placeholder:"STATE"`
	JSON    bool     `name:"json" help:"One JSON array."`
}

func (c *experimentsList) Run(e *env) error {
	for _, s := range c.State {
		if !slices.Contains(attribution.ExperimentStates, attribution.ExperimentState(s)) {
			return usage("--state %q is none of %v", s, attribution.ExperimentStates)
		}
	}
	return e.withApp(func(a *app) error {
		if _, err := a.accounts(c.Account); err != nil {
			return err
		}
		rows, err := a.store.Experiments(e.ctx, c.Account, c.State...)
		if err != nil {
			return err
		}
		list := make([]present.Experiment, 0, len(rows))
		for _, r := range rows {
			x, err := present.ExperimentOf(r)
			if err != nil {
				return err
			}
			list = append(list, x)
		}
		if c.JSON {
			return printJSON(e.stdout, list)
		}
		if len(list) == 0 {
			fmt.Fprintln(e.stdout, "There are no such experiments; `adsteward experiments plan --help` says how to plan one.")
			return nil
		}
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSTATE\tKIND\tFROM\tTO\tINCREMENTAL SHARE\tNAME")
		for _, x := range list {
			share := present.None
			if x.Look != nil {
				share = present.Share(x.Look.Iota)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, x.State, x.Kind, x.Starts, x.Ends, share, x.Name)
		}
		return w.Flush()
	})
}

// withApp opens the program, and closes it afterwards.
func (e *env) withApp(do func(a *app) error) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	err = do(a)
	if in := (*nightly.InputError)(nil); errors.As(err, &in) {
		return usage("%v", in)
	}
	return err
}

type experimentsShow struct {
	ID   string `arg:"" help:"Experiment, or the first six or more characters of its id."`
	JSON bool   `name:"json" help:"One JSON object."`
}

func (c *experimentsShow) Run(e *env) error {
	return e.withApp(func(a *app) error {
		row, err := a.store.Experiment(e.ctx, c.ID)
		if err != nil {
			return err
		}
		return e.printExperiment(row, c.JSON)
	})
}

func (e *env) printExperiment(row store.Experiment, asJSON bool) error {
	x, err := present.ExperimentOf(row)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(e.stdout, x)
	}
	return writeExperiment(e.stdout, x)
}

func writeExperiment(w io.Writer, x present.Experiment) error {
	var b strings.Builder
	of := strings.Join(x.Plan.Campaigns, ", ")
	if x.Plan.Policy != nil {
		of = present.Plural(len(x.Plan.Policy.Treated)+len(x.Plan.Policy.Held), "campaign")
	}
	fmt.Fprintf(&b, "%s  %s\n%s, a %s of %s from %s to %s\n", x.ID, x.State, x.Name, x.Kind, of, x.Starts, x.Ends)
	if x.Reason != "" {
		fmt.Fprintf(&b, "Last word: %s\n", x.Reason)
	}
	p := x.Plan
	switch {
	case p.Switchback != nil:
		s := p.Switchback
		fmt.Fprintf(&b, "\nThe daily budget of %s goes between %s and %s, in blocks of %d days drawn by chance:\n", s.EntityName,
			money.Format(s.On, s.Currency), money.Format(s.Off, s.Currency), s.BlockDays)
		for _, k := range x.Schedule {
			what := money.Format(s.On, s.Currency)
			if !k.On {
				what = money.Format(s.Off, s.Currency)
			}
			fmt.Fprintf(&b, "  %s to %s  %s\n", k.From, k.From.AddDays(k.Days-1), what)
		}
	case p.Holdout != nil:
		fmt.Fprintf(&b, "\nOf those who would be on the list %s, %s stay off it, by the hash of who they are.\n", p.Holdout.List, present.Percent(p.Holdout.Share))
	case p.Policy != nil:
		for _, arm := range []struct {
			what  string
			units []attribution.PolicyUnit
		}{{"steered", p.Policy.Treated}, {"left as it is", p.Policy.Held}} {
			for _, u := range arm.units {
				fmt.Fprintf(&b, "  %s  %s\n", arm.what, u.Name)
			}
		}
	case p.Geo != nil:
		fmt.Fprintf(&b, "\nExclude %s by hand from %s to %s (adsteward experiments sheet %s); %s go on as ever.\n", strings.Join(p.Geo.Held, ", "), x.Starts, x.Ends, x.ID, strings.Join(p.Geo.Treated, ", "))
	}
	fmt.Fprintf(&b, "\nIt costs %s.\nIt detects %s.\n", present.Cost(x.Forecast), present.Detects(x.Forecast))
	if x.Forecast != nil {
		for _, n := range x.Forecast.Notes {
			fmt.Fprintf(&b, "- %s\n", n)
		}
	}
	writeLook(&b, x.Look)
	fmt.Fprintf(&b, "\nPlan %s\n", x.PlanHash)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeLook(b *strings.Builder, l *attribution.ExperimentLook) {
	if l == nil {
		return
	}
	fmt.Fprintf(b, "\nSeen on %s, %d days done, %d left:\n", l.Date, l.DaysDone, l.DaysLeft)
	switch {
	case !l.Found():
		fmt.Fprintf(b, "- nothing can be said yet: %s\n", l.Problem)
	case l.Iota == nil:
		fmt.Fprintf(b, "- %s\n", l.Result())
	default:
		fmt.Fprintf(b, "- incremental share %s at %s; if looked at every day %s\n", present.Share(l.Iota), present.Percent(l.Iota.Level), present.Share(l.AlwaysValid))
	}
	for _, c := range l.Checks {
		ok := "ok"
		if !c.OK {
			ok = "NOT OK"
		}
		fmt.Fprintf(b, "- %s %s: %s\n", c.Name, ok, c.Detail)
	}
	for _, w := range l.Warnings {
		fmt.Fprintf(b, "- note: %s\n", w)
	}
}

type experimentsPlan struct {
	Kind     string   `arg:"" enum:"switchback,holdout,geo,policy" help:"switchback (a campaign's budget down and up by weeks), holdout (people kept off a list), geo (regions left out) or policy (half of the campaigns are left as they are, to see what adsteward brings)."`
	Campaign string   `help:"The campaign whose incremental share is measured, by id or name; none for policy." placeholder:"C"`
	Account  string   `help:"The account; may be left out where there is one." placeholder:"A"`
	Name     string   `help:"What to call it." placeholder:"TEXT"`
	Start    string   `help:"First day; tomorrow where not given." placeholder:"DATE"`
	Days     int      `help:"How long; 70 for a switchback, 28 for others where not given." placeholder:"N"`
	Block    int      `help:"Days of a switchback's blocks; 7 where not given." placeholder:"N"`
	Off      string   `help:"A switchback's low daily budget; a tenth of the present one where not given." placeholder:"AMOUNT"`
	List     string   `help:"A holdout's list: cart_abandoners or high_ltv." placeholder:"LIST"`
	Share    float64  `help:"A holdout's share of people kept off; 0.1 where not given." placeholder:"S"`
	Held     []string `help:"A geo experiment's regions to be left out, by country code." placeholder:"CC"`
	Seed     uint64   `help:"Of the random assignment; by chance where not given." placeholder:"N"`
	DryRun   bool     `help:"Only say what it would cost and detect; nothing is stored."`
	JSON     bool     `name:"json" help:"One JSON object."`
}

func (c *experimentsPlan) request(a *app) (attribution.ExperimentRequest, error) {
	r := attribution.ExperimentRequest{Account: c.Account, Kind: attribution.ExperimentKind(c.Kind), Name: c.Name, Campaign: c.Campaign, Days: c.Days, Block: c.Block,
		List: c.List, Share: c.Share, Held: c.Held, Seed: c.Seed}
	if r.Account == "" {
		if len(a.cfg.Accounts) > 1 {
			return r, usage("there are several accounts; give --account")
		}
		r.Account = a.cfg.Accounts[0].Name
	}
	var err error
	if c.Start != "" {
		if r.Start, err = civil.Parse(c.Start); err != nil {
			return r, usage("--start: %v", err)
		}
	}
	if c.Off != "" {
		if r.Off, err = money.Parse(c.Off); err != nil {
			return r, usage("--off: %v", err)
		}
	}
	if c.Days < 0 || c.Block < 0 || r.Off < 0 || !(c.Share >= 0) {
		return r, usage("--days, --block, --off and --share must not be below 0")
	}
	return r, nil
}

func (c *experimentsPlan) Run(e *env) error {
	return e.withApp(func(a *app) error {
		r, err := c.request(a)
		if err != nil {
			return err
		}
		if c.DryRun {
			d, err := a.steward.DraftExperiment(e.ctx, r)
			if err != nil {
				return err
			}
			if c.JSON {
				return printJSON(e.stdout, d)
			}
			fmt.Fprintf(e.stdout, "%s from %s to %s\nIt would cost %s.\nIt would detect %s.\n", d.Plan.Name, d.Plan.Start, d.Plan.End(), present.Cost(&d.Forecast), present.Detects(&d.Forecast))
			for _, n := range d.Forecast.Notes {
				fmt.Fprintln(e.stdout, "-", n)
			}
			return nil
		}
		row, err := a.steward.PlanExperiment(e.ctx, actor(), r)
		if err != nil {
			return err
		}
		return e.printExperiment(row, c.JSON)
	})
}

// experimentStep is what the commands that move an experiment on have in common.
type experimentStep struct {
	ID     string     `arg:"" help:"Experiment, or the first six or more characters of its id."`
	Reason reasonText `help:"Why; it goes into the audit log." placeholder:"TEXT"`
	JSON   bool       `name:"json" help:"One JSON object."`
}

func (c *experimentStep) run(e *env, step func(a *app) (store.Experiment, error)) error {
	return e.withApp(func(a *app) error {
		row, err := step(a)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.printExperiment(row, true)
		}
		_, err = fmt.Fprintf(e.stdout, "%s  %s is %s: %s\n", row.ExperimentID, row.Name, row.State, row.Reason)
		return err
	})
}

type experimentsStart struct {
	ID   string `arg:"" help:"Experiment, or the first six or more characters of its id."`
	Hash string `help:"Only if the plan has this hash, as show prints it." placeholder:"HASH"`
	JSON bool   `name:"json" help:"One JSON object."`
}

func (c *experimentsStart) Run(e *env) error {
	s := experimentStep{ID: c.ID, JSON: c.JSON}
	return s.run(e, func(a *app) (store.Experiment, error) { return a.steward.StartExperiment(e.ctx, actor(), c.ID, c.Hash) })
}

type experimentsStop struct{ experimentStep }

func (c *experimentsStop) Run(e *env) error {
	return c.run(e, func(a *app) (store.Experiment, error) {
		return a.steward.StopExperiment(e.ctx, actor(), c.ID, string(c.Reason))
	})
}

type experimentsConclude struct{ experimentStep }

func (c *experimentsConclude) Run(e *env) error {
	return c.run(e, func(a *app) (store.Experiment, error) {
		return a.steward.ConcludeExperiment(e.ctx, actor(), c.ID, string(c.Reason))
	})
}

type experimentsCancel struct{ experimentStep }

func (c *experimentsCancel) Run(e *env) error {
	return c.run(e, func(a *app) (store.Experiment, error) {
		return a.steward.CancelExperiment(e.ctx, actor(), c.ID, string(c.Reason))
	})
}

type experimentsLedger struct {
	Account string `help:"Only this account." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON array."`
}

func (c *experimentsLedger) Run(e *env) error {
	return e.withApp(func(a *app) error {
		accounts, err := a.accounts(c.Account)
		if err != nil {
			return err
		}
		all := []present.IotaEntry{}
		for _, acc := range accounts {
			rows, err := a.store.IotaLedger(e.ctx, acc.Name)
			if err != nil {
				return err
			}
			entities, err := a.store.Entities(e.ctx, acc.Name)
			if err != nil {
				return err
			}
			all = append(all, present.IotaLedger(rows, present.NamesOfCampaigns(entities), civil.Of(a.steward.Now().In(acc.Location())))...)
		}
		if c.JSON {
			return printJSON(e.stdout, all)
		}
		if len(all) == 0 {
			fmt.Fprintln(e.stdout, "No experiment has found anything yet: every incremental share is what is believed.")
			return nil
		}
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "CAMPAIGN\tINCREMENTAL SHARE\t90 %\tENDED\tAGE\tERROR THEN/TODAY\tEXPERIMENT")
		for _, r := range all {
			fmt.Fprintf(w, "%s\t%s\t%s to %s\t%s\t%d d\t%.2f/%.2f\t%s (%s)\n", r.CampaignName, present.Percent(r.Value), present.Percent(r.Low), present.Percent(r.High),
				r.Ended, r.AgeDays, r.SD, r.SDToday, r.Experiment, r.Method)
		}
		return w.Flush()
	})
}

type experimentsSheet struct {
	ID string `arg:"" help:"Experiment, or the first six or more characters of its id."`
}

func (c *experimentsSheet) Run(e *env) error {
	return e.withApp(func(a *app) error {
		row, err := a.store.Experiment(e.ctx, c.ID)
		if err != nil {
			return err
		}
		x, err := present.ExperimentOf(row)
		if err != nil {
			return err
		}
		if x.Plan.Geo == nil {
			return usage("experiment %s is a %s: nothing is to be excluded by hand", x.ID, x.Kind)
		}
		entities, err := a.store.Entities(e.ctx, x.Account)
		if err != nil {
			return err
		}
		return present.WriteGeoSheet(csv.NewWriter(e.stdout), x, present.NamesOfCampaigns(entities))
	})
}
