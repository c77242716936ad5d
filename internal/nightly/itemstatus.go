package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"adsteward/feeds"
	"adsteward/internal/platform"
	"adsteward/store"
)

// ItemScoreModel is the kind under which a run keeps a feeds.PlatformScore, by platform.
const ItemScoreModel = "item_score"

// itemAbsent is the state of an item that a feed has and the platform has not.
const itemAbsent = "absent"

// checkCatalogs reads each connected platform's judgement of its items, stores
// it beside our own, and scores ours. A catalog that cannot be read is left as it
// was, and so is one whose feed could not be read.
func (n *night) checkCatalogs(ctx context.Context, w *world) (said string, fault, err error) {
	if !w.whole(platform.Google) && !w.whole(platform.Meta) {
		return "", nil, nil
	}
	conns, fault := n.shop.Connect(ctx)
	defer n.closeAll(conns)
	var models modelSet
	for _, c := range conns {
		p := c.Ads.Platform()
		if c.Catalog == nil || !w.whole(p) {
			continue
		}
		score, err := n.readCatalog(ctx, c, w.predicted[p])
		if uerr := n.countUsage(ctx, c); uerr != nil {
			return said, fault, uerr
		}
		if store.IsUnusable(err) {
			return said, fault, err
		}
		if err != nil {
			fault = errors.Join(fault, fmt.Errorf("the catalog of %s: %w", p, err))
			continue
		}
		models.add(n.runID, ItemScoreModel, string(p), score)
		said += fmt.Sprintf("; %s has judged %d items and refuses %d", p, score.Items, score.Recall.N)
	}
	return said, fault, models.put(ctx, n.Store.Queries)
}

func (n *night) readCatalog(ctx context.Context, c Connection, predicted map[string][]feeds.Prediction) (feeds.PlatformScore, error) {
	p := string(c.Ads.Platform())
	statuses := map[string]platform.ItemStatus{}
	err := c.Catalog.ItemStatuses(ctx, func(batch []platform.ItemStatus) error {
		for _, s := range batch {
			statuses[s.ItemID] = merged(statuses[s.ItemID], s)
		}
		return nil
	})
	if err != nil {
		return feeds.PlatformScore{}, err
	}
	groups, err := c.Catalog.Groups(ctx)
	if err != nil {
		return feeds.PlatformScore{}, err
	}
	out := feeds.PlatformScore{Platform: p, At: n.Now(), States: map[string]int{}, Groups: []feeds.CatalogGroup{}}
	for _, g := range groups {
		out.Groups = append(out.Groups, feeds.CatalogGroup(g))
	}
	scorer := feeds.NewScorer(p)
	var rows []store.ItemStatus
	add := func(id, state string, issues []platform.ItemIssue) error {
		own, inFeed := predicted[id]
		j := feeds.Judged{ItemID: id, InFeed: inFeed, Predicted: own, Pending: state == string(platform.ItemPending),
			Refused: state == string(platform.ItemDisapproved) || state == itemAbsent, Absent: state == itemAbsent}
		for _, i := range issues {
			j.Observed = append(j.Observed, feeds.Observation{Code: i.Code, Attribute: i.Attribute, Description: i.Description})
		}
		scorer.Add(j)
		out.States[state]++
		row := store.ItemStatus{ItemID: id, State: state, SeenAt: out.At}
		theirs, err := json.Marshal(append([]platform.ItemIssue{}, issues...))
		if err != nil {
			return err
		}
		ours := []byte{}
		if inFeed {
			if ours, err = json.Marshal(append([]feeds.Prediction{}, own...)); err != nil {
				return err
			}
		}
		row.Issues, row.Predicted = string(theirs), string(ours)
		rows = append(rows, row)
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(statuses)) {
		if err := add(id, string(statuses[id].State), statuses[id].Issues); err != nil {
			return out, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(predicted)) {
		if _, known := statuses[id]; !known {
			if err := add(id, itemAbsent, nil); err != nil {
				return out, err
			}
		}
	}
	out.Score = scorer.Score()
	return out, n.Store.ReplaceItemStatuses(ctx, n.shop.Name, p, rows)
}

// merged is an item that a platform lists several times, for several countries
// or languages: shown in some only, it is limited.
func merged(a, b platform.ItemStatus) platform.ItemStatus {
	if a.ItemID == "" || a.State == b.State {
		b.Issues = append(a.Issues, b.Issues...)
		return b
	}
	a.Issues = append(a.Issues, b.Issues...)
	switch {
	case a.State == platform.ItemPending:
		a.State = b.State
	case b.State == platform.ItemPending:
	default:
		a.State = platform.ItemLimited
	}
	return a
}
