package bidding_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

var (
	rulesToday = civil.MustParse("2026-05-20")
	highLTV    = platform.Ref{Type: platform.ValueRule, ID: "7"}
	newOnes    = platform.Ref{Type: platform.NewCustomerGoal, ID: "1"}
)

// ruleInput is an account with one list, whose orders count once, and the goal
// of winning new customers, to whose orders nothing is added yet. An order of
// the list's people is worth 3 times its price, one of any customer 2 times; a
// new customer is worth 1.8 first orders of 50.
func ruleInput() bidding.ValueRuleInput {
	p := guard.Default()
	p.ValueRules.Enabled, p.ValueRules.NewCustomerValue = true, true
	return bidding.ValueRuleInput{
		Input: &bidding.Input{Now: time.Date(2026, 5, 20, 3, 0, 0, 0, time.UTC), Currency: "EUR", Policy: p, Accounts: []bidding.Account{{
			Platform: platform.Google, ID: "1", Currency: "EUR", TimeZone: "UTC", Today: rulesToday, LastData: rulesToday - 1,
			Entities: []platform.Entity{
				{Ref: highLTV, Name: "high LTV", Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.ValueMultiplier: money.One}},
				{Ref: newOnes, Name: "New customers", Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.NewCustomerValue: 0}},
				{Ref: platform.Ref{Type: platform.Budget, ID: "7"}, Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.DailyBudget: money.One}},
			}}}},
		Lists:    map[string]bidding.AudienceValue{"7": {People: 400, Order: 60, Later: 120}},
		Everyone: bidding.AudienceValue{People: 5000, Order: 50, Later: 50},
		Lambda:   1.8, FirstOrder: 50, HorizonDays: 365,
	}
}

