package store

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"time"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// UpsertAdAccount stores what is known of an ad account. Where days of it are stored
// in another currency, CountsFrom is stored too; else it stays as it was.
func (q *Queries) UpsertAdAccount(ctx context.Context, a AdAccount) error {
	a.UpdatedAt = utc(a.UpdatedAt)
	_, err := q.execNamed(ctx, `INSERT INTO ad_accounts
		(platform, ad_account, account, name, currency, time_zone, budget_unit, min_budget, updated_at)
		VALUES (:platform, :ad_account, :account, :name, :currency, :time_zone, :budget_unit, :min_budget, :updated_at)
		ON CONFLICT (platform, ad_account) DO UPDATE SET account = excluded.account, name = excluded.name,
		counts_from = CASE WHEN ad_accounts.currency <> excluded.currency AND EXISTS (SELECT 1 FROM performance p
			WHERE p.account = excluded.account AND p.platform = excluded.platform AND p.ad_account = excluded.ad_account)
			THEN :counts_from ELSE ad_accounts.counts_from END,
		currency = excluded.currency, time_zone = excluded.time_zone, budget_unit = excluded.budget_unit,
		min_budget = excluded.min_budget, updated_at = excluded.updated_at`, a)
	return err
}

// AdAccounts lists the ad accounts by platform and id.
func (q *Queries) AdAccounts(ctx context.Context, account string) ([]AdAccount, error) {
	w := inAccount(account)
	return all[AdAccount](ctx, q, `SELECT * FROM ad_accounts`+w.String()+` ORDER BY platform, ad_account`, w.args...)
}

// entityKey tells the entities of one ad account apart.
type entityKey struct{ entityType, id string }

// ReplaceEntities makes the given entities the whole structure of an ad account
// as read at now: others are forgotten, a new one and a changed detail go into
// the history. UpdatedAt becomes now, when each was last seen; FirstSeen stays.
func (q *Queries) ReplaceEntities(ctx context.Context, account, platform, adAccount string, now time.Time, entities []Entity) error {
	now = utc(now)
	entities = lastOf(entities, func(e *Entity) entityKey { return entityKey{e.EntityType, e.EntityID} })
	return q.atomically(ctx, func(q *Queries) error {
		old, err := all[Entity](ctx, q, `SELECT * FROM entities WHERE platform = ? AND ad_account = ?`, platform, adAccount)
		if err != nil {
			return err
		}
		known := make(map[entityKey]*Entity, len(old))
		for i := range old {
			known[entityKey{old[i].EntityType, old[i].EntityID}] = &old[i]
		}
		rows := slices.Clone(entities)
		var changed []Entity
		for i := range rows {
			e := &rows[i]
			e.Account, e.Platform, e.AdAccount, e.FirstSeen, e.UpdatedAt = account, platform, adAccount, now, now
			before := known[entityKey{e.EntityType, e.EntityID}]
			if before != nil {
				e.FirstSeen = before.FirstSeen
			}
			if before == nil || before.Detail != e.Detail {
				changed = append(changed, *e)
			}
		}
		if _, err := q.exec(ctx, `DELETE FROM entities WHERE platform = ? AND ad_account = ?`, platform, adAccount); err != nil {
			return err
		}
		if _, err := insertAll(ctx, q, upsert("entities", "platform ad_account entity_type entity_id", "account name detail first_seen updated_at"), rows, func(args []any, e *Entity) []any {
			return append(args, e.Platform, e.AdAccount, e.EntityType, e.EntityID, e.Account, e.Name, e.Detail, e.FirstSeen, e.UpdatedAt)
		}); err != nil {
			return err
		}
		_, err = insertAll(ctx, q, upsert("entity_history", "platform ad_account entity_type entity_id seen_at", "detail"), changed,
			func(args []any, e *Entity) []any {
				return append(args, e.Platform, e.AdAccount, e.EntityType, e.EntityID, now, e.Detail)
			})
		return err
	})
}

