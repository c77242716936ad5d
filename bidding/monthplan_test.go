package bidding_test

import (
	"encoding/json"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// monthly is twoCampaigns with monthly budgets: it is 2026-05-20, each has spent
// about 100 a day.
func monthly(months ...guard.Monthly) bidding.Input {
	in := twoCampaigns()
	in.Policy.Monthly = months
	return in
}

func TestAMonthThatLandsAboveItsBudgetIsCut(t *testing.T) {
	t.Parallel()
	out := plan(t, monthly(guard.Monthly{Name: "May", Budget: 5200}))
	m := out.Months[0]
	if m.State != bidding.Above || !m.Over || m.Room >= 0 || len(m.Units) != 2 {
		t.Fatalf("month %+v", m)
	}
	least := out.Allocation.Before - 30*money.One // two steps of 15 % from 100
	if want := max(m.Wanted, least); out.Allocation.After > want+money.One {
		t.Errorf("budgets go from %v to %v, the month wants %v", out.Allocation.Before, out.Allocation.After, want)
	}
	weak := draftOf(out, "bweak")
	if weak == nil || weak.Proposed != eur(85) || !strings.Contains(strings.Join(weak.Reasons, " "), `Month of "May"`) {
		t.Errorf("the weak one is not cut for the month: %+v", weak)
	}
	if d := draftOf(out, "bstrong"); d != nil && d.Proposed > d.Seen && out.Allocation.After > m.Wanted {
		t.Errorf("the strong one grows to %v in a month that lands above its budget", d.Proposed)
	}
}

func TestAMonthWithMoneyLeftLetsBudgetsGrowWhereThatPays(t *testing.T) {
	t.Parallel()
	in := monthly(guard.Monthly{Name: "May", Budget: 9000})
	in.Worth[bidding.CampaignKey(platform.Google, "weak")] = bidding.Worth{Margin: 1.2, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1} // next euro 1.7
	out := plan(t, in)
	if out.Months[0].State != bidding.Below || out.Allocation.After != out.Allocation.Before+30*money.One {
		t.Errorf("%s: budgets go from %v to %v, want a step each", out.Months[0].State, out.Allocation.Before, out.Allocation.After)
	}
	// Where the next euro earns less than it costs, money left is kept.
	out = plan(t, monthly(guard.Monthly{Name: "May", Budget: 9000}))
	if d := draftOf(out, "bweak"); d == nil || d.Proposed >= d.Seen {
		t.Errorf("the weak one is not cut: %+v", d)
	}
}

func TestAMonthOfOneCampaignBindsOnlyIt(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"strong", "Campaign str*", "bstrong", "*strong*"} {
		out := plan(t, monthly(guard.Monthly{Name: "one", Match: []string{match}, Budget: 2500}))
		m := out.Months[0]
		if len(m.Units) != 1 || m.State != bidding.Above {
			t.Fatalf("%s: %+v", match, m)
		}
		if d := draftOf(out, "bstrong"); d == nil || d.Proposed != eur(85) {
			t.Errorf("%s: the strong one goes to %+v, want a step down", match, d)
		}
	}
	// One that lands where it should does not keep the other from being cut.
	out := plan(t, monthly(guard.Monthly{Name: "one", Match: []string{"strong"}, Budget: 3050}))
	if d := draftOf(out, "bstrong"); d != nil && d.Proposed > d.Seen+out.Months[0].Room {
		t.Errorf("the strong one goes to %v in a month with room for %v", d.Proposed, out.Months[0].Room)
	}
	if d := draftOf(out, "bweak"); d == nil || d.Proposed != eur(85) {
		t.Errorf("the weak one goes to %+v", d)
	}
}

