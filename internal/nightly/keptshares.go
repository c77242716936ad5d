package nightly

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/store"
)

// shareBasis is what a night's incremental shares rest on besides orders and claims.
type shareBasis struct {
	Date      civil.Date                       `json:"date"` // of the night that found them
	Priors    attribution.Priors               `json:"priors"`
	Addressed map[string]attribution.Addressed `json:"addressed"` // by campaign
	Splits    []string                         `json:"splits"`    // what somebody said of who is not one person
	// measured says that there are experiments, whose word fades day by day: what rests
	// on them serves one night.
	measured bool
}

const shareBasisModel = "attribution_basis"

func (n *night) shareBasis(ctx context.Context) (shareBasis, error) {
	b := shareBasis{Date: n.date, Priors: n.shop.Policy.Incremental}
	var err error
	if b.Addressed, err = n.addressed(ctx, b.Priors); err != nil {
		return b, err
	}
	rows, err := n.Store.Splits(ctx, n.shop.Name)
	for _, r := range rows {
		b.Splits = append(b.Splits, r.A+" "+r.B)
	}
	if err != nil {
		return b, err
	}
	measured, err := n.Store.IotaLedger(ctx, n.shop.Name)
	b.measured = len(measured) > 0
	return b, err
}

// serves reports whether shares that rest on b hold for a night that would rest on o.
func (b shareBasis) serves(o shareBasis) bool {
	young := o.Date.Sub(b.Date) < journeysNights
	b.Date = o.Date
	return young && !o.measured && reflect.DeepEqual(b, o)
}

// keptShares are the incremental shares that a night shortly before has found, by
// campaign, and of when they are. They rest on iotaDays, in which a day more changes
// little, and serve until journeys are due again, unless there are experiments or
// something else that they rest on has changed. nil are none.
func (n *night) keptShares(ctx context.Context, basis shareBasis) (map[string]attribution.Share, civil.Date, error) {
	for k := 1; k < journeysNights; k++ {
		run := RunID(n.shop.Name, n.date.AddDays(-k))
		of, err := loadModel[shareBasis](ctx, n.Store.Queries, run, shareBasisModel, "")
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil || !of.serves(basis) {
			return nil, 0, err
		}
		shares, err := loadModels[attribution.Share](ctx, n.Store.Queries, run, "attribution")
		for _, s := range shares {
			if s.Measured != nil { // by an experiment that is there no more
				return nil, 0, err
			}
		}
		return shares, of.Date, err
	}
	return nil, 0, nil
}

// addShares puts the incremental shares among the night's models: those kept, with
// what is believed of campaigns that came since, or those that the values tell.
func (n *night) addShares(ctx context.Context, models *modelSet, basis shareBasis, kept map[string]attribution.Share, values []attribution.CampaignValue) error {
	if kept != nil {
		values = slices.DeleteFunc(values, func(v attribution.CampaignValue) bool { _, known := kept[v.Campaign]; return known })
		for i, v := range values { // of their days none is old enough to be compared
			values[i] = attribution.CampaignValue{Campaign: v.Campaign, Addressed: v.Addressed}
		}
	}
	shares := attribution.Shares(values, basis.Priors)
	for _, c := range slices.Sorted(maps.Keys(kept)) {
		shares = append(shares, kept[c])
	}
	if err := n.measureShares(ctx, shares); err != nil {
		return err
	}
	models.add(n.runID, shareBasisModel, "", basis)
	for _, s := range shares {
		models.add(n.runID, "attribution", s.Campaign, s)
	}
	return nil
}