// Entities lists the structure by platform, ad account, type and id.
func (q *Queries) Entities(ctx context.Context, account string) ([]Entity, error) {
	w := inAccount(account)
	return all[Entity](ctx, q, `SELECT * FROM entities`+w.String()+` ORDER BY platform, ad_account, entity_type, entity_id`, w.args...)
}

// EntityHistory lists every detail an entity had, oldest first. Of each Entity
// it fills the key, Detail and, as UpdatedAt, when that detail was first seen.
func (q *Queries) EntityHistory(ctx context.Context, platform, adAccount, entityType, id string) ([]Entity, error) {
	return all[Entity](ctx, q, `SELECT platform, ad_account, entity_type, entity_id, detail, seen_at AS updated_at FROM entity_history
		WHERE platform = ? AND ad_account = ? AND entity_type = ? AND entity_id = ? ORDER BY seen_at`, platform, adAccount, entityType, id)
}

// UpsertChangeEvents stores changes made on the platform; known ones stay as they are.
func (q *Queries) UpsertChangeEvents(ctx context.Context, events []ChangeEvent) error {
	type key struct {
		platform, adAccount, entityType, id, field string
		at                                         int64
	}
	events = lastOf(events, func(e *ChangeEvent) key {
		return key{e.Platform, e.AdAccount, e.EntityType, e.EntityID, e.Field, e.At.UnixMicro()}
	})
	in := upsert("change_events", "platform ad_account entity_type entity_id field at", "account actor client old_value new_value")
	_, err := insertAll(ctx, q, in, events, func(args []any, e *ChangeEvent) []any {
		return append(args, e.Platform, e.AdAccount, e.EntityType, e.EntityID, e.Field, utc(e.At),
			e.Account, e.Actor, e.Client, int64(e.OldValue), int64(e.NewValue))
	})
	return err
}

// ChangeEvents lists the changes at or after since, oldest first.
func (q *Queries) ChangeEvents(ctx context.Context, account string, since time.Time) ([]ChangeEvent, error) {
	w := inAccount(account)
	w.add("at >= ?", utc(since))
	return all[ChangeEvent](ctx, q, `SELECT * FROM change_events`+w.String()+
		` ORDER BY at, platform, ad_account, entity_type, entity_id, field`, w.args...)
}

// Where a performance row stands against what is stored.
const (
	perfNew       = iota // or restated: cost, value or conversions differ
	perfTurned           // it has become part of others, or ceased to be
	perfTouched          // only clicks, impressions or those that could have been differ
	perfUnchanged        // nothing to write
)

// UpsertPerformance stores days as reported at the pull of asOf. A day that is
// new, or whose cost, value or conversions differ from the last report, also
// gets a row in the restatement history, unless it is part of others; what becomes
// part of others gets one of zeros, since what it had brought is theirs from then on. A
// day reported again unchanged is not written, so its PulledAt says when these figures
// were first seen.
func (q *Queries) UpsertPerformance(ctx context.Context, asOf civil.Date, rows []Performance) error {
	sorted := sortedPerformance(rows)
	state := make([]byte, len(sorted))
	const key = "account platform ad_account entity_type entity_id date"
	inPerf := upsert("performance", key, "cost value conversions clicks impressions eligible part pulled_at")
	inHistory := upsert("performance_history", key+" as_of", "cost value conversions")
	return q.atomically(ctx, func(q *Queries) error {
		for start := 0; start < len(sorted); {
			end := start + 1
			for end < len(sorted) && sameAdAccount(sorted[start], sorted[end]) {
				end++
			}
			if err := q.comparePerformance(ctx, sorted[start:end], state[start:end]); err != nil {
				return err
			}
			start = end
		}
		if _, err := insertAll(ctx, q, inPerf, keep(sorted, state, perfTouched), func(args []any, row **Performance) []any {
			p := *row
			return append(args, p.Account, p.Platform, p.AdAccount, p.EntityType, p.EntityID, p.Date.String(),
				int64(p.Cost), int64(p.Value), p.Conversions, p.Clicks, p.Impressions, p.Eligible, flag(p.Part), utc(p.PulledAt))
		}); err != nil {
			return err
		}
		as := asOf.String()
		_, err := insertAll(ctx, q, inHistory, restated(sorted, state), func(args []any, row **Performance) []any {
			p := **row
			if p.Part {
				p.Cost, p.Value, p.Conversions = 0, 0, 0
			}
			return append(args, p.Account, p.Platform, p.AdAccount, p.EntityType, p.EntityID, p.Date.String(), as,
				int64(p.Cost), int64(p.Value), p.Conversions)
		})
		return err
	})
}

