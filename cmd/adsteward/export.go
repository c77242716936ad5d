package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"adsteward/bidding"
	"adsteward/internal/export"
	"adsteward/internal/platform"
	"adsteward/store"
)

func (c *exportCmd) Run(e *env) (err error) {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	rows, err := exportRows(e, a)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already; move it away or choose another name", c.File)
	}
	if err != nil {
		return usage("%v", err)
	}
	write := export.GoogleAdsEditor
	if c.Format == "meta-bulk" {
		write = export.MetaBulk
	}
	n, err := write(f, rows)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.File)) // nothing half-written stays
	}
	fmt.Fprintf(e.stdout, "%d approved changes in %s. They stay approved here: reject them if you upload the file, so that they are not pushed as well.\n", n, c.File)
	if rules := valueRules(rows); c.Format == "google-ads-editor" && rules > 0 {
		fmt.Fprintf(e.stdout, "%d approved value rules are not in it: Google Ads Editor has no columns for them. Push them, or set them in Google Ads.\n", rules)
	}
	items, err := a.store.Proposals(e.ctx, store.Filter{Field: string(platform.Excluded), States: []string{string(bidding.Approved)}})
	if len(items) > 0 {
		fmt.Fprintf(e.stdout, "%d approved changes of items are not in it: they go into the supplemental feed. Push them.\n", len(items))
	}
	return err
}

// valueRules counts the rows that no bulk-edit sheet has columns for.
func valueRules(rows []export.Row) int {
	n := 0
	for _, r := range rows {
		if platform.Field(r.Field).TellsWorth() {
			n++
		}
	}
	return n
}

// exportRows are the approved changes with the campaigns they are about.
func exportRows(e *env, a *app) ([]export.Row, error) {
	ps, err := a.store.Proposals(e.ctx, store.Filter{States: []string{string(bidding.Approved)}})
	if err != nil {
		return nil, err
	}
	entities, err := a.store.Entities(e.ctx, "")
	if err != nil {
		return nil, err
	}
	rows := make([]export.Row, 0, len(ps))
	for _, p := range ps {
		if p.Field == string(platform.Excluded) {
			continue // it goes into the supplemental feed
		}
		r := export.Row{Proposal: p}
		for _, row := range entities {
			var en platform.Entity
			if err := json.Unmarshal([]byte(row.Detail), &en); err != nil {
				return nil, fmt.Errorf("the stored %s %s cannot be read: %w", row.EntityType, row.EntityID, err)
			}
			if row.Platform != p.Platform || row.AdAccount != p.AdAccount {
				continue
			}
			changed := platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}
			switch {
			case en.Ref == changed:
				r.Shared = en.Shared
				if en.Parent.ID != "" {
					r.Campaigns = append(r.Campaigns, nameOf(entities, p, en.Parent))
				}
			case en.Type == platform.Campaign && (en.Budget == changed || en.Strategy == changed):
				r.Campaigns = append(r.Campaigns, en)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// nameOf finds the campaign an ad group or ad set belongs to.
func nameOf(entities []store.Entity, p store.Proposal, parent platform.Ref) platform.Entity {
	for _, row := range entities {
		if row.Platform == p.Platform && row.AdAccount == p.AdAccount && row.EntityType == string(parent.Type) && row.EntityID == parent.ID {
			return platform.Entity{Ref: parent, Name: row.Name}
		}
	}
	return platform.Entity{Ref: parent}
}
