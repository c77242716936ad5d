package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"adsteward/attribution"
)

type attributionCmd struct {
	File   string   `arg:"" name:"file" help:"CSV with path and total_conversions, and total_conversion_value and total_null where there are; - for standard input."`
	Models []string `help:"last_click, first_click, last_non_direct, linear, time_decay, position, shapley, markov; all of these where not given. Also shapley_rate: what each channel adds to the conversion rate, which may be less than nothing." placeholder:"M"`
	Order  []int    `default:"1" help:"Order of the Markov model, or several: 1,2,3." placeholder:"N"`
	modelFlags
	Separator string `default:">" help:"What stands between the channels of a path."`
	JSON      bool   `name:"json" help:"One JSON object."`
}

func (c *attributionCmd) Help() string {
	return "Example: adsteward attribution journeys.csv --models last_click,linear,markov --order 2. Over the shop's own stored orders: adsteward journeys."
}

// modelFlags are those of the models, wherever the journeys come from.
type modelFlags struct {
	HalfLife        float64   `help:"After how much a touch weighs half in time_decay: in touches for a file of paths (default 1), in days for stored journeys (default 7)." placeholder:"H"`
	PositionWeights []float64 `help:"Shares of the first and the last touch in position; those between share the rest." placeholder:"F,L" default:"0.4,0.4"`
	Intervals       bool      `help:"Also the 90 % interval of each channel's share, by drawing the journeys anew 200 times."`
}

// repetitions of the journeys are drawn for intervals.
const repetitions = 200

// options are the flags as the models take them.
func (f *modelFlags) options() (attribution.Options, error) {
	o := attribution.Options{HalfLife: f.HalfLife, Keep: f.Intervals}
	if len(f.PositionWeights) != 2 {
		return o, usage("--position-weights has %d numbers; give two, as 0.4,0.4", len(f.PositionWeights))
	}
	o.First, o.Last = f.PositionWeights[0], f.PositionWeights[1]
	if o.First == 0 && o.Last == 0 {
		return o, usage("--position-weights are both 0; give the first or the last touch a share")
	}
	if err := o.Validate(); err != nil {
		return o, usage("%v", err)
	}
	return o, nil
}

// attributionReport is the JSON of attribution.
type attributionReport struct {
	Models []attribution.Result `json:"models"`
	attribution.Totals
	Seconds float64 `json:"seconds"`
}

func (c *attributionCmd) Run(e *env) error {
	start := time.Now()
	if err := c.check(); err != nil {
		return err
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	journeys, err := c.read(e, o)
	if err != nil {
		return err
	}
	out := attributionReport{Models: []attribution.Result{}, Totals: journeys.Totals()}
	for _, model := range c.Models {
		orders := c.Order
		if model != "markov" {
			orders = []int{0}
		}
		for _, order := range orders {
			res, err := journeys.Attribute(e.ctx, model, order)
			if errors.Is(err, context.Canceled) {
				return err
			}
			if err != nil {
				return usage("%s: %v", c.File, err)
			}
			out.Models = append(out.Models, res)
		}
	}
	if c.Intervals {
		if err := journeys.Intervals(e.ctx, out.Models, repetitions); err != nil {
			return err
		}
	}
	out.Seconds = time.Since(start).Seconds()
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	return out.print(e.stdout)
}

// check completes the flags and says what cannot be.
func (c *attributionCmd) check() error {
	if len(c.Models) == 0 {
		c.Models = attribution.Models()
	}
	var models []string
	for _, m := range c.Models {
		m = strings.TrimSpace(m)
		if !slices.Contains(attribution.AllModels(), m) {
			return usage("--models: there is no model %q; choose among %s", m, strings.Join(attribution.AllModels(), ", "))
		}
		if !slices.Contains(models, m) {
			models = append(models, m)
		}
	}
	c.Models = models
	for _, order := range c.Order {
		if order < 1 || order > attribution.MaxOrder {
			return usage("--order is %d; give 1 to %d", order, attribution.MaxOrder)
		}
	}
	if c.Separator == "" {
		return usage("--separator is empty; give what stands between channels, as >")
	}
	return nil
}

// read counts the journeys and reports the rows that were left out.
func (c *attributionCmd) read(e *env, o attribution.Options) (*attribution.Journeys, error) {
	in := e.stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer f.Close() // read only
		in = f
	}
	if slices.Contains(c.Models, "markov") {
		o.Order = slices.Max(c.Order)
	}
	o.Sets = slices.Contains(c.Models, "shapley_rate")
	journeys, left, err := attribution.ReadCSV(e.ctx, in, c.Separator, o)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if err != nil {
		return nil, usage("%s: %v", c.File, err)
	}
	if left.Rows > 0 {
		fmt.Fprintf(e.stderr, "adsteward: %s: rows left out because their path holds no channel: %d, on line %s\n", c.File, left.Rows, lines(left))
	}
	return journeys, nil
}

func lines(left attribution.LeftOut) string {
	s := strings.Trim(fmt.Sprint(left.Lines), "[]")
	s = strings.ReplaceAll(s, " ", ", ")
	if left.Rows > len(left.Lines) {
		s += " and others"
	}
	return s
}

// print writes a table for people: a row per channel, a column per model.
func (r attributionReport) print(out io.Writer) error {
	r.table(out, "conversions", "%.2f", func(c attribution.Credit) *float64 { return &c.Conversions })
	if r.Value > 0 {
		r.table(out, "value", "%.2f", func(c attribution.Credit) *float64 { return &c.Value })
	}
	r.shares(out)
	r.table(out, "removal effect", "%.4f", func(c attribution.Credit) *float64 { return c.RemovalEffect })
	_, err := fmt.Fprintf(out, "%.10g journeys, %.10g conversions, value %.2f. Credit is no proof that a channel caused an order; experiments are.\n",
		r.Journeys, r.Conversions, r.Value)
	return err
}

// table writes one figure of the models that have it.
func (r attributionReport) table(out io.Writer, title, format string, figure func(attribution.Credit) *float64) {
	models := slices.DeleteFunc(slices.Clone(r.Models), func(m attribution.Result) bool { return figure(m.Channels[0]) == nil })
	if len(models) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, title, "\t")
	for _, m := range models {
		fmt.Fprint(w, m.Model)
		if m.Order != nil {
			fmt.Fprint(w, " ", *m.Order)
		}
		fmt.Fprint(w, "\t")
	}
	fmt.Fprintln(w)
	for i, c := range models[0].Channels {
		fmt.Fprint(w, c.Channel, "\t")
		for _, m := range models {
			fmt.Fprintf(w, format+"\t", *figure(m.Channels[i]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	w.Flush() // where out fails, the last line tells
}

// shares writes the intervals, where there are any.
func (r attributionReport) shares(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	some := false
	for _, m := range r.Models {
		for _, c := range m.Channels {
			if s := c.ConversionShare; s != nil {
				if !some {
					fmt.Fprintln(w, "SHARE OF CONVERSIONS\tMODEL\tSHARE\t90 % INTERVAL")
				}
				some = true
				fmt.Fprintf(w, "%s\t%s\t%.1f %%\t%.1f to %.1f %%\n", c.Channel, m.Model, 100*s.Share, 100*s.Low, 100*s.High)
			}
		}
	}
	if some {
		fmt.Fprintln(w)
		w.Flush() // where out fails, the last line tells
	}
}
