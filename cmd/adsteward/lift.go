package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"adsteward/attribution/lift"
	"adsteward/internal/civil"
)

type liftCmd struct {
	Geo        liftGeo        `cmd:"" help:"What advertising caused, by regions with and without it."`
	Design     liftDesign     `cmd:"" help:"Which regions to treat, and what that could show."`
	Holdout    liftHoldout    `cmd:"" help:"What advertising caused, by people kept from it."`
	People     liftPeople     `cmd:"" help:"How many people a holdout needs."`
	Switchback liftSwitchback `cmd:"" help:"What a campaign caused, by days on and off."`
	Schedule   liftSchedule   `cmd:"" help:"Draw the days on which a campaign is on and off."`
}

func (*liftCmd) Help() string {
	return "Example: adsteward lift geo sales.csv --geos groups.csv --pre 2026-01-05:2026-02-15 --test 2026-02-16:2026-03-15"
}

// input opens a file of the command line, - for standard input.
func (e *env) input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(e.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	return f, nil
}

// readFile hands a file to read, whose error is bad input.
func (e *env) readFile(name string, read func(io.Reader) error) error {
	f, err := e.input(name)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	if err := read(f); err != nil {
		return usage("%s: %v", name, err)
	}
	return nil
}

// period reads A:B.
func period(flag, s string) (lift.Period, error) {
	from, to, ok := strings.Cut(s, ":")
	a, err := civil.Parse(from)
	b, err2 := civil.Parse(to)
	if !ok || err != nil || err2 != nil {
		return lift.Period{}, usage("%s is %q; give the first and the last day as 2026-01-05:2026-02-15", flag, s)
	}
	return lift.Period{From: a, To: b}, nil
}

type liftGeo struct {
	File         string   `arg:"" name:"file" help:"CSV with date, geo, sales, and where there are cost and claimed (sales the platform claims), a row a region and day; a region's days without a row count as 0. - for standard input."`
	Geos         string   `required:"" help:"CSV with geo and group (treatment or control; others are left out), and pair where treatment was drawn within pairs." placeholder:"ASSIGN.csv"`
	Pre          string   `required:"" help:"First and last day before the test." placeholder:"A:B"`
	Test         string   `required:"" help:"First and last day of the test, and of days after it in which it still works." placeholder:"A:B"`
	Method       []string `default:"tbr" help:"gbr (regression by region), tbr (regression by day), did (growth against growth), sc (synthetic control), or several: gbr,tbr." placeholder:"M"`
	Level        float64  `default:"0.9" help:"Of the two-sided interval."`
	Permutations int      `default:"499" help:"How often the treatment is pretended to have been drawn otherwise, to see what chance alone shows; 0: not at all." placeholder:"N"`
	Seed         uint64   `default:"1" help:"Of the permutations."`
	JSON         bool     `name:"json" help:"One JSON object."`
}

func (*liftGeo) Help() string {
	return `gbr and did compare regions and bear that regions grow differently; tbr and sc compare days, see smaller effects, and suppose that the groups
keep to each other as they did before the test. An effect worth acting on shows in all of them.

Example: adsteward lift geo sales.csv --geos groups.csv --pre 2026-01-05:2026-02-15 --test 2026-02-16:2026-03-15 --method gbr,tbr,did,sc --level 0.95`
}

// geoReport is the JSON of lift geo.
type geoReport struct {
	Results   []lift.Result `json:"results"`
	Pre       lift.Period   `json:"pre"`
	Test      lift.Period   `json:"test"`
	Treatment int           `json:"treatment"` // regions
	Control   int           `json:"control"`
	Excluded  int           `json:"excluded"`
	Absent    int           `json:"absent_rows"`
	Seconds   float64       `json:"seconds"`
}

func (c *liftGeo) Run(e *env) error {
	start := time.Now()
	if c.Permutations < 0 || c.Permutations > 100_000 {
		return usage("--permutations is %d; give 0 to 100000", c.Permutations)
	}
	var out geoReport
	test, strata, err := c.read(e, &out)
	if err != nil {
		return err
	}
	for _, m := range c.Method {
		m := lift.Method(strings.TrimSpace(m))
		r, err := test.Analyse(m, c.Level)
		if err == nil && c.Permutations > 0 {
			var p lift.Placebo
			p, err = test.Placebo(m, strata, c.Permutations, c.Seed)
			r.Placebo = &p
		}
		if err != nil {
			return usage("%s: %v", c.File, err)
		}
		if e.ctx.Err() != nil {
			return e.ctx.Err()
		}
		out.Results = append(out.Results, r)
	}
	out.Seconds = time.Since(start).Seconds()
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	return out.print(e.stdout)
}

