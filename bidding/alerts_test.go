package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// reshape edits each day of the strong campaign, clicks and impressions given.
func reshape(in bidding.Input, edit func(d *response.Day)) bidding.Input {
	days := in.Accounts[0].Performance[0].Days
	for i := range days {
		days[i].Clicks = math.Round(days[i].Spend * 2)
		days[i].Impressions = days[i].Clicks * 50
		edit(&days[i])
	}
	return in
}

func since(d civil.Date, share float64, of func(*response.Day) []*float64) func(*response.Day) {
	return func(day *response.Day) {
		if day.Date >= d {
			for _, x := range of(day) {
				*x = math.Round(*x * share)
			}
		}
	}
}

func conversions(d *response.Day) []*float64 { return []*float64{&d.Conversions, &d.Value} }

func figuresOf(out bidding.Output) string {
	var s []string
	for _, a := range out.Alerts {
		s = append(s, a.ID+" "+a.Figure)
	}
	return strings.Join(s, ", ")
}

// heldBy is the guardrail that kept a change of an entity back.
func heldBy(out bidding.Output, id string) string {
	for _, b := range out.Blocked {
		if b.ID == id {
			return b.Verdicts[len(b.Verdicts)-1].Name
		}
	}
	return ""
}

func TestNothingUnusualRaisesNoAlert(t *testing.T) {
	t.Parallel()
	out := plan(t, reshape(twoCampaigns(), func(*response.Day) {}))
	if len(out.Alerts) > 0 || draftOf(out, "bstrong") == nil {
		t.Errorf("alerts %v, blocked %v", out.Alerts, out.Blocked)
	}
}

func TestAFallStopsGrowthAndNothingElse(t *testing.T) {
	t.Parallel()
	// Later the curve itself follows the fall, as a lasting change of its level.
	fell := today - 9
	in := reshape(twoCampaigns(), since(fell, 0.5, conversions))
	out := plan(t, in)
	if got := figuresOf(out); got != "bstrong conversion_rate, bstrong cac, bstrong roas" {
		t.Fatalf("alerts: %s", got)
	}
	for _, a := range out.Alerts {
		if a.ChanceDays < 1000 || a.Since.Sub(fell) > 4 || a.Since.Sub(fell) < -4 || !strings.Contains(a.Detail, a.Since.String()) {
			t.Errorf("%+v", a)
		}
	}
	if a := out.Alerts[0]; a.Change > -0.35 || a.Change < -0.65 {
		t.Errorf("the conversion rate changed by %.2f, the truth is -0.5", a.Change)
	}
	if a := out.Alerts[1]; a.Change < 0.5 || a.Change > 1.6 {
		t.Errorf("the cost per conversion changed by %.2f, the truth is +1", a.Change)
	}
	if draftOf(out, "bstrong") != nil || heldBy(out, "bstrong") != "alert" {
		t.Errorf("drafts %v, blocked %v", out.Drafts, out.Blocked)
	}
	out = plan(t, reshape(twoCampaigns(), since(today-12, 0.5, conversions)))
	if d := draftOf(out, "bstrong"); d != nil && d.Proposed > d.Seen || len(out.Alerts) == 0 {
		t.Errorf("three days later: %+v, alerts %s", d, figuresOf(out))
	}
	// The alert itself cuts nothing, and what should shrink may.
	in = reshape(twoCampaigns(), func(*response.Day) {})
	days := in.Accounts[0].Performance[1].Days
	for i := range days {
		if days[i].Date >= today-14 {
			days[i].Conversions, days[i].Value = days[i].Conversions/10, days[i].Value/10
		}
	}
	in.Policy.Minimum.Conversions = 0
	in.Policy.TrackingOutage.FreezeDays = 1
	out = plan(t, in)
	if d := draftOf(out, "bweak"); d == nil || d.Proposed >= d.Seen || figuresOf(out) != "bweak cac, bweak roas" {
		t.Errorf("the weak one: %+v, alerts %s, blocked %v", d, figuresOf(out), out.Blocked)
	}
	// Switched off, there is none.
	in.Policy.Alerts.DaysPerFalseAlarm = 0
	if out = plan(t, in); len(out.Alerts) > 0 {
		t.Errorf("alerts are off: %v", out.Alerts)
	}
}

