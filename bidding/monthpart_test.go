package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// besideLarge is a shared budget of 100 of which small spends 30 a day and large the rest,
// beside a campaign with a budget of its own; it is 2026-05-20.
func besideLarge(months ...guard.Monthly) bidding.Input {
	in := input(5, 1, sim{id: "small", budget: 30, use: 1, ref: 30, perDay: 8, eps: 0.6, k: 0.4}, sim{id: "large", budget: 70, use: 1, ref: 70, perDay: 18, eps: 0.6, k: 0.4},
		sim{id: "other", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4})
	a := &in.Accounts[0]
	shared := &a.Entities[1]
	shared.Shared, shared.Fields = true, map[platform.Field]money.Micros{platform.DailyBudget: eur(100)}
	a.Entities[2].Budget = shared.Ref
	a.Entities = append(a.Entities[:3], a.Entities[4:]...)
	in.Policy.Monthly = months
	return in
}

// A month of one of the campaigns under a budget counts what that one spends, and goes by
// its part of the budget.
func TestAMonthOfACampaignUnderASharedBudget(t *testing.T) {
	t.Parallel()
	month := func(budget float64, match ...string) guard.Monthly {
		return guard.Monthly{Name: "May", Match: match, Budget: budget}
	}
	in := besideLarge(month(820, "small"))
	var spent, lately, all float64
	for i, p := range in.Accounts[0].Performance[:2] {
		for _, d := range p.Days {
			if i == 0 && d.Date > today.AddDays(-20) {
				spent += d.Spend
			}
			if d.Date >= today.AddDays(-28) {
				all += d.Spend
				if i == 0 {
					lately += d.Spend
				}
			}
		}
	}
	out := plan(t, in)
	m := out.Months[0]
	key := unitOf(t, out, "bsmall").Key.String()
	if math.Abs(m.Spent.Float()-spent) > 0.01 || m.Forecast.Float() < 780 || m.Forecast.Float() > 860 || m.State != bidding.OnCourse {
		t.Errorf("%v spent, lands at %v, %s; the campaign has spent %v", m.Spent.Float(), m.Forecast.Float(), m.State, spent)
	}
	if of := m.Part(key); math.Abs(of-lately/all) > 1e-9 || math.Abs(m.Budgets.Float()-100*of) > 0.01 || m.Part("google/1/budget/bother") != 0 || len(m.Units) != 1 {
		t.Errorf("it bears %v of %v, budgets of %v", of, m.Units, m.Budgets.Float())
	}
	if !strings.Contains(m.Why, `Of what is spent under the shared budget "Budget small", 3`) || !strings.Contains(m.Why, "only the whole budget can be changed for it") {
		t.Error(m.Why)
	}
	// There is room for what the month bears of a change.
	out = plan(t, besideLarge(month(868, "small")))
	m = out.Months[0]
	if d := draftOf(out, "bsmall"); d == nil || m.State != bidding.Below || math.Abs((d.Proposed-d.Seen).Float()*m.Part(key)-m.Room.Float()) > 0.01 || m.Room > 5*money.One {
		t.Errorf("in a month that is %s with room for %v the budget goes to %+v", m.State, m.Room.Float(), d)
	}

	out = plan(t, besideLarge(month(600, "small")))
	if d := draftOf(out, "bsmall"); d == nil || d.Proposed != eur(85) || !strings.Contains(strings.Join(d.Reasons, " "), "only the whole budget can be changed for it") {
		t.Errorf("a month that is exceeded: %+v", d)
	}
	if d := draftOf(out, "bother"); d != nil && d.Proposed > eur(100) {
		t.Errorf("what the month gives up goes to a campaign of none: %+v", d)
	}

	out = plan(t, besideLarge(month(5950, "small", "large", "other")))
	if m := out.Months[0]; m.Parts != nil || m.Budgets != eur(200) || m.State != bidding.OnCourse {
		t.Errorf("a month of all: %+v", m)
	}
	out = plan(t, besideLarge(month(3860, "small", "other")))
	if m := out.Months[0]; len(m.Units) != 2 || len(m.Parts) != 1 || m.Budgets.Float() < 128 || m.Budgets.Float() > 133 || m.Forecast.Float() < 3800 || m.Forecast.Float() > 3900 {
		t.Errorf("a month of a part and a whole: %+v", m)
	}

	in = besideLarge(month(930, "small"))
	for i := range in.Accounts[0].Performance[:2] {
		days := in.Accounts[0].Performance[i].Days
		for k := range days {
			days[k].Spend = 0
		}
	}
	if m := plan(t, in).Months[0]; m.Spent != 0 || m.Part(key) != 0.5 {
		t.Errorf("nothing spent: %+v", m)
	}
}

// Two months of the campaigns under one budget: the stricter one decides, and together
// they hold what the budget spends.
func TestMonthsOfCampaignsUnderASharedBudget(t *testing.T) {
	t.Parallel()
	out := plan(t, besideLarge(guard.Monthly{Name: "small", Match: []string{"small"}, Budget: 600}, guard.Monthly{Name: "large", Match: []string{"large"}, Budget: 5000}))
	small, large := out.Months[0], out.Months[1]
	if small.State != bidding.Above || large.State != bidding.Below || math.Abs(small.Parts[small.Units[0]]+large.Parts[large.Units[0]]-1) > 1e-9 {
		t.Errorf("small %+v, large %+v", small, large)
	}
	if d := draftOf(out, "bsmall"); d == nil || d.Proposed != eur(85) {
		t.Errorf("the shared budget: %+v", d)
	}
}

// Targets under one budget that were changed on different nights each make a level of
// their own: the forecast goes by the days since each, and counts the budget once.
func TestAMonthFollowsTargetsChangedOnDifferentNights(t *testing.T) {
	t.Parallel()
	in := besideLarge(guard.Monthly{Name: "May", Match: []string{"small", "large"}, Budget: 3000})
	a := &in.Accounts[0]
	a.Entities[1].Fields[platform.DailyBudget] = eur(250)
	change := func(id string, ago int) {
		in.Changes = append(in.Changes, bidding.PastChange{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Campaign, ID: id}},
			Field: platform.TargetROAS, At: in.Now.AddDate(0, 0, -ago), Date: today.AddDays(-ago), Ours: true, Old: eur(20), New: eur(25)})
	}
	change("small", 2)
	change("large", 10)
	var before, after float64
	for i, e := range []int{0, 2} {
		a.Entities[e].Fields = map[platform.Field]money.Micros{platform.TargetROAS: eur(25)}
		for k := range a.Performance[i].Days {
			d := &a.Performance[i].Days[k]
			if i == 1 && d.Date >= today.AddDays(-10) { // it spends half since
				d.Spend, d.Value = d.Spend/2, d.Value/2
			}
			switch {
			case i == 0 && d.Date >= today.AddDays(-28):
				before += d.Spend / 28
			case i == 1 && d.Date >= today.AddDays(-10):
				after += d.Spend / 10
			}
		}
	}
	m := plan(t, in).Months[0]
	if m.Budgets != eur(250) || len(m.Units) != 1 || math.Abs(m.PerDay.Float()/(before+after)-1) > 0.05 {
		t.Errorf("%v a day of budgets of %v, %v units; the one spends %v, the other %v since its target was changed", m.PerDay.Float(), m.Budgets.Float(), len(m.Units), before, after)
	}
}
