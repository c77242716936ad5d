package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
)

type ltvCmd struct {
	File           string   `arg:"" name:"file" help:"CSV with customer_id, date and value, one row an order; - for standard input."`
	Model          string   `enum:"nbd,bgnbd,mbgnbd,paretonbd,auto" default:"bgnbd" help:"bgnbd, mbgnbd, paretonbd, nbd (nobody ever leaves), or auto: the one that foresees the last third of the observation best."`
	ObserveUntil   string   `help:"Fit to orders on or before this day and compare the forecast with those after it." placeholder:"D"`
	Unit           string   `enum:"day,week" default:"day" help:"Unit of time of parameters, recency and age: day or week."`
	HorizonDays    int      `default:"365" help:"How far ahead orders and value are counted, in days whatever the unit."`
	DiscountAnnual float64  `default:"0.1" help:"Yearly rate, whatever the unit; each order is discounted from its own day, continuously, not at the end of a month."`
	Margin         float64  `default:"1" help:"Contribution margin as a share of an order's value, such as 0.42: clv and its bounds count that much of the revenue. The models are fitted to revenue."`
	SpendOrders    string   `enum:"repeat,all" default:"repeat" help:"Orders Gamma-Gamma learns from: repeat (without the first) or all."`
	Cost           string   `help:"Instead of --margin: a column with what each order cost (goods, shipping, fees) in the currency of value. clv counts each customer's own margin as far as its orders tell, else the mean, and never less than nothing." placeholder:"COLUMN"`
	Covariates     []string `help:"What the rates of ordering and leaving may depend on, separated by commas: first_value (logarithm of the first order's value) or columns of the file, taken from each customer's first order. Numbers are standardised; text counts against its most common level, rare levels together." placeholder:"NAME"`
	By             string   `help:"Also what each group of customers will bring, with an interval of its own: a column of the file, taken from each customer's first order." placeholder:"COLUMN"`
	Customers      string   `help:"Write each customer's figures to this file; clv_low to clv_high holds what the customer will bring with 80 % probability." placeholder:"OUT.csv"`
	JSON           bool     `name:"json" help:"One JSON object."`
}

func (c *ltvCmd) Help() string {
	return "Example: adsteward ltv orders.csv --model auto --observe-until 2025-09-30 --unit week --customers out.csv"
}

func (c *ltvCmd) question(start time.Time) (ltv.Question, error) {
	q := ltv.Question{Model: ltv.Model(c.Model), Unit: c.Unit, Horizon: c.HorizonDays, Discount: c.DiscountAnnual,
		Margin: c.Margin, Cost: c.Cost, Covariates: c.Covariates, By: c.By,
		SpendAll: c.SpendOrders == "all", PerCustomer: c.Customers != "", Rand: rand.New(rand.NewPCG(1, 1)), Clock: func() time.Duration { return time.Since(start) }}
	if c.HorizonDays < 1 || c.HorizonDays > 36500 {
		return q, usage("--horizon-days is %d; give 1 to 36500", c.HorizonDays)
	}
	if !(c.DiscountAnnual >= 0 && c.DiscountAnnual <= 10) {
		return q, usage("--discount-annual is %g; give 0 to 10, such as 0.1 for 10 %% a year", c.DiscountAnnual)
	}
	if !(c.Margin > 0 && c.Margin <= 1) {
		return q, usage("--margin is %g; give a share of an order's value above 0 and up to 1, such as 0.42", c.Margin)
	}
	if c.Cost != "" && c.Margin != 1 {
		return q, usage("--margin and --cost both say what an order leaves; give one of them")
	}
	if c.ObserveUntil != "" {
		d, err := civil.Parse(c.ObserveUntil)
		if err != nil {
			return q, usage("--observe-until: %v", err)
		}
		q.Observe = d
	}
	return q, nil
}

func (c *ltvCmd) Run(e *env) error {
	start := time.Now()
	q, err := c.question(start)
	if err != nil {
		return err
	}
	orders, err := c.read(e.stdin, &q)
	if err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	a, err := ltv.Analyse(orders, q)
	var refused *ltv.Refused
	if errors.As(err, &refused) {
		return usage("%s: %v", c.File, err)
	}
	if err != nil {
		return err
	}
	if c.Customers != "" {
		if err := writeWhole(c.Customers, func(w io.Writer) error { return ltv.WriteCustomers(w, a.Rows) }); err != nil {
			return err
		}
	}
	a.Seconds["read"], a.Seconds["total"] = read, time.Since(start).Seconds()
	if c.JSON {
		return printJSON(e.stdout, a)
	}
	return printAnswer(e.stdout, a)
}

