package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"adsteward/attribution/lift"
	"adsteward/internal/civil"
)

type liftHoldout struct {
	File    string  `arg:"" name:"file" help:"CSV with group (treatment or control) and revenue, one row a person, and where there are before (revenue before the test) and claimed (revenue the platform claims). - for standard input."`
	Share   float64 `help:"Percent of people that were to be held out; whether they were is checked." placeholder:"PERCENT"`
	Salt    string  `help:"Instead of the column group: tell the held out by the column id, this salt and --share, as the experiment drew them." placeholder:"TEXT"`
	Claimed float64 `help:"What the platform claims of the treated in total, where it is not known by person." placeholder:"AMOUNT"`
	Planned float64 `help:"Effect per person the test was planned for: adds an interval that may be looked at every day." placeholder:"AMOUNT"`
	Level   float64 `default:"0.9" help:"Of the two-sided interval."`
	JSON    bool    `name:"json" help:"One JSON object."`
}

func (*liftHoldout) Help() string {
	return "Everybody counts in the group they were drawn into, whether or not an ad reached them. Exit code 1 where the groups are not as large as planned.\n\nExample: adsteward lift holdout people.csv --share 5 --claimed 48000"
}

func (c *liftHoldout) Run(e *env) error {
	points, err := basisPoints(c.Share, c.Salt == "")
	if err != nil {
		return err
	}
	var test lift.HoldoutTest
	err = e.readFile(c.File, func(r io.Reader) (err error) {
		test, err = lift.ReadHoldout(r, lift.Holdout{Salt: c.Salt, BasisPoints: points})
		return err
	})
	if err != nil {
		return err
	}
	test.BasisPoints, test.Claimed, test.Planned = points, c.Claimed, c.Planned
	r, err := test.Analyse(c.Level)
	if err != nil {
		return usage("%s: %v", c.File, err)
	}
	if c.JSON {
		err = printJSON(e.stdout, r)
	} else {
		err = printLiftHoldout(e.stdout, r)
	}
	if err == nil && r.SampleRatioBroken() {
		return &findings{}
	}
	return err
}

// basisPoints reads a share in percent; 0 where it may be left out.
func basisPoints(share float64, optional bool) (int, error) {
	points := int(share*100 + 0.5)
	if share == 0 && optional {
		return 0, nil
	}
	if !(share > 0 && share < 100) || points < 1 || points > 9999 {
		return 0, usage("--share is %g; give the percent of people held out, above 0 and below 100, as 5", share)
	}
	return points, nil
}

