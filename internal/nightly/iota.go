package nightly

import (
	"context"

	"adsteward/attribution"
	"adsteward/attribution/lift"
)

// measureShares puts what experiments found in the place of what is believed: a
// campaign's own, the older the less, and those of campaigns that speak to the
// same people. Without an entry in the ledger nothing changes.
func (n *night) measureShares(ctx context.Context, shares []attribution.Share) error {
	rows, err := n.Store.IotaLedger(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	var found []lift.Measured
	for _, r := range rows {
		if r.Ended < n.date {
			found = append(found, lift.Measured{Campaign: r.Campaign, Source: r.ExperimentID, Iota: r.Value, SD: r.SD, AgeDays: n.date.Sub(r.Ended)})
		}
	}
	if len(found) == 0 {
		return nil
	}
	beliefs := make([]lift.Believed, len(shares))
	for i, s := range shares {
		beliefs[i] = lift.Believed{Campaign: s.Campaign, Group: string(s.Addressed.Audience), Mean: s.Iota, SD: s.RelSD * s.Iota}
	}
	out, err := lift.Ledger(beliefs, found)
	if err != nil {
		return err
	}
	for i, m := range out {
		if m.Measured || m.Pooled > 0 {
			shares[i].Take(m)
		}
	}
	return nil
}
