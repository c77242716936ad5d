package googleads

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// yieldRows is about how many rows Performance hands over at a time: whole
// days, until there are as many.
const yieldRows = 5000

// Structure implements platform.Ads. It takes four operations, one less where
// no campaign bids by hand, two or three more where audience lists are wanted, and
// four where value rules are.
func (c *Client) Structure(ctx context.Context) ([]platform.Entity, error) {
	var all []platform.Entity
	manual := false
	for _, t := range entityTypes {
		if t == platform.AdGroup && !manual {
			continue
		}
		rows, err := c.rows(ctx, c.customer, structureQueries[t])
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			manual = manual || r.GetCampaign().GetBiddingStrategyType() == enums.BiddingStrategyTypeEnum_MANUAL_CPC
		}
		if all, err = appendEntities(all, t, rows); err != nil {
			return nil, err
		}
	}
	if c.listLists {
		lists, err := c.targeting(ctx)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].Type == platform.Campaign {
				all[i].Targeting = lists[all[i].ID]
			}
		}
	}
	if !c.listWorth {
		return all, nil
	}
	worth, err := c.worthOf(ctx, nil, true)
	return append(all, worth...), err
}

// Read implements platform.Ads. It takes one operation for each type among refs
// and thousand entities of it, and two more for value rules.
func (c *Client) Read(ctx context.Context, refs []platform.Ref) ([]platform.Entity, error) {
	var all []platform.Entity
	for _, t := range entityTypes {
		err := c.byID(ctx, t, refs, func(rows []*services.GoogleAdsRow) (err error) {
			all, err = appendEntities(all, t, rows)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	worth, err := c.readWorth(ctx, refs)
	return append(all, worth...), err
}

func appendEntities(all []platform.Entity, t platform.EntityType, rows []*services.GoogleAdsRow) ([]platform.Entity, error) {
	for _, r := range rows {
		e, err := readEntity(t, r)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// byID hands over the rows of the entities of type t among refs.
func (c *Client) byID(ctx context.Context, t platform.EntityType, refs []platform.Ref, each func([]*services.GoogleAdsRow) error) error {
	for chunk := range slices.Chunk(digits(t, refs), idsPerQuery) {
		rows, err := c.rows(ctx, c.customer, byIDQuery(t, chunk))
		if err != nil {
			return err
		}
		if err := each(rows); err != nil {
			return err
		}
	}
	return nil
}

// digits are the ids of the entities of type t among refs, each once.
func digits(t platform.EntityType, refs []platform.Ref) (ids []string) {
	for _, r := range refs {
		if r.Type == t && isDigits(r.ID) {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Performance implements platform.Ads. It takes one operation, and one more
// each time a broken stream is taken up again. Whole days are handed over, in
// order, each once.
func (c *Client) Performance(ctx context.Context, from, to civil.Date, yield func([]platform.Performance) error) error {
	if to < from {
		return nil
	}
	r := &report[platform.Performance]{next: from, read: readPerformance, date: func(p platform.Performance) civil.Date { return p.Date }, yield: yield}
	return r.run(ctx, c, func(from civil.Date) string { return performanceQuery(from, to) })
}

// PartPerformance implements platform.Parts. It takes one operation for each thousand
// campaigns, and one more each time a broken stream is taken up again. Of each thousand
// whole days are handed over, in order, each once.
func (c *Client) PartPerformance(ctx context.Context, campaigns []platform.Ref, from, to civil.Date, yield func([]platform.Performance) error) error {
	for ids := range slices.Chunk(digits(platform.Campaign, campaigns), idsPerQuery) {
		if to < from {
			return nil
		}
		r := &report[platform.Performance]{next: from, read: readPerformance, date: func(p platform.Performance) civil.Date { return p.Date }, yield: yield}
		if err := r.run(ctx, c, func(from civil.Date) string { return partsQuery(ids, from, to) }); err != nil {
			return err
		}
	}
	return nil
}

// errRefused ends a stream whose rows yield did not want; whatever kind yield's
// own error is of, the stream is not repeated.
var errRefused = errors.New("the rows were refused")

// report gathers rows that arrive in the order of their days.
type report[T any] struct {
	next    civil.Date // the first day that was not handed over
	days    []T
	read    func(*services.GoogleAdsRow) (T, error)
	date    func(T) civil.Date
	yield   func([]T) error
	refused error // yield's
}

// run asks for the days from r.next on, and again from the first that was not
// complete where a stream breaks.
func (r *report[T]) run(ctx context.Context, c *Client, query func(from civil.Date) string) error {
	_, err := attempt(ctx, &c.core, func(ctx context.Context) (struct{}, error) {
		r.days = nil // of a broken stream; they are asked for again
		if err := c.stream(ctx, c.customer, query(r.next), r.add); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, r.hand()
	})
	if r.refused != nil {
		return r.refused
	}
	return err
}

func (r *report[T]) add(rows []*services.GoogleAdsRow) error {
	for _, row := range rows {
		p, err := r.read(row)
		if err != nil {
			return err
		}
		last := r.next
		if n := len(r.days); n > 0 {
			last = r.date(r.days[n-1])
		}
		date := r.date(p)
		if date < last {
			return malformed("the report is not in the order of its days")
		}
		if date > last && len(r.days) >= yieldRows {
			if err := r.hand(); err != nil {
				return err
			}
		}
		r.days = append(r.days, p)
	}
	return nil
}

// hand gives the rows gathered, whole days, to yield.
func (r *report[T]) hand() error {
	if len(r.days) == 0 {
		return nil
	}
	rows := r.days
	r.days = nil
	r.next = r.date(rows[len(rows)-1]) + 1
	if r.refused = r.yield(rows); r.refused != nil {
		return errRefused
	}
	return nil
}

// Changes implements platform.Ads. Google keeps 30 days; what is older than 29
// is left out, and its history has no portfolio strategies. It takes one
// operation for each 10,000 changes, and two to learn the account's time zone
// the first time.
func (c *Client) Changes(ctx context.Context, since time.Time) ([]platform.ChangeEvent, error) {
	zone, err := c.zone(ctx)
	if err != nil {
		return nil, err
	}
	now := c.now().In(zone)
	from := since.In(zone)
	if oldest := now.AddDate(0, 0, -changeDays); from.Before(oldest) {
		from = oldest
	}
	var events []platform.ChangeEvent
	seen := map[string]bool{} // pages overlap in the moment where they meet
	for {
		rows, err := c.rows(ctx, c.customer, changesQuery(from, now))
		if err != nil {
			return nil, err
		}
		last := from
		for _, r := range rows {
			change := r.GetChangeEvent()
			if seen[change.GetResourceName()] {
				continue
			}
			seen[change.GetResourceName()] = true
			read, err := readChange(change, zone)
			if err != nil {
				return nil, err
			}
			events = append(events, read...)
			last = read[0].At
		}
		if len(rows) < changeRows {
			return events, nil
		}
		if !last.After(from) {
			return nil, malformed("more changes were made in one moment than Google Ads lists")
		}
		from = last
	}
}
