package export

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

func row(p platform.Name, t platform.EntityType, f platform.Field, name, currency string, v money.Micros, shared bool, campaigns ...string) Row {
	r := Row{Proposal: store.Proposal{ProposalID: "p1", Platform: string(p), EntityType: string(t), EntityID: "77", EntityName: name,
		Field: string(f), Currency: currency, Proposed: v}, Shared: shared}
	for _, c := range campaigns {
		r.Campaigns = append(r.Campaigns, platform.Entity{Name: c})
	}
	return r
}

func TestSheets(t *testing.T) {
	t.Parallel()
	rows := []Row{
		row(platform.Google, platform.Budget, platform.DailyBudget, "Brand budget", "EUR", 1_250_500_000, false, "Brand, DACH"),
		row(platform.Google, platform.Budget, platform.DailyBudget, "Shopping shared", "JPY", 12_000_000_000, true, "A", "B"),
		row(platform.Google, platform.Portfolio, platform.TargetROAS, "tROAS", "EUR", 3_450_000, false, "C", "D"),
		row(platform.Google, platform.AdGroup, platform.CPCBid, "Group 1", "EUR", 420_000, false, "E"),
		row(platform.Meta, platform.Campaign, platform.DailyBudget, "Prospecting", "KWD", 12_345_000, false),
		row(platform.Meta, platform.AdSet, platform.ROASFloor, "Set 1", "EUR", 2_100_000, false),
		row(platform.Google, platform.ValueRule, platform.ValueMultiplier, "high LTV", "EUR", 1_150_000, false), // no sheet has columns for these
		row(platform.Google, platform.NewCustomerGoal, platform.NewCustomerValue, "New customers", "EUR", 13_080_000, false),
	}
	var google, meta strings.Builder
	if n, err := GoogleAdsEditor(&google, rows); err != nil || n != 4 {
		t.Fatalf("GoogleAdsEditor: %d rows, %v", n, err)
	}
	if n, err := MetaBulk(&meta, rows); err != nil || n != 2 {
		t.Fatalf("MetaBulk: %d rows, %v", n, err)
	}
	wantGoogle := `Campaign,Campaign daily budget,Target ROAS,Budget name,Budget,Bid strategy name,Ad group,Max CPC
"Brand, DACH",1250.50,,,,,,
,,,Shopping shared,12000,,,
,,345%,,,tROAS,,
E,,,,,,Group 1,0.42
`
	wantMeta := `Campaign ID,Campaign Name,Campaign Daily Budget,Ad Set ID,Ad Set Name,Ad Set Daily Budget,Bid Amount,Minimum ROAS
77,Prospecting,12.345,,,,,
,,,77,Set 1,,,2.1
`
	if d := cmp.Diff(wantGoogle, google.String()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(wantMeta, meta.String()); d != "" {
		t.Error(d)
	}
}

func TestFieldWithoutColumnIsAnError(t *testing.T) {
	t.Parallel()
	_, err := GoogleAdsEditor(&strings.Builder{}, []Row{row(platform.Google, platform.Campaign, platform.BidAmount, "x", "EUR", 1, false)})
	if err == nil || !strings.Contains(err.Error(), "p1") {
		t.Errorf("got %v, want an error that names the proposal", err)
	}
}