func TestPlanValueRules(t *testing.T) {
	t.Parallel()
	set := func(in *bidding.ValueRuleInput, i int, f platform.Field, v money.Micros) {
		in.Accounts[0].Entities[i].Fields[f] = v
	}
	const e = money.One
	for name, c := range map[string]struct {
		edit        func(*bidding.ValueRuleInput)
		list, added money.Micros // proposed; -1: no proposal
		blocked     string       // names of the guardrails that blocked
	}{
		// 3/2 = 1.5 and 0.8 x 50 = 40, both held to a step of 15 %: of 1, and of the 50 that a first order counts for.
		"a first step":   {nil, 1_150_000, 7_500_000, ""},
		"off":            {func(in *bidding.ValueRuleInput) { in.Policy.ValueRules = guard.Default().ValueRules }, -1, -1, ""},
		"only the lists": {func(in *bidding.ValueRuleInput) { in.Policy.ValueRules.NewCustomerValue = false }, 1_150_000, -1, ""},
		"nearly there":   {func(in *bidding.ValueRuleInput) { set(in, 0, platform.ValueMultiplier, 1_400_000) }, 1_500_000, 7_500_000, ""},
		"there": {func(in *bidding.ValueRuleInput) {
			set(in, 0, platform.ValueMultiplier, 1_450_000)
			set(in, 1, platform.NewCustomerValue, 38*e)
		}, -1, -1, ""},
		"too much": {func(in *bidding.ValueRuleInput) {
			set(in, 0, platform.ValueMultiplier, 2*e)
			set(in, 1, platform.NewCustomerValue, 60*e)
		}, 1_700_000, 43_500_000, ""},
		"worth less": {func(in *bidding.ValueRuleInput) {
			in.Lists["7"] = bidding.AudienceValue{People: 400, Order: 60, Later: 48}
		}, 900_000, 7_500_000, ""},
		"policy's most": {func(in *bidding.ValueRuleInput) { in.Policy.ValueRules.MaxMultiplier = 1.1 }, 1_100_000, 5 * e, ""},
		"at the most": {func(in *bidding.ValueRuleInput) {
			in.Policy.ValueRules.MaxMultiplier = 1.3
			set(in, 0, platform.ValueMultiplier, 1_300_000)
		}, -1, 7_500_000, "limits"},
		"no lifetime": {func(in *bidding.ValueRuleInput) {
			in.Lambda, in.FirstOrder, in.Everyone = 1, 0, bidding.AudienceValue{}
		}, -1, -1, ""},
		"nobody comes back": {func(in *bidding.ValueRuleInput) { in.Lambda = 1 }, 1_150_000, -1, ""},
		"no number": {func(in *bidding.ValueRuleInput) {
			in.Lambda = math.NaN()
			in.Lists["7"] = bidding.AudienceValue{People: 400, Order: 0, Later: 3}
		}, -1, -1, ""},
		"few people": {func(in *bidding.ValueRuleInput) {
			in.Lists["7"] = bidding.AudienceValue{People: 99, Order: 60, Later: 120}
		}, -1, 7_500_000, "minimum_data"},
		"counted already":  {func(in *bidding.ValueRuleInput) { in.LifetimeTold = true }, -1, -1, "counted_twice counted_twice"},
		"unknown list":     {func(in *bidding.ValueRuleInput) { in.Lists = nil }, -1, 7_500_000, ""},
		"made by people":   {func(in *bidding.ValueRuleInput) { in.Accounts[0].Entities[0].ReadOnly = "it has further conditions" }, -1, 7_500_000, "read_only"},
		"protected":        {func(in *bidding.ValueRuleInput) { in.Policy.Protected = []string{"New customers"} }, 1_150_000, -1, "protected"},
		"kill switch":      {func(in *bidding.ValueRuleInput) { in.KillSwitch = "holiday" }, -1, -1, "kill_switch kill_switch"},
		"another currency": {func(in *bidding.ValueRuleInput) { in.Accounts[0].Currency = "USD" }, -1, -1, "currency currency"},
		"black-out": {func(in *bidding.ValueRuleInput) {
			in.Policy.BlackOut = []guard.BlackOut{{From: rulesToday, To: rulesToday}}
		}, -1, -1, "black_out black_out"},
		"tracking outage": {func(in *bidding.ValueRuleInput) {
			in.Outages = []response.Outage{{Platform: "google", Date: rulesToday - 1}}
		}, -1, -1, "tracking_outage tracking_outage"},
		"one unit's outage": {func(in *bidding.ValueRuleInput) {
			in.Outages = []response.Outage{{Platform: "google", Unit: "u", Date: rulesToday - 1}, {Platform: "meta", Date: rulesToday - 1}}
		}, 1_150_000, 7_500_000, ""},
		"set by somebody else": {func(in *bidding.ValueRuleInput) {
			in.Policy.CoolDown.Days = 1
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: newOnes}, Field: platform.NewCustomerValue, At: in.Now.Add(-70 * time.Hour), Date: rulesToday - 20}}
		}, 1_150_000, -1, "changed_by_others"},
		"changed lately": {func(in *bidding.ValueRuleInput) {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: highLTV}, Field: platform.ValueMultiplier, At: in.Now, Date: rulesToday - 3, Ours: true}}
		}, -1, 7_500_000, "cool_down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := ruleInput()
			if c.edit != nil {
				c.edit(&in)
			}
			out := bidding.PlanValueRules(in)
			got := map[platform.Ref]money.Micros{highLTV: -1, newOnes: -1}
			for _, d := range out.Drafts {
				got[d.Entity] = d.Proposed
				if len(d.Reasons) < 3 || d.Expected.Level != 0 || d.Evidence.LTVMultiple <= 1 || d.Name == "" || d.Currency == "" {
					t.Errorf("it does not explain itself: %+v", d)
				}
				if d.Seen == d.Proposed || out.Facts[bidding.Key{Platform: d.Platform, AdAccount: d.AdAccount, Ref: d.Entity}.String()].Name != d.Name {
					t.Errorf("%v to %v, facts %v", d.Seen, d.Proposed, out.Facts)
				}
			}
			if got[highLTV] != c.list || got[newOnes] != c.added || len(got) != 2 {
				t.Errorf("proposed %v, want %v and %v", got, c.list, c.added)
			}
			var blocked []string
			for _, b := range out.Blocked {
				blocked = append(blocked, b.Verdicts[len(b.Verdicts)-1].Name)
			}
			if strings.Join(blocked, " ") != c.blocked {
				t.Errorf("blocked by %v, want %q", blocked, c.blocked)
			}
		})
	}
}

// Whatever the models say, a proposal is a finite step within the policy, and
// repeating the nights comes to rest.
func TestValueRulesComeToRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) float64 {
			return rapid.OneOf(rapid.Float64Range(0, 500), rapid.SampledFrom([]float64{-1, 0, 1e-300, 1e300, math.NaN(), math.Inf(1)})).Draw(t, name)
		}
		in := ruleInput()
		in.Lists["7"] = bidding.AudienceValue{People: 200, Order: amount("order"), Later: amount("later")}
		in.Everyone = bidding.AudienceValue{People: 200, Order: amount("all orders"), Later: amount("all later")}
		in.Lambda, in.FirstOrder = amount("lambda"), amount("first order")
		entities := in.Accounts[0].Entities
		for night := 0; ; night++ {
			out := bidding.PlanValueRules(in)
			if len(out.Drafts) == 0 {
				return
			}
			if night > 40 {
				t.Fatalf("it never comes to rest: %+v", out.Drafts)
			}
			for _, d := range out.Drafts {
				i := 0
				switch v := d.Proposed.Float(); {
				case d.Field == platform.ValueMultiplier && !(v >= 0.5 && v <= 2):
					t.Fatalf("a multiplier of %v", v)
				case d.Field == platform.NewCustomerValue && !(v >= 0 && v <= in.FirstOrder+1e-6):
					t.Fatalf("%v is added to an order of %v", v, in.FirstOrder)
				case d.Field == platform.NewCustomerValue:
					i = 1
				}
				entities[i].Fields[d.Field] = d.Proposed
			}
		}
	})
}
