package bidding

import (
	"fmt"
	"math"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// AudienceValue is what a lifetime model expects of some people: each counts
// once. Amounts are in the shop's currency.
type AudienceValue struct {
	People int     `json:"people"`
	Order  float64 `json:"order"` // mean of an order of theirs
	Later  float64 `json:"later"` // mean of the discounted value expected of them over the horizon
}

// Add counts one more person.
func (v *AudienceValue) Add(order, later float64) {
	v.People++
	v.Order += (order - v.Order) / float64(v.People)
	v.Later += (later - v.Later) / float64(v.People)
}

// Multiple is what an order of theirs is worth over its lifetime as a multiple
// of its price: (Order + Later) / Order. It is 0 where that is no number.
func (v AudienceValue) Multiple() float64 {
	m := 1 + v.Later/v.Order
	if !(v.Order > 0) || !(v.Later >= 0) || math.IsInf(m, 0) {
		return 0
	}
	return m
}

// ValueRuleInput is what a plan of value rules looks at beyond what a plan of
// budgets and targets does.
type ValueRuleInput struct {
	*Input
	// Lists is what the lifetime model expects of the people on the audience
	// lists, by the lists' ids on Google Ads, and Everyone of all customers.
	Lists    map[string]AudienceValue
	Everyone AudienceValue
	// Lambda is the lifetime multiple of a new customer, FirstOrder the mean first
	// order in the shop's currency; 0: there is no lifetime model.
	Lambda, FirstOrder float64
	HorizonDays        int
	// LifetimeTold says that Google Ads is told the lifetime value of each order
	// already: a rule would count it twice.
	LifetimeTold bool
	Outages      []response.Outage
}

// ValueRulePlan is what Google Ads would be told of the worth of sales.
type ValueRulePlan struct {
	Drafts  []Draft
	Blocked []Blocked
	// Facts is what the guardrails saw of each rule considered, by Key.String().
	Facts map[string]guard.Facts
}

const (
	// leastRuleChange is the least change of what an order counts for that is
	// worth anybody's attention.
	leastRuleChange = 0.05
	// leastMembers are needed to speak of the people on a list.
	leastMembers = 100
)

// PlanValueRules decides what Google Ads is told of the worth of sales, within
// the policy's value_rules. Both figures are in terms of the value the platform
// reports, so that margins, which are the same before and after, do not enter:
//
//   - the orders of the people on a list count by the ratio of their lifetime
//     multiple to that of all customers;
//   - to the first order of a new customer (lambda - 1) x the mean first order is
//     added, which makes it count for the customer's lifetime (DESIGN: What a
//     sale is worth).
func PlanValueRules(in ValueRuleInput) ValueRulePlan {
	p := rulePlanner{in: in, index: newIndex(in.Input), out: ValueRulePlan{Facts: map[string]guard.Facts{}}}
	if !in.Policy.ValueRules.Enabled {
		return p.out
	}
	for i := range in.Accounts {
		a := &in.Accounts[i]
		for _, e := range a.Entities {
			switch list, known := in.Lists[e.ID]; {
			case e.Type == platform.ValueRule && known:
				p.list(a, e, list)
			case e.Type == platform.NewCustomerGoal && in.Policy.ValueRules.NewCustomerValue:
				p.newCustomers(a, e)
			}
		}
	}
	return p.out
}

// rulePlanner is a plan of value rules under way.
type rulePlanner struct {
	in    ValueRuleInput
	index index
	out   ValueRulePlan
}

// list considers the rule of one audience list.
func (p *rulePlanner) list(a *Account, e platform.Entity, list AudienceValue) {
	c := platform.Change{Entity: e.Ref, Field: platform.ValueMultiplier, Seen: e.Fields[platform.ValueMultiplier]}
	own, all := list.Multiple(), p.in.Everyone.Multiple()
	if own == 0 || all == 0 {
		return // nothing is known of them
	}
	wanted, err := money.FromFloat(own / all)
	if err != nil {
		return
	}
	c.Value = wanted.RoundTo(money.One / 100)
	if list.People < leastMembers && !small(c, c.Value, 0) {
		p.block(a, e, c, []guard.Verdict{{Name: "minimum_data", Answer: guard.Block, Setting: "none",
			Detail: fmt.Sprintf("%d people are on the list; it takes %d to speak of them.", list.People, leastMembers)}})
		return
	}
	why := []string{fmt.Sprintf("An order from this list is worth %.2f times the average customer's.", own/all),
		fmt.Sprintf("With what is expected of its %d people over the next %d days it stands for %.2f times its price, the average customer's for %.2f times.",
			list.People, p.in.HorizonDays, own, all)}
	if c.Seen == money.One {
		why = append(why, "Their orders count once now. Applying sets a value rule of the ad account for this list alone.")
	}
	p.consider(a, e, c, 0, append(why, "Google Ads then bids as if their orders were worth that much. The value it reports changes with it, the shop's sales do not."), own)
}

// newCustomers considers what is added to a new customer's first order.
func (p *rulePlanner) newCustomers(a *Account, e platform.Entity) {
	first, err := money.FromFloat(p.in.FirstOrder)
	later, err2 := money.FromFloat((p.in.Lambda - 1) * p.in.FirstOrder)
	if err != nil || err2 != nil || first <= 0 || later < 0 {
		return // no lifetime model
	}
	c := platform.Change{Entity: e.Ref, Field: platform.NewCustomerValue, Seen: e.Fields[platform.NewCustomerValue], Value: later.RoundTo(money.MinorUnit(a.Currency))}
	why := []string{fmt.Sprintf("A new customer is worth %.2f first orders.", p.in.Lambda),
		fmt.Sprintf("Over the next %d days the later ones bring %s on top of a first order of %s.", p.in.HorizonDays,
			money.Format(c.Value, a.Currency), money.Format(first, a.Currency)),
		"Google Ads adds the value to what it reports of new customers' first orders, in the campaigns that use the goal of winning new customers, and bids accordingly."}
	p.consider(a, e, c, first, why, p.in.Lambda)
}

// consider passes a change by the dead band and the guardrails.
func (p *rulePlanner) consider(a *Account, e platform.Entity, c platform.Change, first money.Micros, why []string, multiple float64) {
	if small(c, c.Value, first) {
		return
	}
	f := p.facts(a, e)
	f.FirstOrder = first
	p.out.Facts[Key{a.Platform, a.ID, e.Ref}.String()] = f
	allowed, verdicts := guard.Check(p.in.Policy, guard.Propose, f, c)
	if p.in.LifetimeTold {
		verdicts = append(verdicts, guard.Verdict{Name: "counted_twice", Answer: guard.Block, Setting: "google.conversions.measure",
			Detail: "Google Ads is told the lifetime value of each order already; this would count it twice. Tell it revenue or margin to use value rules."})
	}
	if guard.Blocked(verdicts) {
		p.block(a, e, c, verdicts)
		return
	}
	if small(c, allowed, first) {
		return
	}
	if allowed != c.Value {
		why = append(why, fmt.Sprintf("Without guardrails it would be %s.", format(c.Field, c.Value, a.Currency)))
	}
	why = append(why, "No profit is promised: what Google Ads wins by bidding otherwise shows only once it does.")
	p.out.Drafts = append(p.out.Drafts, Draft{Platform: a.Platform, AdAccount: a.ID, Currency: a.Currency, Entity: e.Ref, Name: e.Name,
		Field: c.Field, Seen: c.Seen, Proposed: allowed,
		Body: Body{Reasons: why, Guardrails: verdicts, Evidence: Evidence{WindowStart: a.Today - 1, WindowEnd: a.Today - 1, LTVMultiple: multiple}}})
}

// small reports whether v changes too little of what an order counts for now:
// what is seen, and the order that it is added to.
func small(c platform.Change, v, first money.Micros) bool {
	return math.Abs(float64(v-c.Seen)) < leastRuleChange*float64(c.Seen+first)
}

func (p *rulePlanner) block(a *Account, e platform.Entity, c platform.Change, verdicts []guard.Verdict) {
	p.out.Blocked = append(p.out.Blocked, Blocked{Key: Key{a.Platform, a.ID, e.Ref}, Name: e.Name, Field: c.Field, Seen: c.Seen, Wanted: c.Value, Verdicts: verdicts})
}

// facts is what the guardrails look at for what an account says of sales.
func (p *rulePlanner) facts(a *Account, e platform.Entity) guard.Facts {
	f := guard.Facts{Name: e.Name, Platform: a.Platform, Currency: a.Currency, TimeZone: a.TimeZone,
		ExpectedCurrency: a.ExpectedCurrency, ExpectedTimeZone: a.ExpectedTimeZone,
		// A value need not be a multiple of the billable unit, only of the currency's.
		BudgetUnit: money.MinorUnit(a.Currency),
		Today:      a.Today, Refused: p.in.Refused[Key{a.Platform, a.ID, e.Ref}], Now: p.in.Now, KillSwitch: p.in.KillSwitch, ReadOnly: e.ReadOnly, Cycle: cycle(a.lag()), LastData: a.LastData}
	if f.ExpectedCurrency == "" {
		f.ExpectedCurrency = p.in.Currency
	}
	for _, c := range p.index.changes[Key{a.Platform, a.ID, e.Ref}] {
		f.LastChange = max(f.LastChange, c.Date)
		if !c.Ours && c.At.After(f.LastChangeByOther) {
			f.LastChangeByOther, f.OtherActor = c.At, c.Actor
		}
	}
	f.LastOutage = lastOutage(p.in.Outages, a.Platform)
	return f
}

// lastOutage is the newest day on which a whole platform's tracking was down.
func lastOutage(outages []response.Outage, p platform.Name) (last civil.Date) {
	for _, o := range outages {
		if o.Unit == "" && o.Platform == string(p) {
			last = max(last, o.Date)
		}
	}
	return last
}
