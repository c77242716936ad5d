package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// purchases are the action types that stand for a purchase, widest first. They
// overlap (omni_purchase holds the others), so exactly one of them is counted.
var purchases = []string{"omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"}

// windows are the attribution windows asked for. A conversion belongs to one of
// them, so their values add up.
var windows = []string{"7d_click", "1d_view"}

// Performance reads insights by day: of campaigns where they own the budget, of
// ad sets where those do. Purchases count on the day of the click or view that
// led to them.
func (c *Client) Performance(ctx context.Context, from, to civil.Date, yield func([]platform.Performance) error) error {
	budgets, err := c.budgetOwners(ctx)
	if err != nil {
		return err
	}
	days := to.Sub(from) + 1
	if days <= 0 {
		return nil
	}
	for _, level := range []platform.EntityType{platform.Campaign, platform.AdSet} {
		if level == platform.AdSet && len(budgets.onAdSets) == 0 {
			continue
		}
		if level == platform.Campaign && len(budgets.onAdSets) == budgets.campaigns && budgets.campaigns > 0 {
			continue // every row would be left to the ad sets
		}
		q := insightsQuery(level, from, to)
		read := func(rows []node) error {
			out := make([]platform.Performance, 0, len(rows))
			for _, row := range rows {
				if budgets.onAdSets[row.text("campaign_id")] != (level == platform.AdSet) {
					continue
				}
				p, err := performance(row, level)
				if err != nil {
					return unreadable("insights", err)
				}
				out = append(out, p)
			}
			if len(out) == 0 {
				return nil
			}
			return yield(out)
		}
		if err := c.insights(ctx, q, budgets.campaigns*days, read); err != nil {
			return err
		}
	}
	return nil
}

// campaignsPerRead bounds the campaigns that a query names.
const campaignsPerRead = 50