// keep returns the rows whose state is at most limit.
func keep(rows []*Performance, state []byte, limit byte) []*Performance {
	var kept []*Performance
	for i, p := range rows {
		if state[i] <= limit {
			kept = append(kept, p)
		}
	}
	return kept
}

// restated returns the rows that change what the days come to.
func restated(rows []*Performance, state []byte) []*Performance {
	var out []*Performance
	for i, p := range rows {
		if state[i] == perfTurned || state[i] == perfNew && !p.Part {
			out = append(out, p)
		}
	}
	return out
}

// sortedPerformance points to the rows in the order of the primary key, which
// is the fastest to insert, without duplicates.
func sortedPerformance(rows []Performance) []*Performance {
	sorted := make([]*Performance, len(rows))
	for i := range rows {
		sorted[i] = &rows[i]
	}
	slices.SortStableFunc(sorted, comparePerfKeys)
	n := 0
	for i, p := range sorted {
		if i+1 == len(sorted) || comparePerfKeys(p, sorted[i+1]) != 0 {
			sorted[n] = p
			n++
		}
	}
	return sorted[:n]
}

func comparePerfKeys(a, b *Performance) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.AdAccount, b.AdAccount),
		comparePerfDays(a, b))
}

func comparePerfDays(a, b *Performance) int {
	return cmp.Or(cmp.Compare(a.EntityType, b.EntityType), cmp.Compare(a.EntityID, b.EntityID), cmp.Compare(a.Date, b.Date))
}

func sameAdAccount(a, b *Performance) bool {
	return a.Account == b.Account && a.Platform == b.Platform && a.AdAccount == b.AdAccount
}

// comparePerformance fills state for the sorted rows of one ad account by
// reading what is stored for their dates.
func (q *Queries) comparePerformance(ctx context.Context, rows []*Performance, state []byte) error {
	from, to := rows[0].Date, rows[0].Date
	for _, p := range rows {
		from, to = min(from, p.Date), max(to, p.Date)
	}
	r := rows[0]
	return each(ctx, q, func(old *Performance) error {
		i := sort.Search(len(rows), func(i int) bool { return comparePerfDays(rows[i], old) >= 0 })
		if i == len(rows) || comparePerfDays(rows[i], old) != 0 {
			return nil
		}
		p := rows[i]
		switch {
		case p.Part != old.Part:
			state[i] = perfTurned
		case p.Cost != old.Cost || p.Value != old.Value || p.Conversions != old.Conversions:
			state[i] = perfNew
		case p.Clicks != old.Clicks || p.Impressions != old.Impressions || p.Eligible != old.Eligible:
			state[i] = perfTouched
		default:
			state[i] = perfUnchanged
		}
		return nil
	}, `SELECT entity_type, entity_id, date, cost, value, conversions, clicks, impressions, eligible, part FROM performance
		WHERE account = ? AND platform = ? AND ad_account = ? AND date BETWEEN ? AND ?`, r.Account, r.Platform, r.AdAccount, from, to)
}

// PerformanceOf hands the days of the named entities of one ad account, which
// may be of several types, to fn.
func (q *Queries) PerformanceOf(ctx context.Context, account, platform, adAccount string, ids []string, from, to civil.Date, fn func(Performance) error) error {
	if len(ids) == 0 {
		return nil
	}
	query, args, err := sqlx.In(`SELECT * FROM performance WHERE account = ? AND platform = ? AND ad_account = ? AND entity_id IN (?)
		AND date BETWEEN ? AND ? ORDER BY entity_type, entity_id, date`, account, platform, adAccount, ids, from, to)
	if err != nil {
		return err
	}
	return each(ctx, q, func(p *Performance) error { return fn(*p) }, query, args...)
}

