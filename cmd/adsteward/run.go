package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
)

type runCmd struct {
	Date    string   `help:"The date to run, YYYY-MM-DD; today at the shop where not given." placeholder:"D"`
	Account string   `help:"Only this account." placeholder:"A"`
	Stage   []string `help:"Only these stages, even where done: pull, feeds, attribute, value, curves, propose, approve, push, audiences, measure." placeholder:"S"`
	DryRun  bool     `help:"Pull and compute, print what would be proposed, store no proposal and send nothing."`
	JSON    bool     `name:"json" help:"One JSON document: runs, and with --dry-run proposals."`
}

func (c *runCmd) Help() string {
	return "Example for cron: 30 4 * * * adsteward run --config /etc/adsteward/adsteward.yaml"
}

func (c *runCmd) Run(e *env) error {
	stages, err := c.stages()
	if err != nil {
		return err
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	nights, err := c.nights(a)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.dryRun(e, a, nights)
	}
	left := leftOver(a.steward.FinishLeft(e.ctx, actor()))
	return errors.Join(e.runNights(a, nights, stages, c.JSON), left)
}

// leftOver is what could not be finished of an earlier process's pushes.
func leftOver(outs []bidding.Outcome) error {
	var faults []error
	for _, o := range outs {
		if o.Err != nil {
			faults = append(faults, fmt.Errorf("left by an earlier push: %s: %w", o.ID, o.Err))
		}
	}
	return errors.Join(faults...)
}

func (c *runCmd) stages() ([]nightly.Stage, error) {
	var out []nightly.Stage
	for _, s := range nightly.Stages {
		if slices.Contains(c.Stage, string(s)) {
			out = append(out, s)
		}
	}
	for _, s := range c.Stage {
		if !slices.Contains(nightly.Stages, nightly.Stage(s)) {
			return nil, usage("--stage %q is no stage; the stages are %v", s, nightly.Stages)
		}
	}
	return out, nil
}

// oneNight is one shop and date to be run.
type oneNight struct {
	account string
	date    civil.Date
}

func (c *runCmd) nights(a *app) ([]oneNight, error) {
	var out []oneNight
	for _, acc := range a.cfg.Accounts {
		if c.Account != "" && c.Account != acc.Name {
			continue
		}
		today := civil.Of(a.steward.Now().In(acc.Location()))
		date := today
		if c.Date != "" {
			d, err := civil.Parse(c.Date)
			if err != nil {
				return nil, usage("--date: %v", err)
			}
			date = d
		}
		if date > today {
			return nil, usage("--date %s lies in the future; at account %s it is %s", date, acc.Name, today)
		}
		out = append(out, oneNight{acc.Name, date})
	}
	if len(out) == 0 {
		return nil, usage("--account %q is not in %s", c.Account, a.cfg.File())
	}
	return out, nil
}

// runNights puts nights into the queue, works on it until they are over, and
// says how they went.
func (e *env) runNights(a *app, nights []oneNight, stages []nightly.Stage, asJSON bool) error {
	if err := e.work(a, nights, stages); err != nil {
		return err
	}
	return e.reportNights(a, nights, asJSON)
}

func (e *env) work(a *app, nights []oneNight, stages []nightly.Stage) (err error) {
	q, err := nightly.OpenQueue(e.ctx, a.steward)
	if err != nil {
		return &unreachable{err}
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	waiting := 0
	for _, n := range nights {
		begun, err := q.Enqueue(e.ctx, n.account, n.date, stages, "command")
		if err != nil {
			return err
		}
		if begun {
			waiting++
		}
	}
	if waiting == 0 {
		return nil
	}
	if e.terminal() {
		bar := progressbar.NewOptions(len(nightly.Stages)*len(nights), progressbar.OptionSetWriter(e.stderr), progressbar.OptionClearOnFinish())
		q.Done = func(account string, stage nightly.Stage) {
			bar.Describe(account + " " + string(stage))
			_ = bar.Add(1) // a terminal that cannot be drawn on is no fault of the night
		}
		defer func() { _ = bar.Finish() }()
	}
	if err := q.Start(e.ctx); err != nil {
		return &unreachable{err}
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, q.Stop(stop))
	}()
	for waiting > 0 {
		if err := e.awaitNights(a, q, nights); err != nil {
			return err
		}
		if waiting, err = e.goOn(a, q, nights, stages); err != nil {
			return err
		}
	}
	return nil
}

