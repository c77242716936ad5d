// Package export writes approved changes as the platforms' own bulk-edit
// sheets, for people who rather upload a file than let a program push. It
// reads nothing and decides nothing.
package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Row is one approved change with the entities a sheet has to name.
type Row struct {
	store.Proposal
	// Campaigns are the campaigns the changed entity serves, by name: one for
	// a campaign or a budget of its own, several for what is shared.
	Campaigns []platform.Entity
	Shared    bool
}

// GoogleAdsEditor writes the columns Google Ads Editor recognises: a campaign's
// daily budget and target ROAS, a shared budget by its name, an ad group's
// maximum CPC. It returns how many rows were written; changes of other
// platforms are left out, and value rules, for which it has no columns.
func GoogleAdsEditor(w io.Writer, rows []Row) (int, error) {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"Campaign", "Campaign daily budget", "Target ROAS", "Budget name", "Budget", "Bid strategy name", "Ad group", "Max CPC"}) // Flush tells
	n := 0
	for _, r := range rows {
		if r.Platform != string(platform.Google) || platform.Field(r.Field).TellsWorth() {
			continue
		}
		campaign := ""
		if len(r.Campaigns) > 0 {
			campaign = r.Campaigns[0].Name
		}
		rec, err := googleRecord(r, campaign)
		if err != nil {
			return n, err
		}
		_ = out.Write(rec)
		n++
	}
	out.Flush()
	return n, out.Error()
}

func googleRecord(r Row, campaign string) ([]string, error) {
	value := amount(r.Proposed, r.Currency)
	switch f := platform.Field(r.Field); {
	case f == platform.DailyBudget && r.Shared:
		return []string{"", "", "", r.EntityName, value, "", "", ""}, nil
	case f == platform.DailyBudget:
		return []string{campaign, value, "", "", "", "", "", ""}, nil
	case f == platform.TargetROAS && r.EntityType == string(platform.Portfolio):
		return []string{"", "", percent(r.Proposed), "", "", r.EntityName, "", ""}, nil
	case f == platform.TargetROAS:
		return []string{r.EntityName, "", percent(r.Proposed), "", "", "", "", ""}, nil
	case f == platform.CPCBid:
		return []string{campaign, "", "", "", "", "", r.EntityName, value}, nil
	}
	return nil, fmt.Errorf("proposal %s changes %s, which Google Ads Editor's sheet has no column for", r.ProposalID, r.Field)
}

// MetaBulk writes the columns of Meta Ads Manager's own export that its import
// takes back: ids, names, daily budgets and bids. It returns how many rows were
// written; changes of other platforms are left out.
func MetaBulk(w io.Writer, rows []Row) (int, error) {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"Campaign ID", "Campaign Name", "Campaign Daily Budget", "Ad Set ID", "Ad Set Name", "Ad Set Daily Budget", "Bid Amount", "Minimum ROAS"}) // Flush tells
	n := 0
	for _, r := range rows {
		if r.Platform != string(platform.Meta) {
			continue
		}
		rec := make([]string, 8)
		budget := 2
		if r.EntityType == string(platform.AdSet) {
			rec[3], rec[4], budget = r.EntityID, r.EntityName, 5
		} else {
			rec[0], rec[1] = r.EntityID, r.EntityName
		}
		switch platform.Field(r.Field) {
		case platform.DailyBudget:
			rec[budget] = amount(r.Proposed, r.Currency)
		case platform.BidAmount:
			rec[6] = amount(r.Proposed, r.Currency)
		case platform.ROASFloor:
			rec[7] = r.Proposed.Decimal()
		default:
			return n, fmt.Errorf("proposal %s changes %s, which Meta's sheet has no column for", r.ProposalID, r.Field)
		}
		_ = out.Write(rec)
		n++
	}
	out.Flush()
	return n, out.Error()
}

// amount is money without thousands separators, with the currency's decimals.
func amount(m money.Micros, currency string) string {
	return strings.ReplaceAll(money.Plain(m, currency), ",", "")
}

// percent writes a ratio as Google Ads Editor does: 3.5 is 350%.
func percent(m money.Micros) string { return (m * 100).Decimal() + "%" }
