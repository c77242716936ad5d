package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/store"
)

// runView is one run with its stages.
type runView struct {
	Account, Date, URL, State, Reason string
	Started                           stamp
	Took                              string
	Done, Total                       int
	Live                              bool
	Stages                            []stageView
}

type stageView struct {
	Name, State, Summary, Error, Took string
	Class                             string // colour of its dot
	Attempt                           int
	Started                           stamp
}

// doneWithErrors is shown of a run or stage that is done and met errors on the way.
const doneWithErrors = "done_with_errors"

func (s *Server) runView(ctx context.Context, run store.Run, loc *time.Location) (runView, error) {
	stages, err := s.store.Stages(ctx, run.RunID)
	v := runView{Account: run.Account, Date: run.Date.Time().Format("Mon 2 Jan 2006"), URL: runURL(run), State: run.State, Reason: run.Reason,
		Started: stampOf(run.StartedAt, loc), Total: len(stages), Live: run.State == "running"}
	end := s.now()
	if run.FinishedAt.Valid {
		end = run.FinishedAt.Time
	}
	if !run.StartedAt.IsZero() {
		v.Took = present.Duration(end.Sub(run.StartedAt))
	}
	for _, st := range stages {
		sv := stageView{Name: present.Words(st.Stage), State: st.State, Summary: st.Summary, Error: st.Error, Attempt: st.Attempt, Class: stateClass(st.State)}
		if st.StartedAt.Valid {
			sv.Started = stampOf(st.StartedAt.Time, loc)
			switch {
			case st.FinishedAt.Valid:
				sv.Took = present.Duration(st.FinishedAt.Time.Sub(st.StartedAt.Time))
			case st.State == "running":
				sv.Took = present.Duration(s.now().Sub(st.StartedAt.Time))
			}
		}
		switch {
		case st.State == "done" && st.Error != "": // a platform, feed or file was left out: nobody should have to open the run to learn of it
			sv.State, sv.Class, v.Done = "done with errors", stateClass(doneWithErrors), v.Done+1
			if v.State == "done" {
				v.State = doneWithErrors
			}
		case st.State == "done", st.State == "skipped" && run.State != "failed": // after a failure they are skipped for it
			v.Done++
		}
		v.Stages = append(v.Stages, sv)
	}
	return v, err
}

func (s *Server) runs(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	runs, err := s.store.Runs(ctx, r.URL.Query().Get("account"), 60)
	if err != nil {
		return err
	}
	views := make([]runView, 0, len(runs))
	for _, run := range runs {
		loc, err := s.zone(ctx, run.Account)
		if err != nil {
			return err
		}
		v, err := s.runView(ctx, run, loc)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	s.render(w, r, http.StatusOK, "runs", page{Title: "Runs", Nav: "runs", Body: views})
	return nil
}

// runPage is a run with what it came to.
type runPage struct {
	Run      runView
	Figures  []pair
	Notes    []string
	Alerts   []alertRow
	Ads      bool // something is known of single ads
	Held     []heldRow
	HeldMore int
	// Told is when people were told of it, Untold why that did not arrive.
	Told   stamp
	Untold string
}

// heldRow is a change the night wanted and a guardrail refused.
type heldRow struct{ Name, Field, Old, Wanted, Change, Guard, Detail string }

// alertRow is one alert of a run.
type alertRow struct{ Name, Figure, Guard, Change, Since, Detail string }

func alertOf(a bidding.Alert) alertRow {
	row := alertRow{Name: a.Name, Figure: figureName(a.Figure), Guard: a.Guardrail, Change: present.SignedPercent(a.Change), Since: "–", Detail: a.Detail}
	if a.Ad != "" {
		row.Figure += " of the ad “" + a.Ad + "”"
	}
	if a.Guardrail == "stock" || a.Guardrail == "item_spend" || a.Guardrail == "audience_overlap" || a.Figure == "worn_ads" { // a share, not a change
		row.Change = present.Percent(a.Change)
	}
	if !a.Since.IsZero() {
		row.Since = a.Since.Time().Format("2 Jan 2006")
	}
	return row
}

// figureName is what people call a figure that is watched.
func figureName(figure string) string {
	switch figure {
	case "cac":
		return "cost per conversion"
	case "roas":
		return "ROAS"
	case "ctr", "ad_ctr":
		return "click-through rate"
	case "cpc":
		return "cost per click"
	case "ad_conversion_rate":
		return "conversion rate"
	case "worn_ads":
		return "spend on worn-out ads"
	case "stock":
		return "sales that stock or feed now stop"
	case "unfit_items":
		return "spend on items not fit to be advertised"
	case "losing_items":
		return "spend on items that lose money"
	case "cpm":
		return "cost per thousand impressions"
	case "shared_people":
		return "people in two audiences"
	}
	return strings.ReplaceAll(figure, "_", " ")
}

// mostHeld bounds the list of held-back changes on a page.
const mostHeld = 200

func (s *Server) findRun(r *request) (store.Run, *time.Location, error) {
	date, err := civil.Parse(r.PathValue("date"))
	if err != nil {
		return store.Run{}, nil, errNoPage
	}
	run, err := s.store.Run(r.Context(), r.PathValue("account")+"/"+date.String())
	if errors.Is(err, store.ErrNotFound) {
		return run, nil, &pageError{http.StatusNotFound, "There is no such run", "No night of that account and date is known."}
	}
	if err != nil {
		return run, nil, err
	}
	loc, err := s.zone(r.Context(), run.Account)
	return run, loc, err
}

func (s *Server) run(w http.ResponseWriter, r *request) error {
	run, loc, err := s.findRun(r)
	if err != nil {
		return err
	}
	v, err := s.runView(r.Context(), run, loc)
	if err != nil {
		return err
	}
	view := runPage{Run: v}
	if err := s.runModels(r.Context(), run, loc, &view); err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "run", page{Title: "Run of " + v.Date, Nav: "runs", Body: view})
	return nil
}