// goOn puts back into the queue what was asked for and waits still although the run is
// over: somebody who asked for single stages of it meanwhile has closed it. It returns
// how many nights go on.
func (e *env) goOn(a *app, q *nightly.Queue, nights []oneNight, stages []nightly.Stage) (begun int, err error) {
	for _, n := range nights {
		rows, err := a.store.Stages(e.ctx, nightly.RunID(n.account, n.date))
		if err != nil {
			return begun, err
		}
		var left []nightly.Stage
		for _, r := range rows {
			if st := nightly.Stage(r.Stage); r.State == nightly.Waiting && (stages == nil || slices.Contains(stages, st)) {
				left = append(left, st)
			}
		}
		if len(left) == 0 {
			continue
		}
		on, err := q.Enqueue(e.ctx, n.account, n.date, left, "command")
		if err != nil {
			return begun, err
		}
		if on {
			begun++
		}
	}
	return begun, nil
}

// awaitNights returns when every run has come to its end.
func (e *env) awaitNights(a *app, q *nightly.Queue, nights []oneNight) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for _, n := range nights {
		for {
			r, err := a.store.Run(e.ctx, nightly.RunID(n.account, n.date))
			if err != nil && e.ctx.Err() == nil {
				return &unreachable{fmt.Errorf("%w; the next run goes on where this one stopped", err)}
			}
			if err != nil {
				return err
			}
			if r.State != nightly.Running {
				break
			}
			select {
			case <-e.ctx.Done():
				return fmt.Errorf("interrupted; the next run goes on where this one stopped: %w", e.ctx.Err())
			case err := <-q.Broken:
				return fmt.Errorf("the run cannot go on: %w; the next run goes on where this one stopped", err)
			case <-tick.C:
			}
		}
	}
	return nil
}

// reportNights prints the stages and makes an error of what went wrong.
func (e *env) reportNights(a *app, nights []oneNight, asJSON bool) error {
	rows, fault, err := e.ended(a, nights)
	if err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(e.stdout, map[string]any{"runs": rows}); err != nil {
			return err
		}
	} else {
		printStages(e, rows)
	}
	return fault
}

// ended is what became of nights, stage by stage, and as one error what went wrong.
func (e *env) ended(a *app, nights []oneNight) (rows []present.StageRow, fault, err error) {
	var faults []string
	kind := ""
	for _, n := range nights {
		id := nightly.RunID(n.account, n.date)
		r, err := a.store.Run(e.ctx, id)
		if err != nil {
			return nil, nil, err
		}
		stages, err := a.store.Stages(e.ctx, id)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, present.StageRows(r, stages)...)
		for _, s := range stages {
			kind = gravest(kind, s.Fault)
			if s.Error != "" {
				faults = append(faults, fmt.Sprintf("%s, stage %s: %s", id, s.Stage, oneLine(errors.New(s.Error))))
			}
		}
	}
	return rows, nightFault(faults, kind), nil
}

// gravest orders the kinds of fault by the exit code they lead to.
func gravest(a, b string) string {
	order := []string{"", nightly.FaultOther, nightly.FaultInput, nightly.FaultRefused, nightly.FaultUnreachable}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// nightFault turns what stages recorded into one line and its exit code.
func nightFault(faults []string, kind string) error {
	msg := strings.Join(faults, "; ")
	switch kind {
	case "":
		return nil
	case nightly.FaultUnreachable:
		return &unreachable{errors.New(msg)}
	case nightly.FaultInput:
		return usage("%s", msg)
	}
	return &findings{msg} // a refused item is a finding of a night that is done
}

func printStages(e *env, rows []present.StageRow) {
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ACCOUNT\tDATE\tSTAGE\tSTATE\tWHAT")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Account, r.Date, r.Stage, r.State, r.Summary)
	}
	_ = w.Flush() // e.stdout's faults show in the shell
}

// dryRun computes without storing proposals or sending anything.
func (c *runCmd) dryRun(e *env, a *app, nights []oneNight) error {
	drafts := []present.Proposal{}
	var faults error
	for _, n := range nights {
		out, partial, err := a.steward.DryRun(e.ctx, n.account, n.date)
		if err != nil {
			return err
		}
		faults = errors.Join(faults, partial)
		for _, d := range out.Drafts {
			row, err := nightly.DraftRow(n.account, d)
			if err != nil {
				return err
			}
			p, err := present.ProposalJSON(row)
			if err != nil {
				return err
			}
			drafts = append(drafts, p)
		}
	}
	if c.JSON {
		return errors.Join(printJSON(e.stdout, map[string]any{"proposals": drafts}), faults)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PLATFORM\tENTITY\tFIELD\tNOW\tWOULD PROPOSE\tGAIN A DAY")
	for _, p := range drafts {
		gain := present.None // of what promises none
		if p.Expected.Level > 0 {
			gain = fmt.Sprintf("%+.2f", p.Expected.GainPerDay)
		}
		field := string(p.Field)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", present.PlatformName(string(p.Platform)), p.Entity.Name, present.FieldName(field), present.Number(field, p.Seen, p.Currency),
			present.Value(field, p.Proposed, p.Currency), gain)
	}
	fmt.Fprintf(w, "%d proposals; no proposal was stored, nothing was sent.\n", len(drafts))
	return errors.Join(w.Flush(), faults)
}
