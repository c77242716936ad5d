package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"adsteward/bidding/allocate"
)

type allocateCmd struct {
	Problem string `arg:"" name:"problem" help:"A JSON file, - for standard input."`
	JSON    bool   `name:"json" help:"One JSON object."`
}

// Help is shown by allocate --help.
func (allocateCmd) Help() string {
	return `Maximises the sum of worth * value(spend) - spend within the bounds. The problem is

  {"total": 1000, "items": [
    {"id": "search", "min": 0, "max": 800, "worth": 0.4, "curve": {"type": "hill", "coef": 6000, "alpha": 0.9, "gamma": 400}},
    {"id": "social", "min": 0, "max": 800, "worth": 0.4, "curve": {"type": "power", "coef": 90, "elasticity": 0.7}}]}

total may be null for no limit; "spend_all": true makes it an equality; "groups": [{"name", "ids", "min", "max"}] bounds sums.
Curves: hill (coef, alpha, gamma, shift), power (coef, elasticity), binormal (cap_spend, cap_value, sigma), points (spend, value).

Where a curve is not known for sure, it may list what it could be: "draws": [{"coef": 80}, {"coef": 95, "worth": 0.35}, ...] beside its
parameters, equally many in each curve that has any; draw j of all of them is one possible truth. "risk": {"objective": "mean", "level": 0.2}
says what is maximised: mean, the mean profit; quantile, what it falls below with the probability level; cvar, the mean of the worst
level of the draws.

Example: adsteward allocate problem.json --json`
}

// allocation is the JSON of allocate. A number that is not finite is null.
type allocation struct {
	Objective   float64        `json:"objective"`
	Spend       float64        `json:"spend"`
	ShadowPrice *float64       `json:"shadow_price"`
	Items       []allocatedRow `json:"items"`
	Status      string         `json:"status"`
	Binding     []string       `json:"binding"`
	Risk        *riskFigures   `json:"risk,omitempty"` // where there are draws
	Seconds     float64        `json:"seconds"`        // of solving; not of reading the file
}

// riskFigures is what the spends may earn. Gap is how much more the optimum of
// the objective could be at most; 0: it is the optimum.
type riskFigures struct {
	Objective string  `json:"objective"`
	Level     float64 `json:"level"`
	Mean      float64 `json:"mean"`
	Quantile  float64 `json:"quantile"`
	CVaR      float64 `json:"cvar"`
	Gap       float64 `json:"gap"`
}

type allocatedRow struct {
	ID       string   `json:"id"`
	Spend    float64  `json:"spend"`
	Value    float64  `json:"value"`
	Marginal *float64 `json:"marginal"`
}

func (c *allocateCmd) Run(e *env) error {
	text, p, err := c.problem(e)
	if err != nil {
		return err
	}
	start := time.Now()
	sol, err := allocate.SolveContext(e.ctx, p)
	if e.ctx.Err() != nil {
		return c.interrupted(e)
	}
	if err != nil {
		return usage("%s: %v", c.Problem, allocate.Place(text, p, err))
	}
	out := allocated(p, sol)
	out.Seconds = time.Since(start).Seconds()
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	return out.print(e.stdout)
}

// problem reads the problem for as long as the command is wanted: standard input
// need not end, and a large file takes seconds.
func (c *allocateCmd) problem(e *env) ([]byte, allocate.Problem, error) {
	type result struct {
		text []byte
		p    allocate.Problem
		err  error
	}
	read := make(chan result, 1)
	go func() {
		text, err := c.read(e.stdin)
		if err != nil {
			read <- result{err: usage("the problem cannot be read: %v; name a JSON file, or - for standard input", err)}
			return
		}
		p, err := allocate.Read(text)
		if err != nil {
			err = usage("%s: %v", c.Problem, err)
		}
		read <- result{text, p, err}
	}()
	select {
	case r := <-read:
		return r.text, r.p, r.err
	case <-e.ctx.Done():
		return nil, allocate.Problem{}, c.interrupted(e)
	}
}

func (c *allocateCmd) interrupted(e *env) error {
	return fmt.Errorf("%s: interrupted, so there is no allocation: %w", c.Problem, e.ctx.Err())
}

func (c *allocateCmd) read(stdin io.Reader) ([]byte, error) {
	if c.Problem == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(c.Problem)
}

func allocated(p allocate.Problem, sol allocate.Solution) allocation {
	out := allocation{Objective: sol.Objective, ShadowPrice: finite(sol.ShadowPrice), Items: make([]allocatedRow, len(p.Items)), Status: sol.Status,
		Binding: make([]string, len(sol.Binding))}
	for i, b := range sol.Binding {
		out.Binding[i] = b.String()
	}
	if r := sol.Risk; r != nil {
		out.Risk = &riskFigures{r.Objective, r.Level, r.Mean, r.Quantile, r.CVaR, sol.Gap}
	}
	for i, it := range p.Items {
		x := sol.Spend[i]
		out.Spend += x
		value, marginal := it.Expect(x, sol.Weights)
		out.Items[i] = allocatedRow{ID: it.ID, Spend: x, Value: value, Marginal: finite(marginal)}
	}
	return out
}

// finite is what JSON can say of a number.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (a allocation) print(out io.Writer) error {
	number := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.4g", *v)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "item\tspend\tvalue\tmarginal")
	for _, it := range a.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(it.ID), digits(it.Spend), digits(it.Value), number(it.Marginal))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nSpend %s, objective %s; the next unit of money earns %s. %s.\n", digits(a.Spend), digits(a.Objective), number(a.ShadowPrice), a.Status)
	if r := a.Risk; r != nil && err == nil {
		_, err = fmt.Fprintf(out, "Over the draws it earns %s on average, at most %s with probability %g, and %s on average in the worst %.4g %%.\n",
			digits(r.Mean), digits(r.Quantile), r.Level, digits(r.CVaR), 100*r.Level)
	}
	for _, b := range a.Binding {
		if err == nil {
			_, err = fmt.Fprintln(out, "binding:", b)
		}
	}
	return err
}

// digits has two decimals, and where these would be 0 for an amount that is not,
// its first digits.
func digits(v float64) string {
	if v != 0 && math.Abs(v) < 0.005 {
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// printable is an id as a table can have it: quoted where it would break the line
// or speak to the terminal.
func printable(id string) string {
	if strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(id)
	}
	return id
}