// read reads the orders, and, in a second pass, the columns the question is about.
func (c *ltvCmd) read(in io.Reader, q *ltv.Question) (*ltv.OrderLog, error) {
	columns := slices.DeleteFunc(slices.Clone(c.Covariates), func(name string) bool { return name == ltv.FirstValue })
	if c.By != "" && !slices.Contains(columns, c.By) {
		columns = append(columns, c.By)
	}
	second := len(columns) > 0 || c.Cost != ""
	var again io.Reader
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer f.Close() // read only
		in = f
		if second {
			g, err := os.Open(c.File)
			if err != nil {
				return nil, usage("%v", err)
			}
			defer g.Close() // read only
			again = g
		}
	} else if second {
		body, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		in, again = bytes.NewReader(body), bytes.NewReader(body)
	}
	orders, err := ltv.ReadOrders(in)
	if err == nil && again != nil {
		q.Columns, err = ltv.ReadColumns(again, columns, c.Cost)
	}
	if err != nil {
		return nil, usage("%s: %v", c.File, err)
	}
	return orders, nil
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return usage("cannot write %s: it is not a file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return usage("cannot write %s: %v", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func printAnswer(out io.Writer, a *ltv.Answer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s on %d customers, unit %s, log-likelihood %.4f\n", a.Model.Title(), a.Customers, a.Unit, a.LogLikelihood)
	if a.Why != "" {
		fmt.Fprintln(w, a.Why)
		printChoice(w, a.Choice)
	}
	fmt.Fprintf(w, "Parameters, time in %ss:\n", a.Unit)
	for _, n := range a.Model.Names() {
		fmt.Fprintf(w, "  %s\t%.6g", n, a.Params.Of(n))
		if se, ok := a.SE[n]; ok {
			fmt.Fprintf(w, "\t(standard error %.4g)", se)
		}
		fmt.Fprintln(w)
	}
	if g := a.GammaGamma; g.P != nil {
		fmt.Fprintf(w, "Gamma-Gamma on %d customers: p %.6g, q %.6g, v %.6g, log-likelihood %.4f, mean order %.4g\n", g.Customers, *g.P, *g.Q, *g.V, *g.LogLikelihood, g.Mean)
	} else {
		fmt.Fprintf(w, "Mean order %.4g over %d customers, without Gamma-Gamma\n", g.Mean, g.Customers)
	}
	if a.Margin != 1 {
		fmt.Fprintf(w, "What customers bring is counted as contribution margin, %.4g %% of revenue on average\n", 100*a.Margin)
	}
	if c := a.Covariates; c != nil {
		printCovariates(w, a.Model, c)
	}
	if len(a.Totals) > 0 {
		fmt.Fprintln(w, "What customers will bring within the horizon, discounted, with 80 % intervals:")
	}
	for _, t := range a.Totals {
		fmt.Fprintf(w, "  %s\t%d customers\t%.2f\t(%.2f to %.2f)\n", cmp.Or(t.Group, "(none)"), t.Customers, t.Value, t.Low, t.High)
	}
	if h := a.Holdout; h != nil {
		printHoldout(w, h)
	}
	for _, warning := range a.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	return w.Flush()
}

func printChoice(w io.Writer, candidates []ltv.Candidate) {
	fmt.Fprintln(w, "Tried, with the mean log-probability they gave each customer's orders of the held-out days:")
	for _, c := range candidates {
		fmt.Fprintf(w, "  %s\tlog-likelihood %.4f", c.Model.Title(), c.LogLikelihood)
		switch {
		case c.AtBoundary:
			fmt.Fprint(w, "\tat its boundary, the NBD")
		case c.Score != nil:
			fmt.Fprintf(w, "\theld out %.5f", *c.Score)
		}
		fmt.Fprintln(w)
	}
}

func printCovariates(w io.Writer, m ltv.Model, c *ltv.CovariateFit) {
	leaving := "on leaving"
	if m == ltv.BGNBD || m == ltv.MBGNBD {
		leaving = "on how alike customers are in leaving"
	}
	fmt.Fprintln(w, "Effects, of one standard deviation of a number, of a level against the most common one:")
	effect := func(what, name string, effects, se map[string]float64) {
		v, ok := effects[name]
		if !ok {
			return
		}
		fmt.Fprintf(w, "\t%s %+.4f", what, v)
		if s, ok := se[name]; ok {
			fmt.Fprintf(w, " (standard error %.4f)", s)
		}
	}
	for _, name := range c.Names {
		fmt.Fprint(w, "  ", name)
		effect("on the rate of orders", name, c.Orders, c.SE.Orders)
		effect(leaving, name, c.Leaving, c.SE.Leaving)
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, c.Verdict)
}

func printHoldout(w io.Writer, h *ltv.Holdout) {
	fmt.Fprintf(w, "Holdout of %d days: orders %.0f expected, %.0f came; value %.2f expected, %.2f came\n", h.Days, h.PredictedOrders, h.ActualOrders, h.PredictedValue, h.ActualValue)
	fmt.Fprintf(w, "  by customer: mean error %.3f orders, correlation %.3f, rank correlation %.3f, log score %.4f, %.0f %% of values in their 80 %% interval\n", h.MAE, h.Correlation, h.Spearman, h.LogScore, 100*h.Coverage80)
	if h.ValueGini != nil && h.ValueGiniPastSpend != nil {
		fmt.Fprintf(w, "  ranking by expected value goes %.3f of the way from chance to the perfect order (value Gini); ranking by past spend %.3f\n", *h.ValueGini, *h.ValueGiniPastSpend)
	}
}
