package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

func (d *fakeDesk) DraftExperiment(_ context.Context, r attribution.ExperimentRequest) (attribution.ExperimentDraft, error) {
	if r.Campaign == "google:2" {
		return attribution.ExperimentDraft{}, errors.New("the campaign shares its budget with others")
	}
	cost, sd, mde := 812.5, 0.14, 0.35
	p := attribution.ExperimentPlan{Kind: r.Kind, Name: "Brand down", Campaigns: []string{r.Campaign}, Start: testDay.AddDays(1), Days: 70, Seed: 77,
		Switchback: &attribution.SwitchbackPlan{Platform: "google", AdAccount: "1234567890", EntityType: "budget", EntityID: "b1", EntityName: "Brand", Currency: "EUR",
			On: 60 * money.One, Off: 6 * money.One, BlockDays: 7, Washout: 2}}
	if r.Seed != 0 {
		p.Seed = r.Seed
	}
	return attribution.ExperimentDraft{Plan: p, Forecast: attribution.ExperimentForecast{Currency: "EUR", Cost: &cost, CostLow: 500, CostHigh: 1100, SD: &sd, Detectable: &mde, Within: 0.23,
		Level: 0.9, Power: 0.8, Notes: []string{"Turned down, the platform is expected to report 540 EUR a day less."}}}, nil
}

func (d *fakeDesk) PlanExperiment(ctx context.Context, actor string, r attribution.ExperimentRequest) (store.Experiment, error) {
	draft, err := d.DraftExperiment(ctx, r)
	if err != nil {
		return store.Experiment{}, err
	}
	d.called("plan %s %s %s %d", actor, r.Kind, r.Campaign, r.Seed)
	return storedExperiment(draft, "planned"), d.store.InsertExperiment(ctx, storedExperiment(draft, "planned"))
}

func storedExperiment(d attribution.ExperimentDraft, state string) store.Experiment {
	plan, _ := json.Marshal(d.Plan)
	forecast, _ := json.Marshal(d.Forecast)
	return store.Experiment{ExperimentID: "e1e1e1e1", Account: shop, Kind: string(d.Plan.Kind), Name: d.Plan.Name, State: state, Plan: string(plan), PlanHash: d.Plan.Hash(),
		Starts: d.Plan.Start, Ends: d.Plan.End(), CreatedBy: "mira", CreatedAt: testNow, Forecast: string(forecast), UpdatedAt: testNow}
}

func (d *fakeDesk) step(ctx context.Context, what, actor, id, extra string) (store.Experiment, error) {
	d.called("%s %s %s %s", what, actor, id, extra)
	if extra == "" {
		return store.Experiment{}, errors.New("it wants a reason")
	}
	return d.store.Experiment(ctx, id)
}

func (d *fakeDesk) StartExperiment(ctx context.Context, actor, id, hash string) (store.Experiment, error) {
	return d.step(ctx, "start", actor, id, hash)
}

func (d *fakeDesk) StopExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	return d.step(ctx, "stop", actor, id, reason)
}

func (d *fakeDesk) ConcludeExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	return d.step(ctx, "conclude", actor, id, reason)
}

func (d *fakeDesk) CancelExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	return d.step(ctx, "cancel", actor, id, reason)
}

// fillExperiments stores a campaign, a running experiment with a look, and what
// another one found.
func (x *site) fillExperiments() {
	x.t.Helper()
	ctx := x.t.Context()
	must(x.t, x.store.ReplaceEntities(ctx, shop, "google", "1234567890", testNow, []store.Entity{
		{EntityType: "campaign", EntityID: "1", Name: "Search – Brand <DE>", Detail: `{}`}, {EntityType: "campaign", EntityID: "2", Name: "Shopping", Detail: `{}`}}))
	draft, err := x.desk.DraftExperiment(ctx, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "google:1"})
	must(x.t, err)
	draft.Plan.Start = testDay.AddDays(-30)
	e := storedExperiment(draft, "running")
	e.ApprovedBy, e.StartedAt.Time, e.StartedAt.Valid, e.Reason = "mira", testNow, true, "approved with its whole schedule"
	l := attribution.ExperimentLook{Date: testDay, Last: testDay.AddDays(-1), DaysDone: 30, DaysLeft: 40, Iota: &lift.Estimate{Value: 0.42, SE: 0.14, Low: 0.19, High: 0.65, Level: 0.9},
		AlwaysValid: &lift.Estimate{Value: 0.42, Low: -0.05, High: 0.9, Level: 0.9}, Lift: &lift.Estimate{Value: 4200, Low: 1900, High: 6500}, Claimed: 10000,
		Checks: []attribution.ExperimentCheck{{Name: "schedule", OK: true, Detail: "it cost 6.00 EUR a day when turned down"}, {Name: "balance", Detail: "too few days"}}, Warnings: []string{"four pairs of blocks are few"}}
	for i := range 20 {
		l.Days = append(l.Days, lift.Day{Date: draft.Plan.Start.AddDays(i), Observed: 2000 + 10*float64(i%5), Expected: 1850, Cumulative: 150 * float64(i)})
	}
	body, err := json.Marshal(l)
	must(x.t, err)
	e.Watched = string(body)
	must(x.t, x.store.InsertExperiment(ctx, e))
	old := storedExperiment(draft, "concluded")
	old.ExperimentID, old.Name = "d0d0d0d0", "Generic off"
	must(x.t, x.store.InsertExperiment(ctx, old))
	must(x.t, x.store.PutIota(ctx, store.IotaEntry{Account: shop, Campaign: "google:2", ExperimentID: "d0d0d0d0", Value: 0.71, SD: 0.1, Ended: civil.MustParse("2025-10-01"), Method: "switchback, 84 days", RecordedAt: testNow}))
}