// EachPerformance hands over the days from..to that add up to all there is, ordered by
// platform, ad account, entity type, entity id and date.
func (q *Queries) EachPerformance(ctx context.Context, account string, from, to civil.Date, fn func(Performance) error) error {
	w := inAccount(account)
	w.add("part = 0")
	return q.eachPerformance(ctx, w, from, to, fn)
}

// EachSeries is EachPerformance with the days that are part of others: they do not add up.
func (q *Queries) EachSeries(ctx context.Context, account string, from, to civil.Date, fn func(Performance) error) error {
	return q.eachPerformance(ctx, inAccount(account), from, to, fn)
}

func (q *Queries) eachPerformance(ctx context.Context, w *where, from, to civil.Date, fn func(Performance) error) error {
	w.add("date BETWEEN ? AND ?", from, to)
	return q.eachValue(ctx, 14, func(v []any) error {
		date, err := civil.Parse(v[5].(string))
		if err != nil {
			return err
		}
		return fn(Performance{Account: v[0].(string), Platform: v[1].(string), AdAccount: v[2].(string), EntityType: v[3].(string), EntityID: v[4].(string),
			Date: date, Cost: money.Micros(v[6].(int64)), Value: money.Micros(v[7].(int64)), Conversions: v[8].(float64), Clicks: v[9].(int64),
			Impressions: v[10].(int64), Eligible: v[11].(int64), Part: v[12].(int64) == 1, PulledAt: v[13].(time.Time)})
	}, `SELECT account, platform, ad_account, entity_type, entity_id, date, cost, value, conversions, clicks, impressions, eligible, part, pulled_at
		FROM performance`+w.String()+` ORDER BY platform, ad_account, entity_type, entity_id, date`, w.args...)
}

// LastPerformance returns the newest date with a row for each {platform, ad account};
// no part of a row is newer than it.
func (q *Queries) LastPerformance(ctx context.Context, account string) (map[[2]string]civil.Date, error) {
	w := inAccount(account)
	last := map[[2]string]civil.Date{}
	err := each(ctx, q, func(p *Performance) error {
		last[[2]string{p.Platform, p.AdAccount}] = p.Date
		return nil
	}, `SELECT platform, ad_account, MAX(date) AS date FROM performance`+w.String()+` GROUP BY platform, ad_account`, w.args...)
	return last, err
}

// Spans returns from when to when there are days with spend in from..to, of every entity
// of an ad account: apart, where some of its days are part of others and some are not.
func (q *Queries) Spans(ctx context.Context, account, platform, adAccount string, from, to civil.Date) ([]Span, error) {
	return all[Span](ctx, q, `SELECT entity_type, entity_id, part, MIN(date) AS oldest, MAX(date) AS newest FROM performance
		WHERE account = ? AND platform = ? AND ad_account = ? AND date BETWEEN ? AND ? AND cost > 0
		GROUP BY entity_type, entity_id, part ORDER BY entity_type, entity_id, part`, account, platform, adAccount, from, to)
}

// Restatements returns what each pull added to the value of each date from from
// on, summed over entities, ordered by platform, date and pull.
func (q *Queries) Restatements(ctx context.Context, account string, from civil.Date) ([]Restatement, error) {
	w := inAccount(account)
	w.add("date >= ?", from)
	return all[Restatement](ctx, q, `SELECT platform, date, as_of, CAST(SUM(delta) AS BIGINT) AS delta FROM (
			SELECT platform, date, as_of, value - COALESCE(LAG(value) OVER (
				PARTITION BY account, platform, ad_account, entity_type, entity_id, date ORDER BY as_of), 0) AS delta
			FROM performance_history`+w.String()+`) AS pulls
		GROUP BY platform, date, as_of ORDER BY platform, date, as_of`, w.args...)
}