// runModels adds what the run stored of its plan as a whole.
func (s *Server) runModels(ctx context.Context, run store.Run, loc *time.Location, view *runPage) error {
	p, err := s.plan(ctx, run)
	if err != nil {
		return err
	}
	models, err := s.store.Models(ctx, run.RunID, "allocation")
	if err != nil {
		return err
	}
	var a bidding.Allocation
	for _, m := range models {
		if json.Unmarshal([]byte(m.Body), &a) != nil {
			continue
		}
		view.Figures = []pair{
			{"Expected gain", present.Signed(a.Gain, p.currency) + " " + p.currency + "/day", present.Interval(a.GainLow, a.GainHigh, p.currency)},
			{"Daily budgets", whole(a.Before, p.currency) + " → " + whole(a.After, p.currency) + " " + p.currency, ""},
			{"Limit kept to", whole(a.Total, p.currency) + " " + p.currency, ""},
			{"Next " + unitWord(p.currency) + " earns", present.Ratio(a.ShadowPrice), "shadow price"},
		}
		for _, b := range a.Binding {
			view.Notes = append(view.Notes, "What limits the plan: "+b+".")
		}
		view.Notes = append(view.Notes, a.Notes...)
	}
	if models, err = s.store.Models(ctx, run.RunID, "notice"); err != nil {
		return err
	}
	for _, m := range models {
		var n struct {
			At    time.Time `json:"at"`
			Error string    `json:"error"`
		}
		if json.Unmarshal([]byte(m.Body), &n) == nil {
			view.Told, view.Untold = stampOf(n.At, loc), n.Error
		}
	}
	if models, err = s.store.Models(ctx, run.RunID, "alert"); err != nil {
		return err
	}
	alerts, err := present.Alerts(models)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		view.Alerts = append(view.Alerts, alertOf(a))
	}
	if models, err = s.store.Models(ctx, run.RunID, adModel); err != nil {
		return err
	}
	view.Ads = len(models) > 0
	if models, err = s.store.Models(ctx, run.RunID, "blocked"); err != nil {
		return err
	}
	for _, m := range models {
		var held []bidding.Blocked
		if json.Unmarshal([]byte(m.Body), &held) != nil {
			continue
		}
		for _, h := range held {
			if len(view.Held) == mostHeld {
				view.HeldMore++
				continue
			}
			view.Held = append(view.Held, heldOf(h, p.currency))
		}
	}
	return nil
}

func heldOf(h bidding.Blocked, currency string) heldRow {
	f := string(h.Field)
	row := heldRow{Name: h.Name, Field: present.FieldName(f), Old: present.Number(f, h.Seen, currency),
		Wanted: present.Number(f, h.Wanted, currency), Change: present.Change(f, h.Seen, h.Wanted)}
	for _, v := range h.Verdicts {
		if v.Answer != "pass" { // the last one that objects is the one that decided
			row.Guard, row.Detail = v.Name, v.Detail
		}
	}
	return row
}

const (
	// livePoll is how often a live page looks at the database, and liveLimit how
	// long one stream lasts before the browser has to ask again with a session
	// that still holds.
	livePoll  = time.Second
	liveLimit = 10 * time.Minute
)

// runEvents streams the run's stages as they change: server-sent events whose
// data is JSON with the page's own block as HTML.
func (s *Server) runEvents(w http.ResponseWriter, r *request) error {
	run, loc, err := s.findRun(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), liveLimit)
	defer cancel()
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	last := ""
	for {
		if run, err = s.store.Run(ctx, run.RunID); err != nil {
			return nil // the stream has begun; the browser asks again
		}
		html, live, err := s.runFragment(ctx, run, loc)
		if err != nil {
			return nil
		}
		if html != last {
			data, _ := json.Marshal(map[string]any{"html": html, "live": live}) // strings and booleans always marshal
			if _, err := fmt.Fprintf(w, "event: run\ndata: %s\n\n", data); err != nil {
				return nil
			}
			if err := rc.Flush(); err != nil {
				return nil
			}
			last = html
		}
		if !live {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			return nil
		case <-tick.C:
		}
	}
}

func (s *Server) runFragment(ctx context.Context, run store.Run, loc *time.Location) (html string, live bool, err error) {
	v, err := s.runView(ctx, run, loc)
	if err != nil {
		return "", false, err
	}
	html, err = s.fragment("run", "stages", v)
	return html, v.Live, err
}