// What conversions are still on their way is no fall.
func TestLateConversionsAreNoAlert(t *testing.T) {
	t.Parallel()
	lag := response.PriorLag()
	in := reshape(twoCampaigns(), func(d *response.Day) {
		f := lag.At(today.Sub(d.Date))
		d.Conversions, d.Value = d.Conversions*f, d.Value*f
	})
	in.Accounts[0].Lag = lag
	for i, days := 0, in.Accounts[0].Performance[1].Days; i < len(days); i++ {
		f := lag.At(today.Sub(days[i].Date))
		days[i].Conversions, days[i].Value = days[i].Conversions*f, days[i].Value*f
	}
	if out := plan(t, in); len(out.Alerts) > 0 {
		t.Errorf("%+v", out.Alerts)
	}
}

func TestWornOutCreativesAndBidPressure(t *testing.T) {
	t.Parallel()
	clicks := func(d *response.Day) []*float64 { return []*float64{&d.Clicks} }
	both := func(d *response.Day) []*float64 { return []*float64{&d.Clicks, &d.Impressions} }
	seen := func(d *response.Day) []*float64 { return []*float64{&d.Impressions} }
	// of is the impression share before and after, whatever the impressions do.
	of := func(edit func(*response.Day), before, after float64) func(*response.Day) {
		return func(d *response.Day) {
			edit(d)
			if d.Eligible = math.Round(d.Impressions / before); d.Date >= today-15 {
				d.Eligible = math.Round(d.Impressions / after)
			}
		}
	}
	for name, c := range map[string]struct {
		edit    func(*response.Day)
		channel string
		want    string
		held    string
	}{
		"worn-out film":              {since(today-15, 0.55, clicks), "video", "bstrong ctr", "creative_fatigue"},
		"searchers wear out nothing": {since(today-15, 0.9, clicks), "search", "", ""},
		"bid pressure":               {since(today-15, 0.55, both), "search", "bstrong cpc", "bid_pressure"},
		"dearer clicks, seen more":   {since(today-15, 0.55, clicks), "search", "", ""},
		"dearer, seen more of more":  {of(since(today-15, 0.55, clicks), 0.6, 0.4), "search", "bstrong cpc", "bid_pressure"},
		"dearer, seen less of less":  {of(since(today-15, 0.55, both), 0.6, 0.7), "search", "", ""},
		"a share, the price as ever": {of(since(today-15, 1, both), 0.6, 0.3), "search", "", ""},
		"dearer impressions of film": {since(today-15, 0.55, both), "video", "bstrong cpm", "bid_pressure"},
		"a film seen less, no click": {since(today-15, 0.55, seen), "video", "bstrong cpm", "bid_pressure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := twoCampaigns()
			for i := range in.Accounts[0].Entities {
				if in.Accounts[0].Entities[i].Channel != "" {
					in.Accounts[0].Entities[i].Channel = c.channel
				}
			}
			out := plan(t, reshape(in, func(d *response.Day) {
				if c.want == "" || c.held == "creative_fatigue" { // seen ever more
					d.Impressions *= 1 + float64(90-today.Sub(d.Date))/1000
				}
				c.edit(d)
			}))
			if got := figuresOf(out); got != c.want || name == "dearer, seen more of more" && !strings.Contains(out.Alerts[0].Detail, "its ads had 40 % of the impressions they could have had, after 60 % before") || heldBy(out, "bstrong") != c.held {
				t.Errorf("alerts %q, want %q; held by %q, want %q", got, c.want, heldBy(out, "bstrong"), c.held)
			}
		})
	}
}

func TestSpendAnomalies(t *testing.T) {
	t.Parallel()
	spend := func(d civil.Date, to float64) func(*response.Day) {
		return func(day *response.Day) {
			if day.Date == d {
				day.Spend, day.Clicks, day.Impressions = to, 2*to, 100*to
			}
		}
	}
	for name, c := range map[string]struct {
		edit   func(*response.Day)
		before float64 // the budget up to three days ago; 0: as now
		want   string
	}{
		"twice the budget is the rule": {spend(today-2, 200), 0, ""},
		"far beyond":                   {spend(today-2, 260), 0, "bstrong spend"},
		"within what the budget was":   {spend(today-4, 260), 0, ""},
		"the higher budget of before":  {spend(today-3, 260), 130, ""},
		"a sudden stop":                {spend(today-1, 1), 0, "bstrong spend"},
		"it stops every week": {func(d *response.Day) {
			if d.Date.Weekday() == (today - 1).Weekday() {
				d.Spend, d.Value, d.Conversions = 0, 0, 0
			}
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := reshape(twoCampaigns(), c.edit)
			if c.before > 0 {
				in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bstrong"}},
					Field: platform.DailyBudget, Date: today - 3, At: now.AddDate(0, 0, -3), Ours: true, Old: eur(c.before), New: eur(100)}}
			}
			out := plan(t, in)
			if got := figuresOf(out); got != c.want {
				t.Fatalf("alerts %q, want %q", got, c.want)
			}
			if f := unitOf(t, out, "bstrong").Facts; c.want != "" && (draftOf(out, "bstrong") != nil || f["google/1/budget/bstrong"].SpendAnomaly == "") {
				t.Errorf("not frozen: %v", f)
			}
		})
	}
}

