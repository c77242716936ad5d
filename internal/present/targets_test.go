package present

import (
	"encoding/json"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	row := func(typ platform.EntityType, id string, spend float64, under string) store.Model {
		r := bidding.Target{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: typ, ID: id}}, Name: "Name " + id, Level: bidding.Level(typ),
			Spend: spend, Under: under, Why: []string{"why " + id}, Worthwhile: bidding.Worthwhile{K: bidding.Estimate{Value: 0.4, Low: 0.3, High: 0.5}}}
		if id == "big" {
			r.ROAS, r.Current, r.BreakEven, r.NextEuro = 3, 4, &bidding.Estimate{Value: 2.5, Low: 2, High: 3}, &bidding.Estimate{Value: 1, Low: 1, High: 1}
			r.Customers = []bidding.Customer{{Level: bidding.NewCustomers, Why: "new", Worthwhile: bidding.Worthwhile{K: bidding.Estimate{Value: 0.8, Low: 0.7, High: 0.9}}}}
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return store.Model{Kind: "target", Key: r.Key.String(), Body: string(b)}
	}
	rows, err := ReadTargets([]store.Model{row("campaign", "part", 900, "google/1/budget/big"), row("budget", "small", 5, ""), row("budget", "big", 1000, ""),
		row("campaign", "lesser part", 100, "google/1/budget/big")})
	if err != nil {
		t.Fatal(err)
	}
	out := TargetsJSON("shop", rows)
	var order []string
	for _, r := range out {
		order = append(order, r.Entity.ID+":"+string(r.Level))
	}
	if got := strings.Join(order, " "); got != "big:budget big:new_customers part:campaign lesser part:campaign small:budget" {
		t.Errorf("the order is %s", got)
	}
	if big := out[0]; *big.ROAS != 3 || *big.CurrentTarget != 4 || *big.BreakEven != 2.5 || *big.BreakEvenLow != 2 || *big.NextEuro != 1 || big.Elasticity != nil || big.Account != "shop" {
		t.Errorf("%+v", big)
	}
	if c := out[1]; c.K != 0.8 || c.ROAS != nil || c.CurrentTarget != nil || c.NextEuro != nil || len(c.Why) != 1 || c.Why[0] != "new" || c.BreakEven != nil {
		t.Errorf("new customers: %+v", c)
	}
	b, err := json.Marshal(out[4])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"target":null`, `"break_even":null`, `"current_target":null`, `"roas":null`, `"elasticity":null`, `"next_euro":null`,
		`"entity":{"type":"budget","id":"small","name":"Name small"}`, `"k":0.4,"k_low":0.3,"k_high":0.5`, `"why":["why small"]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	if _, err := ReadTargets([]store.Model{{Key: "google/1/budget/x", Body: "{"}}); err == nil || !strings.Contains(err.Error(), "google/1/budget/x") {
		t.Errorf("a broken row gives %v", err)
	}
	if b, _ := json.Marshal(TargetsJSON("shop", nil)); string(b) != "[]" {
		t.Errorf("no rows are %s", b)
	}
}
