package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/internal/present"
)

type targetsCmd struct {
	Account string `help:"Only this account." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON array."`
}

func (*targetsCmd) Help() string {
	return "Of the newest night that told them. Example: adsteward targets --json | jq '.[] | select(.target != null) | [.entity.name, .break_even, .target]'"
}

func (c *targetsCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	if _, ok := a.cfg.Account(c.Account); c.Account != "" && !ok {
		return usage("--account %q is not in %s", c.Account, a.cfg.File())
	}
	all, told := []present.Target{}, 0
	for i := range a.cfg.Accounts {
		name := a.cfg.Accounts[i].Name
		if c.Account != "" && c.Account != name {
			continue
		}
		run, models, err := a.store.NewestModels(e.ctx, name, "target", resultNights)
		if err != nil {
			return err
		}
		rows, err := present.ReadTargets(models)
		if err != nil {
			return err
		}
		if c.JSON {
			all = append(all, present.TargetsJSON(name, rows)...)
			continue
		}
		if len(rows) == 0 {
			continue
		}
		if told++; told > 1 {
			fmt.Fprintln(e.stdout)
		}
		fmt.Fprintf(e.stdout, "%s, night of %s\n", name, run.Date)
		if err := printTargets(e.stdout, present.TargetsJSON(name, rows)); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return printJSON(e.stdout, all)
	case told == 0:
		fmt.Fprintln(e.stdout, "No night has told targets yet; `adsteward run` runs one.")
	default:
		fmt.Fprint(e.stdout, targetsLegend)
	}
	return nil
}

const targetsLegend = `
k = m x lambda x iota: what one reported unit of revenue is worth, by margin, lifetime and incremental share (? not calibrated by an experiment).
Break-even ROAS is 1/k. The target is the ROAS that earns most, mu/(elasticity k) with the elasticity that it leads to, mu being what the
next unit of money earns elsewhere, 1 where money is not scarce. In brackets the central 80 %. --json says why.
`

func printTargets(out io.Writer, rows []present.Target) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ENTITY\tPLATFORM\tOF\tM\tLAMBDA\tIOTA\tELASTICITY\tK\tBREAK-EVEN\tTARGET\tSET NOW\tROAS\tNEXT EARNS\tLIMITED BY")
	number := func(v *float64) string {
		if v == nil {
			return present.None
		}
		return present.Ratio(*v)
	}
	within := func(v, low, high *float64) string {
		if v == nil {
			return present.None
		}
		return fmt.Sprintf("%s (%s-%s)", present.Ratio(*v), present.Ratio(*low), present.Ratio(*high))
	}
	for _, t := range rows {
		name, iota := t.Entity.Name, present.Percent(t.IncrementalPart)
		if slices.Contains([]bidding.Level{bidding.NewCustomers, bidding.ReturningCustomers}, t.Level) {
			name = ""
		}
		if !t.Calibrated {
			iota += "?"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, present.PlatformName(string(t.Platform)), present.LevelName(t.Level), present.Percent(t.Margin),
			present.Ratio(t.Lambda), iota, number(t.Elasticity), within(&t.K, &t.KLow, &t.KHigh), within(t.BreakEven, t.BreakEvenLow, t.BreakEvenHigh),
			within(t.Target, t.TargetLow, t.TargetHigh), number(t.CurrentTarget), number(t.ROAS), number(t.NextEuro), t.LimitedBy)
	}
	return w.Flush()
}
