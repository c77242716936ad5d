package googleads

import (
	"context"
	"slices"

	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/platform"
)

// Validate implements platform.Ads. A change counts as an operation, and
// looking up how campaigns and portfolios bid as one for each thousand. A value
// rule counts three for looking up what is there, and one or two for the rule
// and its set; the new-customer value one and one.
func (c *Client) Validate(ctx context.Context, changes []platform.Change) ([]platform.Result, error) {
	return c.run(ctx, changes, true)
}

// Apply implements platform.Ads. Operations count as for Validate. Changes that
// the platform refused without effect, for quota or because something else was
// changing the same entity, are sent again under the retry policy; what may
// have taken effect never is.
func (c *Client) Apply(ctx context.Context, changes []platform.Change) ([]platform.Result, error) {
	return c.run(ctx, changes, false)
}

func (c *Client) run(ctx context.Context, changes []platform.Change, validateOnly bool) ([]platform.Result, error) {
	results := make([]platform.Result, len(changes))
	strategies, err := c.strategies(ctx, changes, results)
	if err != nil {
		return nil, err
	}
	for _, t := range entityTypes {
		var at []int // positions of the changes to send
		for i, change := range changes {
			if change.Entity.Type == t && results[i].Err == nil {
				at = append(at, i)
			}
		}
		for batch := range slices.Chunk(at, changesPerRequest) {
			c.runBatch(ctx, t, batch, changes, strategies, validateOnly, results)
		}
	}
	for i, change := range changes {
		if change.Field.TellsWorth() && results[i].Err == nil {
			results[i] = c.changeWorth(ctx, change, validateOnly)
		}
	}
	return results, nil
}

// strategies looks up how the entities bid whose target changes, and refuses in
// results what must not be sent. An error means that it could not be looked up.
func (c *Client) strategies(ctx context.Context, changes []platform.Change, results []platform.Result) (map[platform.Ref]bidding, error) {
	var refs []platform.Ref
	for i, change := range changes {
		if err := check(change); err != nil {
			results[i].Err = err
		} else if change.Field == platform.TargetROAS {
			refs = append(refs, change.Entity)
		}
	}
	known := map[platform.Ref]bidding{}
	refused := map[platform.Ref]error{}
	for _, t := range []platform.EntityType{platform.Campaign, platform.Portfolio} {
		err := c.byID(ctx, t, refs, func(rows []*services.GoogleAdsRow) error {
			for _, row := range rows {
				ref, strategy, err := readBidding(t, row)
				if err != nil {
					refused[ref] = err
				} else {
					known[ref] = strategy
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i, change := range changes {
		if results[i].Err != nil || change.Field != platform.TargetROAS || known[change.Entity] != "" {
			continue
		}
		results[i].Err = refused[change.Entity]
		if results[i].Err == nil {
			results[i].Err = refuse("there is no "+string(change.Entity.Type)+" "+change.Entity.ID+", or it was removed", "")
		}
	}
	return known, nil
}

// runBatch sends the changes at some positions, all of one type, and fills in
// their results.
func (c *Client) runBatch(ctx context.Context, t platform.EntityType, at []int, changes []platform.Change,
	strategies map[platform.Ref]bidding, validateOnly bool, results []platform.Result) {
	pending := at
	_, err := attempt(ctx, &c.core, func(ctx context.Context) (struct{}, error) {
		batch := make([]platform.Change, len(pending))
		for i, p := range pending {
			batch[i] = changes[p]
		}
		id, errs, err := c.send(ctx, mutateRequest(c.customer, t, batch, strategies, validateOnly), len(batch), !validateOnly)
		if err != nil {
			for _, p := range pending {
				results[p] = platform.Result{RequestID: id, Err: err}
			}
			return struct{}{}, err
		}
		var repeat []int
		var first error
		for i, p := range pending {
			results[p] = platform.Result{RequestID: id}
			if errs[i] == nil {
				continue
			}
			results[p].Err = errs[i]
			if errs[i].Kind == platform.Retryable || errs[i].Kind == platform.Quota {
				repeat = append(repeat, p)
				if first == nil {
					first = errs[i]
				}
			}
		}
		pending = repeat
		return struct{}{}, first
	})
	if err == nil {
		return
	}
	for _, p := range pending {
		if results[p].Err == nil { // not even sent
			results[p].Err = err
		}
	}
}