// A month that is off is corrected until its last days, however long a change rests.
func TestALongCoolDownLeavesAMonthItsCorrections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		coolDown, left int // days
		want           bidding.MonthState
	}{
		{7, 7, bidding.Above}, {7, 6, bidding.TooLate},
		{14, 12, bidding.Above}, {14, 7, bidding.Above}, {14, 6, bidding.TooLate},
		{31, 12, bidding.Above}, {31, 7, bidding.Above},
		{1, 3, bidding.Above}, {1, 2, bidding.TooLate},
	} {
		in := monthly(guard.Monthly{Name: "May", Budget: 4300})
		in.Policy.CoolDown.Days = c.coolDown
		a := &in.Accounts[0]
		later := 12 - c.left // it is the 20th
		a.Today, a.LastData = a.Today.AddDays(later), a.LastData.AddDays(later)
		for i := range a.Performance {
			for k := range a.Performance[i].Days {
				a.Performance[i].Days[k].Date += civil.Date(later)
			}
		}
		out := plan(t, in)
		if m := out.Months[0]; m.State != c.want || m.DaysLeft != c.left {
			t.Errorf("with a cool-down of %d days and %d left it is %s: %s", c.coolDown, m.DaysLeft, m.State, m.Why)
		}
		if c.want == bidding.Above && budgetOf(t, out, "bweak") != eur(85) {
			t.Errorf("with a cool-down of %d days and %d left the weak one goes to %v", c.coolDown, c.left, budgetOf(t, out, "bweak"))
		}
	}
}

func TestTheTightestMonthHolds(t *testing.T) {
	t.Parallel()
	out := plan(t, monthly(guard.Monthly{Name: "all", Budget: 9000}, guard.Monthly{Name: "google", Match: []string{"google"}, Budget: 5200}))
	if out.Allocation.After > max(out.Months[1].Wanted, out.Allocation.Before-30*money.One)+money.One {
		t.Errorf("budgets come to %v, the tighter month wants %v", out.Allocation.After, out.Months[1].Wanted)
	}
}

func TestEachCurrencyHasItsMonths(t *testing.T) {
	t.Parallel()
	in := monthly(guard.Monthly{Name: "euros", Budget: 6000}, guard.Monthly{Name: "dollars", Budget: 2000, Currency: "USD"})
	dollars := in.Accounts[0]
	dollars.ID, dollars.Currency = "2", "USD"
	// In New York it is still the day before, which is one day more to come.
	dollars.TimeZone, dollars.Today = "America/New_York", today-1
	in.Accounts = append(in.Accounts, dollars)
	out := plan(t, in)
	e, d := out.Months[0], out.Months[1]
	if e.Currency != "EUR" || d.Currency != "USD" || len(e.Units) != 2 || len(d.Units) != 2 || e.DaysLeft != 12 || d.DaysLeft != 13 {
		t.Fatalf("euros %+v, dollars %+v", e, d)
	}
	if last := e.Spent - d.Spent; last < 100*money.One || last > 350*money.One {
		t.Errorf("euros %v and dollars %v differ by more than a day", e.Spent, d.Spent)
	}
	if d.State != bidding.Above {
		t.Errorf("the dollars land %s", d.State)
	}
	for _, x := range out.Drafts {
		if x.Currency != "EUR" {
			t.Errorf("a budget in %s is changed", x.Currency)
		}
	}
}

func TestWithoutMonthsNothingChanges(t *testing.T) {
	t.Parallel()
	write := func(o bidding.Output) string {
		o.Months = nil
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	without := plan(t, twoCampaigns())
	if without.Months != nil || strings.Contains(write(without), "month") {
		t.Error("a plan without monthly budgets speaks of months")
	}
	other := plan(t, monthly(guard.Monthly{Name: "elsewhere", Budget: 10, Currency: "USD"}))
	if m := other.Months[0]; m.Known || len(m.Units) != 0 || m.Why == "" {
		t.Errorf("a month in a currency nothing is spent in: %+v", m)
	}
	if write(other) != write(without) {
		t.Error("a month of another currency changes the plan")
	}
}
