package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/internal/present"
	"adsteward/store"
)

type outcomesCmd struct {
	Account string `help:"Only this account." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON array, one element an account and currency."`
}

func (*outcomesCmd) Help() string {
	return "Promised against realised, over the 14 days after each applied change; the first come 21 days after it. Example: adsteward outcomes --json | jq '.[] | .meaning, (.changes[] | select(.verdict == \"loss\") | [.entity.name, .believed])'"
}

const (
	outcomesRead  = 5000 // of the newest are summed up
	outcomesShown = 30   // of them a terminal is shown
)

func (c *outcomesCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	if _, ok := a.cfg.Account(c.Account); c.Account != "" && !ok {
		return usage("--account %q is not in %s", c.Account, a.cfg.File())
	}
	all := []present.Outcomes{}
	for i := range a.cfg.Accounts {
		name := a.cfg.Accounts[i].Name
		if c.Account != "" && c.Account != name {
			continue
		}
		rows, err := a.store.Outcomes(e.ctx, name, outcomesRead)
		if err != nil {
			return err
		}
		parts, err := present.OutcomesOf(name, rows)
		if err != nil {
			return err
		}
		all = append(all, parts...)
	}
	if c.JSON {
		return printJSON(e.stdout, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(e.stdout, "No change is old enough to be judged: the first outcomes come 21 days after a change.")
		return nil
	}
	for i, o := range all {
		if i > 0 {
			fmt.Fprintln(e.stdout)
		}
		if err := printOutcomes(e.stdout, o); err != nil {
			return err
		}
	}
	return nil
}

func printOutcomes(out io.Writer, o present.Outcomes) error {
	fmt.Fprintf(out, "%s, %s a day\n%s\n\n", o.Account, o.Currency, o.Meaning)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if o.All.Count > 0 {
		fmt.Fprintln(w, "GROUP\tCHANGES\t50 % HELD\t80 % HELD\t95 % HELD\tPROMISED\tCAME\tERROR\tGAIN PROMISED\tGAIN MEASURED")
		row := func(name string, c bidding.Calibration) {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s ± %s\t%s\t%s ± %s\n", name, c.Count, c.Inside50, c.Inside80, c.Inside95, present.Amount(c.Promised, o.Currency),
				present.Amount(c.Came, o.Currency), present.Signed(c.Bias, o.Currency), present.Amount(c.BiasSD, o.Currency),
				present.Signed(c.PromisedGain, o.Currency), present.Signed(c.Gain, o.Currency), present.Amount(c.GainSD, o.Currency))
		}
		row("all", o.All)
		for _, c := range o.ByPlatform {
			row(present.PlatformName(c.Name), c)
		}
		for _, c := range o.ByField {
			row(present.FieldName(c.Name), c)
		}
		for _, c := range o.ByMonth {
			row(c.Name, c)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(w, "CHANGE\tFROM\tDAYS\tGAIN PROMISED\tGAIN MEASURED\tLOST MONEY WITH\tOUTCOME\tROLLBACK")
	for _, x := range o.Changes[:min(len(o.Changes), outcomesShown)] {
		gain, loss := present.None, present.None
		if x.Verdict != bidding.Unjudged {
			gain = fmt.Sprintf("%s (%s)", present.Signed(x.Gain, o.Currency), present.Interval(x.GainLow, x.GainHigh, o.Currency))
			loss = present.Percent(x.LossProbability)
		}
		name := x.Entity.Name
		if name == "" {
			name = x.Entity.Type + " " + x.Entity.ID
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", name, x.From, x.Days, present.Signed(x.PromisedGain, o.Currency), gain, loss, present.VerdictName(x.Verdict), x.RolledBack)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if older := len(o.Changes) - outcomesShown; older > 0 {
		fmt.Fprintf(out, "%d older ones are counted and not listed; --json lists all.\n", older)
	}
	return nil
}

// showOutcome writes what became of a proposal, if that is known.
func showOutcome(w io.Writer, p store.Proposal) error {
	all, err := present.OutcomesOf(p.Account, []store.Proposal{p})
	if err != nil || len(all) == 0 {
		return err
	}
	o := all[0].Changes[0]
	fmt.Fprintf(w, "\nOutcome, %s to %s: %s\n", o.From, o.To, o.Meaning)
	if o.Verdict == bidding.Unjudged || o.Verdict == "" {
		return nil
	}
	line := func(name string, mean, low, high float64) {
		fmt.Fprintf(w, "  %s %s %s a day (80 %%: %s)\n", name, present.Signed(mean, p.Currency), p.Currency, present.Interval(low, high, p.Currency))
	}
	line("profit that came, and was promised to be seen:", o.ProfitPerDay, o.Low, o.High)
	line("profit without the change:", o.Counterfactual, o.CounterfactualLow, o.CounterfactualHigh)
	line("gain by these days alone:", o.Gain, o.GainLow, o.GainHigh)
	line("gain taken together with what was known before:", o.Believed, o.BelievedLow, o.BelievedHigh)
	if o.RolledBack != "" {
		fmt.Fprintf(w, "  proposal %s puts it back\n", o.RolledBack)
	} else if o.Why != "" {
		fmt.Fprintf(w, "  %s\n", o.Why)
	}
	return nil
}
