package nightly

import (
	"context"
	"errors"
	"slices"

	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// audienceModel is the kind under which a run keeps whom campaigns that go by
// lists are shown to, and which of them are shown to the same people.
const audienceModel = "audience"

// lookalikeList is the kind of a list whose members only the platform knows.
const lookalikeList = "lookalike"

// loadPeople counts who is on which of the lists kept here, where a campaign goes
// by lists.
func (n *night) loadPeople(ctx context.Context, in *bidding.Input) error {
	if !n.shop.Audience.Enabled {
		return nil
	}
	in.People = audiences.NewCensus()
	if !slices.ContainsFunc(in.Accounts, func(a bidding.Account) bool {
		return slices.ContainsFunc(a.Entities, func(e platform.Entity) bool { return e.Targeting != nil })
	}) {
		return nil
	}
	lists, err := n.Store.Lists(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	keys := map[[2]string]string{} // by platform and name
	for _, l := range lists {
		if l.Kind != lookalikeList {
			keys[[2]string{l.Platform, l.Name}] = bidding.ListKey(platform.Name(l.Platform), l.RemoteID)
		}
	}
	known := make([]string, 0, len(keys))
	for _, k := range keys {
		known = append(known, k)
	}
	in.People = audiences.NewCensus(known...)
	var on []string
	return n.Store.EachOnLists(ctx, n.shop.Name, func(p, _ string, lists []string) error {
		on = on[:0]
		for _, l := range lists {
			on = append(on, keys[[2]string{p, l}])
		}
		in.People.Add(on)
		return nil
	})
}

// AudienceReport is what the newest night found of an account's audiences, with
// its run; the run is zero where no night has looked.
func (s *Steward) AudienceReport(ctx context.Context, account string) (bidding.Audiences, store.Run, error) {
	runs, err := s.Store.Runs(ctx, account, lookBackDays)
	if err != nil {
		return bidding.Audiences{}, store.Run{}, err
	}
	for _, r := range runs {
		a, err := loadModel[bidding.Audiences](ctx, s.Store.Queries, r.RunID, audienceModel, "")
		if !errors.Is(err, store.ErrNotFound) {
			return a, r, err
		}
	}
	return bidding.Audiences{}, store.Run{}, nil
}