func TestWhatIsSeenTooOftenIsNotScaled(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Accounts[0].Entities[0].Frequency = 4.5
	if out := plan(t, in); draftOf(out, "bstrong") == nil {
		t.Errorf("there is no ceiling: %v", out.Blocked)
	}
	in.Policy.MaxFrequency = 4
	if out := plan(t, in); heldBy(out, "bstrong") != "frequency" {
		t.Errorf("drafts %v, blocked %v", out.Drafts, out.Blocked)
	}
}

func TestWhatCannotBeSoldIsNotScaled(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Sold = map[string]bidding.Sold{"google:strong": {Goods: 1000, Unsellable: 400}, "google:weak": {Goods: 1000, Unsellable: 1000}}
	out := plan(t, in)
	if figuresOf(out) != "bstrong stock, bweak stock" || heldBy(out, "bstrong") != "stock" {
		t.Errorf("alerts %q, blocked %v", figuresOf(out), out.Blocked)
	}
	if d := draftOf(out, "bweak"); d == nil || d.Proposed >= d.Seen {
		t.Errorf("the weak one may shrink: %v", d)
	}
	in.Policy.Stock = guard.Stock{MaxUnsellable: 0.4}
	if out = plan(t, in); draftOf(out, "bstrong") == nil {
		t.Errorf("40 %% is not above 40 %%: %v", out.Blocked)
	}
}

func TestSpendOnUnfitItemsIsNotScaled(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Items = map[string]bidding.ItemMoney{"google:strong": {Spend: 1000, Unfit: 260, Losing: 900}, "google:weak": {Spend: 5, Unfit: 5}}
	out := plan(t, in)
	if figuresOf(out) != "bstrong unfit_items" || heldBy(out, "bstrong") != "item_spend" {
		t.Errorf("alerts %q, blocked %v", figuresOf(out), out.Blocked)
	}
	in.Policy.Stock.MaxUnfitSpend, in.Policy.Stock.MaxLosingSpend = 0.26, 0.5
	if out = plan(t, in); figuresOf(out) != "bstrong losing_items" || heldBy(out, "bstrong") != "item_spend" {
		t.Errorf("alerts %q, blocked %v", figuresOf(out), out.Blocked)
	}
	in.Policy.Stock.MaxLosingSpend = 1
	if out = plan(t, in); draftOf(out, "bstrong") == nil {
		t.Errorf("nothing is beyond its limit: %v", out.Blocked)
	}
}

// What always spent its budget and now spends less of it is found before it has
// stopped; that the budget itself came down is no fall, nor is what a target may do.
func TestSpendThatLeavesItsBudgetIsFound(t *testing.T) {
	t.Parallel()
	less := func(d *response.Day) {
		if d.Date >= today-10 {
			for _, x := range []*float64{&d.Spend, &d.Clicks, &d.Impressions} {
				*x *= 0.6
			}
		}
	}
	for name, c := range map[string]struct {
		edit   func(*response.Day)
		before float64 // the budget up to ten days ago; 0: as now
		target bool
		want   string
	}{
		"as ever":        {func(*response.Day) {}, 0, false, ""},
		"less":           {less, 0, false, "bstrong spend"},
		"less by a goal": {less, 0, true, ""},
		"budget cut": {func(d *response.Day) {
			if d.Date < today-10 {
				d.Spend, d.Clicks, d.Impressions, d.Conversions, d.Value = d.Spend*1.6, d.Clicks*1.6, d.Impressions*1.6, d.Conversions*1.6, d.Value*1.6
			}
		}, 160, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := reshape(twoCampaigns(), c.edit)
			if c.before > 0 {
				in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bstrong"}},
					Field: platform.DailyBudget, Date: today - 10, At: now.AddDate(0, 0, -10), Ours: true, Old: eur(c.before), New: eur(100)}}
			}
			for i := range in.Accounts[0].Entities {
				if e := &in.Accounts[0].Entities[i]; c.target && e.Type == platform.Campaign {
					e.Fields = map[platform.Field]money.Micros{platform.TargetROAS: eur(2)}
				}
			}
			if got := figuresOf(plan(t, in)); got != c.want {
				t.Errorf("alerts %q, want %q", got, c.want)
			}
		})
	}
}