func (c *liftGeo) read(e *env, out *geoReport) (*lift.GeoTest, []int, error) {
	test := &lift.GeoTest{}
	var err error
	if out.Pre, err = period("--pre", c.Pre); err != nil {
		return nil, nil, err
	}
	if out.Test, err = period("--test", c.Test); err != nil {
		return nil, nil, err
	}
	test.Pre, test.Test = out.Pre, out.Test
	err = e.readFile(c.File, func(r io.Reader) (err error) {
		test.Panel, out.Absent, err = lift.ReadPanel(r)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var strata []int
	err = e.readFile(c.Geos, func(r io.Reader) (err error) {
		test.Arms, strata, err = lift.ReadAssignment(r, test.Panel)
		return err
	})
	for _, a := range test.Arms {
		switch a {
		case lift.Treated:
			out.Treatment++
		case lift.Control:
			out.Control++
		default:
			out.Excluded++
		}
	}
	return test, strata, err
}

func (r geoReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%d treated and %d control regions, %d left out; test of %d days from %v, compared with the %d days up to %v.\n\n",
		r.Treatment, r.Control, r.Excluded, r.Test.Days(), r.Test.From, r.Pre.Days(), r.Pre.To)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "method\tcaused\tfrom\tto\tof expected\tspend added\treturn on it\tfrom\tto\tby chance\t")
	for _, x := range r.Results {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%s\t%.2f\t%s\t%s\t", x.Method, x.Lift.Value, x.Lift.Low, x.Lift.High, ofExpected(x.Lift.Value, x.Expected), x.Cost, ranged(x.IROAS, "%.3f"), chance(x.Placebo))
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCaused: sales of the treated regions that would not have come without the treatment, with an interval that holds it in %g of 100 such tests.\n", 100*r.Results[0].Lift.Level)
	fmt.Fprintln(out, "By chance: how often a pretended treatment shows at least as much; below 0.1 is some evidence, below 0.01 strong.")
	for _, x := range r.Results {
		if i := x.Iota; i != nil {
			fmt.Fprintf(out, "%s: %.3f of what the platform claims was caused (%.3f to %.3f).\n", x.Method, i.Value, i.Low, i.High)
		}
		warn(out, x.Method+": ", x.Warnings)
	}
	return nil
}

func ofExpected(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%+.2f %%", 100*part/whole)
}

// ranged is an estimate and its interval as three cells.
func ranged(e *lift.Estimate, format string) string {
	if e == nil {
		return "-\t-\t-"
	}
	return fmt.Sprintf(strings.Repeat(format+"\t", 2)+format, e.Value, e.Low, e.High)
}

func chance(p *lift.Placebo) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", p.P)
}

func warn(out io.Writer, before string, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(out, "%s%s.\n", before, w)
	}
}

type liftDesign struct {
	File     string  `arg:"" name:"file" help:"CSV with date, geo, sales, and cost where there is, a row a region and day. - for standard input."`
	Pre      string  `help:"First and last day to learn from; all of the file's where not given." placeholder:"A:B"`
	Days     int     `default:"28" help:"How long the test will be."`
	OneOf    int     `default:"2" help:"One region of so many alike is treated: 2 for half of them." placeholder:"N"`
	Method   string  `default:"tbr" help:"How it will be analysed: gbr, tbr, did or sc."`
	Level    float64 `default:"0.9" help:"Of the interval that is to show an effect."`
	Power    float64 `default:"0.8" help:"How often the effect is to be shown, where it is there."`
	IROAS    float64 `name:"iroas" help:"Return on spend that is to be told from nothing; the budget follows from it." placeholder:"R"`
	Placebos int     `default:"300" help:"How many tests are pretended."`
	Seed     uint64  `default:"1" help:"Of the draw; another one treats other regions."`
	Out      string  `help:"Write geo, group and pair to this file, for lift geo --geos." placeholder:"ASSIGN.csv"`
	JSON     bool    `name:"json" help:"One JSON object."`
}

func (*liftDesign) Help() string {
	return "Example: adsteward lift design sales.csv --days 28 --iroas 2.5 --out groups.csv"
}

func (c *liftDesign) Run(e *env) error {
	var panel *lift.Panel
	if err := e.readFile(c.File, func(r io.Reader) (err error) { panel, _, err = lift.ReadPanel(r); return err }); err != nil {
		return err
	}
	pre := lift.Period{From: panel.First, To: panel.First.AddDays(panel.Days() - 1)}
	if c.Pre != "" {
		var err error
		if pre, err = period("--pre", c.Pre); err != nil {
			return err
		}
	}
	d, err := panel.Design(pre, lift.DesignOptions{Days: c.Days, OneOf: c.OneOf, Method: lift.Method(c.Method), Level: c.Level, Power: c.Power, IROAS: c.IROAS, Placebos: c.Placebos, Seed: c.Seed})
	if err != nil {
		return usage("%s: %v", c.File, err)
	}
	if c.Out != "" {
		if err := c.write(d); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(e.stdout, d)
	}
	return printDesign(e.stdout, d)
}

func (c *liftDesign) write(d lift.Design) error {
	return writeWhole(c.Out, func(out io.Writer) error {
		w := csv.NewWriter(out)
		rows := [][]string{{"geo", "group", "pair"}}
		for _, r := range d.Regions {
			rows = append(rows, []string{r.Geo, r.Arm.String(), strconv.Itoa(r.Pair)})
		}
		return w.WriteAll(rows)
	})
}

func printDesign(out io.Writer, d lift.Design) error {
	var treated []string
	for _, r := range d.Regions {
		if r.Arm == lift.Treated {
			treated = append(treated, r.Geo)
		}
	}
	fmt.Fprintf(out, "Treat %d regions: %s.\n\n", len(treated), strings.Join(treated, ", "))
	fmt.Fprintf(out, "They make %.1f %% of the sales; day by day both groups go together with a correlation of %.3f.\n", 100*d.Share, d.Correlation)
	fmt.Fprintf(out, "A test of %d days like those before sells %.2f there without the treatment. By %d pretended tests, analysed by %s, an effect of\n", d.Days, d.Expected, d.Power.Placebos, d.Method)
	fmt.Fprintf(out, "%.2f %% (%.2f) would be shown in %.0f of 100 tests, and one where there is none in %.0f of 100.\n", 100*d.Power.Relative, d.Power.Total, 100*d.Power.Power, 100*d.Power.FalseAlarms)
	if d.Budget > 0 {
		fmt.Fprintf(out, "At the return aimed at this takes %.2f of spend added or taken away; as many days usually cost %.2f there.\n", d.Budget, d.Usual)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "effect\tshown in\t")
	for _, s := range d.Power.Curve {
		fmt.Fprintf(w, "%.2f %%\t%.0f of 100\t\n", 100*s.Relative, 100*s.Share)
	}
	return w.Flush()
}