// PartPerformance implements platform.Parts: insights by ad set and day. Purchases count
// as in Performance.
func (c *Client) PartPerformance(ctx context.Context, campaigns []platform.Ref, from, to civil.Date, yield func([]platform.Performance) error) error {
	days := to.Sub(from) + 1
	if days <= 0 {
		return nil
	}
	for some := range slices.Chunk(campaigns, campaignsPerRead) {
		ids := make([]string, len(some))
		for i, r := range some {
			ids[i] = r.ID
		}
		q := insightsQuery(platform.AdSet, from, to)
		q["filtering"] = []map[string]any{{"field": "campaign.id", "operator": "IN", "value": ids}}
		err := c.insights(ctx, q, usualAdSets*len(some)*days, func(rows []node) error {
			out := make([]platform.Performance, 0, len(rows))
			for _, row := range rows {
				p, err := performance(row, platform.AdSet)
				if err != nil {
					return unreadable("insights by ad set", err)
				}
				out = append(out, p)
			}
			if len(out) == 0 {
				return nil
			}
			return yield(out)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// usualAdSets is how many ad sets a campaign is taken to have when it is decided whether
// a report is asked for in the background.
const usualAdSets = 5

// owners says where the budgets of the account stand.
type owners struct {
	campaigns int
	onAdSets  map[string]bool // campaigns without a budget of their own
}

func (c *Client) budgetOwners(ctx context.Context) (owners, error) {
	o := owners{onAdSets: map[string]bool{}}
	err := c.pages(ctx, c.account+"/campaigns", facebook.Params{"fields": "id,daily_budget,lifetime_budget"}, func(rows []node) error {
		for _, row := range rows {
			o.campaigns++
			if !isSet(row.text("daily_budget")) && !isSet(row.text("lifetime_budget")) {
				o.onAdSets[row.text("id")] = true
			}
		}
		return nil
	})
	return o, err
}

func insightsQuery(level platform.EntityType, from, to civil.Date) facebook.Params {
	fields := "campaign_id,spend,impressions,clicks,actions,action_values"
	metaLevel := "campaign"
	if level == platform.AdSet {
		fields, metaLevel = "adset_id,"+fields, "adset"
	}
	return facebook.Params{
		"level":                      metaLevel,
		"fields":                     fields,
		"time_increment":             1,
		"time_range":                 map[string]string{"since": from.String(), "until": to.String()},
		"action_attribution_windows": windows,
		"action_report_time":         "impression",
	}
}

// insights reads the rows of a query: at once where they are few, else, and
// where Meta finds them too many, as a report it prepares in the background.
func (c *Client) insights(ctx context.Context, q facebook.Params, rows int, read func([]node) error) error {
	if rows < c.cfg.AsyncRows {
		started := false
		err := c.pages(ctx, c.account+"/insights", q, func(rows []node) error {
			started = true
			return read(rows)
		})
		if started || !tooMuchData(err) {
			return err
		}
	}
	run, err := c.report(ctx, q)
	if e, ok := errors.AsType[*platform.Error](err); ok && e.Code == jobFailed {
		run, err = c.report(ctx, q) // these often succeed when asked for again
	}
	if err != nil {
		return err
	}
	return c.pages(ctx, run+"/insights", facebook.Params{}, read)
}

// jobFailed is the code of a report that Meta began and gave up.
const jobFailed = "Job Failed"

// report has Meta prepare a report and returns its id once it is ready.
func (c *Client) report(ctx context.Context, q facebook.Params) (string, error) {
	start, err := c.do(ctx, call{method: facebook.POST, path: c.account + "/insights", params: q})
	if err != nil {
		return "", err
	}
	run := start.body.text("report_run_id")
	if run == "" {
		return "", unreadable("a report", fmt.Errorf("it has no report_run_id"))
	}
	waiting, cancel := context.WithTimeout(ctx, c.cfg.ReportTimeout)
	defer cancel()
	for pause := c.cfg.PollInterval / 8; ; pause = min(2*pause, c.cfg.PollInterval) {
		r, err := c.do(waiting, call{method: facebook.GET, path: run,
			params: facebook.Params{"fields": "async_status,async_percent_completion"}})
		if err != nil {
			return "", err
		}
		switch r.body.text("async_status") {
		case "Job Completed":
			return run, nil
		case "Job Failed", "Job Skipped":
			return "", &platform.Error{Platform: platform.Meta, Kind: platform.Retryable, RequestID: r.requestID,
				Code: jobFailed, Message: "Meta could not prepare the report of insights"}
		}
		if err := c.cfg.Retry.Sleep(waiting, pause); err != nil {
			return "", &platform.Error{Platform: platform.Meta, Kind: platform.Retryable, RequestID: r.requestID, Code: "REPORT_TIMEOUT",
				Message: fmt.Sprintf("Meta had not prepared the report after %s", c.cfg.ReportTimeout),
				Remedy:  "it is asked for again in the next run", Err: err}
		}
	}
}

func performance(row node, level platform.EntityType) (platform.Performance, error) {
	p := platform.Performance{Entity: platform.Ref{Type: level, ID: row.text("campaign_id")}}
	if level == platform.AdSet {
		p.Entity.ID = row.text("adset_id")
	}
	var err error
	if p.Date, err = civil.Parse(row.text("date_start")); err != nil {
		return p, err
	}
	if s := row.text("spend"); s != "" {
		if p.Cost, err = money.Parse(s); err != nil {
			return p, err
		}
	}
	if p.Clicks, err = row.integer("clicks"); err != nil {
		return p, err
	}
	if p.Impressions, err = row.integer("impressions"); err != nil {
		return p, err
	}
	if p.Conversions, err = purchase(row.list("actions")); err != nil {
		return p, err
	}
	value, err := purchase(row.list("action_values"))
	if err != nil {
		return p, err
	}
	p.Value, err = money.FromFloat(value)
	return p, err
}

// purchase adds up the attribution windows of the widest purchase action there
// is. An action without windows counts with its value.
func purchase(actions []node) (float64, error) {
	for _, kind := range purchases {
		for _, a := range actions {
			if a.text("action_type") != kind {
				continue
			}
			var sum float64
			found := false
			for _, w := range windows {
				if a.text(w) == "" {
					continue
				}
				v, err := a.number(w)
				if err != nil {
					return 0, err
				}
				sum, found = sum+v, true
			}
			if found {
				return sum, nil
			}
			return a.number("value")
		}
	}
	return 0, nil
}