func TestExperimentPages(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	if a := x.get("/experiments", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No experiment has been planned") || strings.Contains(a.Text, "Plan an experiment") {
		t.Errorf("a viewer of nothing sees %d", a.StatusCode)
	}
	x.fillExperiments()
	for path, wants := range map[string][]string{
		"/experiments": {"Brand down", "Search – Brand &lt;DE&gt;", "42 % (19 to 65)", "30 of 70 days", "71 %", "55 % to 87 %", "95 days", "± 10 % then, ± 13 % today", "switchback, 84 days", "whisk-band", `aria-current="page">Experiments`},
		"/experiments/e1e1e1e1": {"90 %: 19 % to 65 %", "-5 % to 90 %", "&#43;4,200", "10,000", "four pairs of blocks are few", "too few days", "Difference so far", ">812.50 EUR", "35 % or more", "± 23 %",
			"EUR 6.00", "turned down", "chip-busy\">now", "started by mira", "drawing-wide", "Same as a table"},
	} {
		a := x.get(path, c)
		for _, want := range wants {
			if !strings.Contains(strings.ReplaceAll(a.Text, "−", "-"), want) {
				t.Errorf("%s: no %q (status %d)", path, want, a.StatusCode)
			}
		}
		hasNone(t, path, a.Text, "NaN", "Inf", "style=", "<nil>", "Approve the plan", "End it now", "&lt;no value")
	}
	if a := x.get("/experiments/nothing", c); a.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown experiment gives %d", a.StatusCode)
	}
}

// A plan is kept exactly as it was shown: the seed drawn for the preview goes into
// the form. Viewers see no form and may not post.
func TestExperimentForms(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	x.fillExperiments()
	view, decide := x.as(viewer), x.as(approver)
	if a := x.get("/experiments/plan", view); a.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer plans: %d", a.StatusCode)
	}
	if a := x.get("/experiments/plan", decide); a.StatusCode != http.StatusOK || strings.Contains(a.Text, "Keep this plan") {
		t.Errorf("the empty form: %d", a.StatusCode)
	}
	a := x.get("/experiments/plan?kind=switchback&account="+shop+"&campaign=google:1&share=10", decide)
	hasAll(t, "the preview", a.Text, "Keep this plan", `name="seed" value="77"`, `name="off" value="6"`, `name="start" value="2026-01-05"`, "540 EUR a day less", "35 % or more", "turned down")
	for query, want := range map[string]string{"campaign=google:2": "shares its budget", "campaign=google:1&days=-4": "a number of days", "campaign=google:1&off=0": "above 0",
		"campaign=google:1&share=NaN": "percentage", "campaign=google:1&start=soon": "a date"} {
		if a := x.get("/experiments/plan?kind=switchback&"+query, decide); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, want) || strings.Contains(a.Text, "Keep this plan") {
			t.Errorf("%s: status %d, no %q", query, a.StatusCode, want)
		}
	}
	form := url.Values{"kind": {"switchback"}, "campaign": {"google:1"}, "seed": {"99"}}
	if a := x.post("/experiments", form, view); a.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer posts a plan: %d", a.StatusCode)
	}
	if f := flashOf(t, x.post("/experiments", url.Values{"kind": {"switchback"}, "campaign": {"google:2"}}, decide)); f.Kind != "bad" || !strings.Contains(f.Text, "shares its budget") {
		t.Errorf("%+v", f)
	}
	for _, tc := range []struct{ form, kind, call string }{
		{"do=start&hash=abc", "good", "start u-approver e1e1e1e1 abc"}, {"do=stop&reason=stock", "good", "stop u-approver e1e1e1e1 stock"},
		{"do=cancel&reason=", "bad", "cancel u-approver e1e1e1e1 "}, {"do=conclude&reason=fine", "good", "conclude u-approver e1e1e1e1 fine"},
	} {
		form, err := url.ParseQuery(tc.form)
		must(t, err)
		if f := flashOf(t, x.post("/experiments/e1e1e1e1", form, decide)); f.Kind != tc.kind {
			t.Errorf("%s: %+v", tc.form, f)
		}
		if log := x.desk.log(); log[len(log)-1] != tc.call {
			t.Errorf("%s: the desk was asked %q", tc.form, log[len(log)-1])
		}
	}
	if a := x.post("/experiments/e1e1e1e1", url.Values{"do": {"start"}}, decide); a.StatusCode != http.StatusBadRequest {
		t.Errorf("started without the hash of what was seen: %d", a.StatusCode)
	}
	if a := x.post("/experiments/e1e1e1e1", url.Values{"do": {"explode"}}, decide); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown step gives %d", a.StatusCode)
	}
	if a := x.post("/experiments/e1e1e1e1", url.Values{"do": {"stop"}, "reason": {"x"}}, view); a.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer stops it: %d", a.StatusCode)
	}
}
