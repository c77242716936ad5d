package googleads_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
)

const customer = "customers/1234567890"

// withLists is an account with value rules wanted and two audience lists, whose
// ids are 7000000001 and 7000000002, and a lookalike.
func withLists(t *testing.T) *rig {
	t.Helper()
	r := setup(t)
	r.client = r.open(true)
	for _, l := range []lists.List{{Name: "high LTV", Kind: lists.CRM}, {Name: "carts", Kind: lists.CRM}, {Name: "alike", Kind: lists.Lookalike, Seed: 7_000_000_001}} {
		if _, err := r.lists.Create(l); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func listRule(id string, seen, to money.Micros) platform.Change {
	return platform.Change{Entity: platform.Ref{Type: platform.ValueRule, ID: id}, Field: platform.ValueMultiplier, Seen: seen, Value: to}
}

func addedValue(seen, to money.Micros) platform.Change {
	return platform.Change{Entity: platform.Ref{Type: platform.NewCustomerGoal, ID: "1234567890"}, Field: platform.NewCustomerValue, Seen: seen, Value: to}
}

func TestValueRulesAgainstEmulator(t *testing.T) {
	t.Parallel()
	r := withLists(t)
	all := r.entities()
	high, carts, goal := all["value_rule/high LTV"], all["value_rule/carts"], all["new_customer_goal/New customers"]
	if len(all) != 16 || high.Fields[platform.ValueMultiplier] != money.One || carts.ID != "7000000002" || goal.ReadOnly != "" || goal.ID != "1234567890" {
		t.Fatalf("%d entities: %+v, %+v, %+v", len(all), high, carts, goal)
	}
	if _, unwanted := (&rig{client: r.open(false), t: t}).entities()["value_rule/carts"]; unwanted {
		t.Error("value rules are listed although they are not wanted")
	}
	// Made with its set, put into the set there is, changed, and put back to once.
	for _, c := range []platform.Change{listRule(high.ID, money.One, 1_150_000), listRule(carts.ID, money.One, 900_000),
		listRule(high.ID, 1_150_000, 1_320_000), listRule(high.ID, 1_320_000, money.One),
		addedValue(0, 7_500_000), addedValue(7_500_000, 8_250_000), addedValue(8_250_000, 0)} {
		if res, err := r.client.Validate(t.Context(), []platform.Change{c}); err != nil || res[0].Err != nil || r.value(c) != c.Seen {
			t.Fatalf("validating %+v: %v, %v, then %v", c, res, err, r.value(c))
		}
		if res := r.apply(c); res[0].Err != nil || r.value(c) != c.Value {
			t.Fatalf("%+v: %v, then %v", c, res[0].Err, r.value(c))
		}
	}
	if used := r.server.OperationsUsed(); used <= r.client.Usage().Operations {
		t.Errorf("the account counts %d operations of both clients, the adapter %d", used, r.client.Usage().Operations)
	}
	before := r.server.OperationsUsed() - r.client.Usage().Operations
	r.apply(listRule(carts.ID, 900_000, 950_000), listRule(high.ID, money.One, 1_100_000), addedValue(0, money.One))
	if other := r.server.OperationsUsed() - r.client.Usage().Operations; other != before {
		t.Errorf("the account counts %d operations more than the adapter", other-before)
	}
	if gone, err := r.client.Read(t.Context(), []platform.Ref{{Type: platform.ValueRule, ID: "99"}}); err != nil || len(gone) != 0 {
		t.Errorf("a list that is not there reads as %v: %v", gone, err)
	}
}

func TestValueRulesRefused(t *testing.T) {
	t.Parallel()
	r := withLists(t)
	for name, c := range map[string]platform.Change{
		"too low":          listRule("7000000001", money.One, 490_000),
		"too high":         listRule("7000000001", money.One, 10_010_000),
		"no list":          listRule("99", money.One, 2*money.One),
		"a lookalike":      listRule("7000000003", money.One, 2*money.One),
		"negative":         addedValue(0, -1),
		"another account":  {Entity: platform.Ref{Type: platform.NewCustomerGoal, ID: "7"}, Field: platform.NewCustomerValue, Value: money.One},
		"no such field":    {Entity: platform.Ref{Type: platform.ValueRule, ID: "7000000001"}, Field: platform.TargetROAS, Value: money.One},
		"not Google's ids": listRule("x", money.One, 2*money.One),
	} {
		res, err := r.client.Apply(t.Context(), []platform.Change{c})
		if err != nil || platform.KindOf(res[0].Err) != platform.Rejected || res[0].Err.Error() == "" {
			t.Errorf("%s: %v, %v", name, res, err)
		}
	}
}

// TestValueRulesOfPeople leaves alone what somebody made with further conditions
// or twice, and says why.
func TestValueRulesOfPeople(t *testing.T) {
	t.Parallel()
	multiply := func(v float64) *resources.ConversionValueRule_ValueRuleAction {
		return &resources.ConversionValueRule_ValueRuleAction{Operation: enums.ValueRuleOperationEnum_MULTIPLY, Value: v}
	}
	audience := func(ids ...string) *resources.ConversionValueRule_ValueRuleAudienceCondition {
		c := &resources.ConversionValueRule_ValueRuleAudienceCondition{}
		for _, id := range ids {
			c.UserLists = append(c.UserLists, customer+"/userLists/"+id)
		}
		return c
	}
	add := &resources.ConversionValueRule_ValueRuleAction{Operation: enums.ValueRuleOperationEnum_ADD, Value: 5}
	mobile := &resources.ConversionValueRule_ValueRuleDeviceCondition{DeviceTypes: []enums.ValueRuleDeviceTypeEnum_ValueRuleDeviceType{enums.ValueRuleDeviceTypeEnum_MOBILE}}
	const audienceDim, deviceDim = enums.ValueRuleSetDimensionEnum_AUDIENCE, enums.ValueRuleSetDimensionEnum_DEVICE
	for name, c := range map[string]struct {
		rules []*resources.ConversionValueRule
		dims  []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension // of their set; none: no set
		want  string                                                  // in the reason; empty: it may be changed
		seen  money.Micros
	}{
		"one rule, in use":       {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001")}}, []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension{audienceDim}, "", 1_400_000},
		"one rule, not in a set": {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001")}}, nil, "", money.One},
		"another list's":         {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000002")}}, nil, "", money.One},
		"two rules":              {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001")}, {Action: multiply(2), AudienceCondition: audience("7000000001")}}, nil, "both speak of this list", money.One},
		"two lists":              {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001", "7000000002")}}, nil, "further conditions", money.One},
		"a device too":           {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001"), DeviceCondition: mobile}}, nil, "further conditions", money.One},
		"it adds":                {[]*resources.ConversionValueRule{{Action: add, AudienceCondition: audience("7000000001")}}, nil, "does not multiply", money.One},
		"paused":                 {[]*resources.ConversionValueRule{{Action: multiply(1.4), AudienceCondition: audience("7000000001"), Status: enums.ConversionValueRuleStatusEnum_PAUSED}}, nil, "paused", money.One},
		"the set is by device":   {[]*resources.ConversionValueRule{{Action: multiply(1.4), DeviceCondition: mobile}}, []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension{deviceDim}, "are by device", money.One},
		"by device and audience": {[]*resources.ConversionValueRule{{Action: multiply(1.4), DeviceCondition: mobile, AudienceCondition: audience("7000000002")}}, []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension{deviceDim, audienceDim}, "are by device and audience", money.One},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withLists(t)
			r.people(c.rules, c.dims)
			e := r.entities()["value_rule/high LTV"]
			if e.Fields[platform.ValueMultiplier] != c.seen || (e.ReadOnly == "") != (c.want == "") || !strings.Contains(e.ReadOnly, c.want) {
				t.Fatalf("it reads as %+v", e)
			}
			change := listRule(e.ID, c.seen, 1_300_000)
			res := r.try(change)
			if c.want == "" && (res.Err != nil || r.value(change) != 1_300_000) {
				t.Errorf("it is not changed: %v, %v", res.Err, r.value(change))
			}
			if c.want != "" && (platform.KindOf(res.Err) != platform.Rejected || !strings.Contains(res.Err.Error(), c.want)) {
				t.Errorf("it is changed all the same: %+v", res)
			}
		})
	}
}

// try makes one change that may be refused before it is sent.
func (r *rig) try(c platform.Change) platform.Result {
	r.t.Helper()
	res, err := r.client.Apply(r.t.Context(), []platform.Change{c})
	if err != nil {
		r.t.Fatal(err)
	}
	return res[0]
}

// people makes value rules and, unless there are no dimensions, their set.
func (r *rig) people(rules []*resources.ConversionValueRule, dims []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension) {
	r.t.Helper()
	conn, err := grpc.NewClient(r.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer x")
	var names []string
	for _, rule := range rules {
		made, err := services.NewConversionValueRuleServiceClient(conn).MutateConversionValueRules(ctx, &services.MutateConversionValueRulesRequest{
			CustomerId: "1234567890", Operations: []*services.ConversionValueRuleOperation{{Operation: &services.ConversionValueRuleOperation_Create{Create: rule}}}})
		if err != nil {
			r.t.Fatal(err)
		}
		names = append(names, made.GetResults()[0].GetResourceName())
	}
	if len(dims) == 0 {
		return
	}
	set := &resources.ConversionValueRuleSet{ConversionValueRules: names, Dimensions: dims, AttachmentType: enums.ValueRuleSetAttachmentTypeEnum_CUSTOMER}
	if _, err := services.NewConversionValueRuleSetServiceClient(conn).MutateConversionValueRuleSets(ctx, &services.MutateConversionValueRuleSetsRequest{
		CustomerId: "1234567890", Operations: []*services.ConversionValueRuleSetOperation{{Operation: &services.ConversionValueRuleSetOperation_Create{Create: set}}}}); err != nil {
		r.t.Fatal(err)
	}
}

// TestValueRulesTimeout settles by reading what got no answer, and repeats what
// was refused without effect.
func TestValueRulesTimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		change platform.Change
	}{{"Mutate", listRule("7000000001", money.One, 1_150_000)}, {"MutateGoals", addedValue(0, 7*money.One)}} {
		for _, kind := range []faults.Kind{faults.TimeoutBefore, faults.TimeoutAfter} {
			r := withLists(t)
			r.faults.Add(faults.Rule{Kind: kind, Method: c.method})
			res, err := r.client.Apply(r.impatient(500*time.Millisecond), []platform.Change{c.change})
			if err != nil || platform.KindOf(res[0].Err) != platform.Unknown {
				t.Errorf("%s, %s: %v, %v", c.method, kind, res, err)
			}
			want := c.change.Seen
			if kind == faults.TimeoutAfter {
				want = c.change.Value
			}
			if got := r.value(c.change); got != want {
				t.Errorf("%s, %s: it reads %v, not %v", c.method, kind, got, want)
			}
			back := c.change
			back.Value = 1_050_000
			r.faults.Add(faults.Rule{Kind: faults.RateLimit, Method: c.method, Times: 2})
			if res := r.apply(back); res[0].Err != nil || r.value(back) != back.Value {
				t.Errorf("%s: refused for its rate and not repeated: %v", c.method, res)
			}
			r.faults.Add(faults.Rule{Kind: faults.StaleRead, Method: "SearchStream", Times: 4})
			if stale := r.value(back); stale == back.Value {
				t.Errorf("%s: a stale read shows the newest value", c.method)
			}
		}
	}
}