func printLiftHoldout(out io.Writer, r lift.HoldoutResult) error {
	fmt.Fprintf(out, "%d people treated, %d held out. What was known of them before explains %.0f %% of how differently they buy.\n\n", r.Treated, r.Held, 100*r.VarianceRemoved)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t\tfrom\tto\t\ncaused per person\t%s\t\ncaused in all\t%s\t\n", ranged(&r.PerPerson, "%.4f"), ranged(&r.Lift, "%.2f"))
	if r.AlwaysValid != nil {
		fmt.Fprintf(w, "the same, looked at every day\t%s\t\n", ranged(r.AlwaysValid, "%.2f"))
	}
	if r.Relative != nil {
		p := percentOf(*r.Relative)
		fmt.Fprintf(w, "percent of what was expected\t%s\t\n", ranged(&p, "%.2f"))
	}
	if r.Iota != nil {
		fmt.Fprintf(w, "share of the claims that was caused\t%s\t\n", ranged(r.Iota, "%.3f"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nFrom and to hold the truth in %g of 100 such tests.\n", 100*r.Lift.Level)
	warn(out, "", r.Warnings)
	return nil
}

func percentOf(e lift.Estimate) lift.Estimate {
	e.Value, e.Low, e.High = 100*e.Value, 100*e.Low, 100*e.High
	return e
}

type liftPeople struct {
	SD     float64 `required:"" name:"sd" help:"Standard deviation of revenue per person over the length of the test."`
	Effect float64 `required:"" help:"Revenue per person whose loss is to be shown."`
	Share  float64 `default:"10" help:"Percent of people held out."`
	Level  float64 `default:"0.9" help:"Of the interval that is to show it."`
	Power  float64 `default:"0.8" help:"How often it is to be shown."`
	JSON   bool    `name:"json" help:"One JSON object."`
}

func (*liftPeople) Help() string {
	return "Example: adsteward lift people --sd 42 --effect 1.5 --share 10"
}

func (c *liftPeople) Run(e *env) error {
	points, err := basisPoints(c.Share, false)
	if err != nil {
		return err
	}
	n, err := lift.PeopleNeeded(c.SD, c.Effect, points, c.Level, c.Power)
	if err != nil {
		return usage("%v", err)
	}
	held := (n*points + 9999) / 10000
	if c.JSON {
		return printJSON(e.stdout, map[string]int{"people": n, "held": held})
	}
	_, err = fmt.Fprintf(e.stdout, "%d people in all, of whom %d are held out.\n", n, held)
	return err
}

type liftSwitchback struct {
	File    string  `arg:"" name:"file" help:"CSV with date, block, pair and on as lift schedule writes them, revenue of the whole shop (empty: not yet), and where there are claimed and cost of the campaign. - for standard input."`
	Washout int     `help:"Days at the beginning of each block that are not counted." placeholder:"N"`
	Planned float64 `help:"Effect per day the test was planned for: adds an interval that may be looked at every day." placeholder:"AMOUNT"`
	Level   float64 `default:"0.9" help:"Of the two-sided interval."`
	Seed    uint64  `default:"1" help:"Of the permutations."`
	JSON    bool    `name:"json" help:"One JSON object."`
}

func (*liftSwitchback) Help() string {
	return "Example: adsteward lift switchback days.csv --washout 1"
}

func (c *liftSwitchback) Run(e *env) error {
	if c.Washout < 0 {
		return usage("--washout is %d; give 0 or more", c.Washout)
	}
	var test lift.SwitchbackTest
	if err := e.readFile(c.File, func(r io.Reader) (err error) { test, err = lift.ReadSwitchback(r, c.Washout); return err }); err != nil {
		return err
	}
	test.Planned = c.Planned
	r, err := test.Analyse(c.Level, c.Seed)
	if err != nil {
		return usage("%s: %v", c.File, err)
	}
	if c.JSON {
		return printJSON(e.stdout, r)
	}
	fmt.Fprintf(e.stdout, "%d days on, %d days off, %d left out at the beginning of blocks.\n\n", r.OnDays, r.OffDays, r.Washed)
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t\tfrom\tto\t\ncaused per day on\t%s\t\ncaused in all\t%s\t\n", ranged(&r.PerDay, "%.2f"), ranged(&r.Lift, "%.2f"))
	if r.AlwaysValid != nil {
		fmt.Fprintf(w, "the same, looked at every day\t%s\t\n", ranged(r.AlwaysValid, "%.2f"))
	}
	fmt.Fprintf(w, "return on the spend\t%s\t\nshare of the claims that was caused\t%s\t\n", ranged(r.IROAS, "%.3f"), ranged(r.Iota, "%.3f"))
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "\nFrom and to hold the truth in %g of 100 such tests. Another draw of the days shows as much by chance in %.1f of 100.\n", 100*r.Lift.Level, 100*r.Placebo.P)
	warn(e.stdout, "", r.Warnings)
	return nil
}

type liftSchedule struct {
	Start   string  `required:"" help:"First day." placeholder:"D"`
	Days    int     `default:"56" help:"How long, a multiple of twice the days after which a block begins on the same day of the week: 14 for blocks of 1 or 7 days, 28 for 2."`
	Block   int     `default:"1" help:"Days in one state."`
	Washout int     `help:"Days at the beginning of each block that will not be counted." placeholder:"N"`
	History string  `help:"CSV with date and revenue of the whole shop for at least as many days: says what the plan can show." placeholder:"FILE.csv"`
	Level   float64 `default:"0.9" help:"Of the interval that is to show an effect."`
	Power   float64 `default:"0.8" help:"How often the effect is to be shown, where it is there."`
	Seed    uint64  `default:"1" help:"Of the draw."`
	JSON    bool    `name:"json" help:"One JSON object."`
}

func (*liftSchedule) Help() string {
	return "Prints a CSV to fill in: date, block, pair, on, revenue, claimed, cost.\n\nExample: adsteward lift schedule --start 2026-03-02 --days 56 --block 2 --washout 1 --history shop.csv > days.csv"
}

// schedule is the JSON of lift schedule.
type schedule struct {
	lift.Switchback
	Detectable *lift.Power `json:"detectable"` // null without --history
}

func (c *liftSchedule) Run(e *env) error {
	start, err := civil.Parse(c.Start)
	if err != nil {
		return usage("--start: %v", err)
	}
	plan, err := lift.PlanSwitchback(start, c.Days, c.Block, c.Washout, c.Seed)
	if err != nil {
		return usage("%v", err)
	}
	out := schedule{Switchback: plan}
	if c.History != "" {
		var days []lift.SwitchDay
		if err := e.readFile(c.History, func(r io.Reader) (err error) { days, err = lift.ReadDays(r); return err }); err != nil {
			return err
		}
		p, err := plan.Detectable(days, c.Level, c.Power, c.Seed)
		if err != nil {
			return usage("%s: %v", c.History, err)
		}
		out.Detectable = &p
	}
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	if p := out.Detectable; p != nil {
		fmt.Fprintf(e.stderr, "adsteward: an effect of %.2f %% of the shop's revenue on days on (%.2f in all) would be shown in %.0f of 100 such tests\n", 100*p.Relative, p.Total, 100*p.Power)
	}
	w := csv.NewWriter(e.stdout)
	rows := [][]string{{"date", "block", "pair", "on", "revenue", "claimed", "cost"}}
	for i, b := range plan.Blocks {
		on := "0"
		if b.On {
			on = "1"
		}
		for d := range b.Days {
			rows = append(rows, []string{b.From.AddDays(d).String(), strconv.Itoa(i + 1), strconv.Itoa(b.Pair + 1), on, "", "", ""})
		}
	}
	return w.WriteAll(rows)
}
