package store

import (
	"context"
	"database/sql"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// AdDay is one ad's day as its platform reports it, with what the ad is called
// and where it belongs.
type AdDay struct {
	Platform    string       `db:"platform"`
	AdAccount   string       `db:"ad_account"`
	AdID        string       `db:"ad_id"`
	Name        string       `db:"name"`
	Campaign    string       `db:"campaign"`
	AdSet       string       `db:"ad_set"`
	Date        civil.Date   `db:"date"`
	Cost        money.Micros `db:"cost"`
	Conversions float64      `db:"conversions"`
	Clicks      int64        `db:"clicks"`
	Impressions int64        `db:"impressions"`
}

// UpsertAdDays stores days of the ads of one ad account; a day known is replaced.
func (q *Queries) UpsertAdDays(ctx context.Context, account, platform, adAccount string, rows []AdDay) error {
	ads := lastOf(rows, func(d *AdDay) string { return d.AdID })
	days := lastOf(rows, func(d *AdDay) [2]string { return [2]string{d.AdID, d.Date.String()} })
	return q.atomically(ctx, func(q *Queries) error {
		_, err := insertAll(ctx, q, upsert("ads", "account platform ad_account ad_id", "name campaign ad_set"), ads, func(args []any, d *AdDay) []any {
			return append(args, account, platform, adAccount, d.AdID, d.Name, d.Campaign, d.AdSet)
		})
		if err != nil {
			return err
		}
		_, err = insertAll(ctx, q, upsert("ad_days", "account platform ad_account ad_id date", "cost conversions clicks impressions"), days, func(args []any, d *AdDay) []any {
			return append(args, account, platform, adAccount, d.AdID, d.Date.String(), int64(d.Cost), d.Conversions, d.Clicks, d.Impressions)
		})
		return err
	})
}

// ForgetAds forgets the days of the ads of one ad account before a date, and the
// ads of which no day is left.
func (q *Queries) ForgetAds(ctx context.Context, account, platform, adAccount string, before civil.Date) error {
	return q.atomically(ctx, func(q *Queries) error {
		changed, err := q.exec(ctx, `DELETE FROM ad_days WHERE account = ? AND platform = ? AND ad_account = ? AND date < ?`, account, platform, adAccount, before)
		if err != nil || changed == 0 {
			return err
		}
		_, err = q.exec(ctx, `DELETE FROM ads WHERE account = ? AND platform = ? AND ad_account = ?
			AND ad_id NOT IN (SELECT ad_id FROM ad_days WHERE account = ? AND platform = ? AND ad_account = ?)`,
			account, platform, adAccount, account, platform, adAccount)
		return err
	})
}

// LastAdDay is the newest date with a row of an ad of an ad account; zero where
// there is none.
func (q *Queries) LastAdDay(ctx context.Context, account, platform, adAccount string) (civil.Date, error) {
	s, err := one[sql.NullString](ctx, q, `SELECT MAX(date) FROM ad_days WHERE account = ? AND platform = ? AND ad_account = ?`, account, platform, adAccount)
	if err != nil || !s.Valid {
		return civil.Date(0), err
	}
	return civil.Parse(s.String)
}

// EachAdDay hands over the days from..to of those ads that cost most since a
// date, so many of each ad account at most, ordered by platform, ad account, date
// and ad, without what only TopAds tells. fn must not use the store.
func (q *Queries) EachAdDay(ctx context.Context, account string, from, to, since civil.Date, most int, fn func(AdDay) error) error {
	// One name for each ad keeps SQLite from looking them up one by one: the table
	// is sorted by days.
	return each(ctx, q, func(d *AdDay) error { return fn(*d) }, `SELECT platform, ad_account, ad_id, date, cost, conversions, clicks, impressions
		FROM ad_days WHERE account = ? AND date BETWEEN ? AND ? AND (platform || ad_account || ' ' || ad_id) IN (
			SELECT platform || ad_account || ' ' || ad_id FROM (`+topAds+`) AS ranked WHERE place <= ?)
		ORDER BY platform, ad_account, date, ad_id`,
		account, from, to, account, since, to, most)
}

// topAds ranks the ads of each ad account by what they cost.
const topAds = `SELECT platform, ad_account, ad_id, ROW_NUMBER() OVER (PARTITION BY platform, ad_account ORDER BY SUM(cost) DESC, ad_id) AS place
	FROM ad_days WHERE account = ? AND date BETWEEN ? AND ? GROUP BY platform, ad_account, ad_id HAVING SUM(cost) > 0`

// TopAds lists the ads that EachAdDay speaks of, by platform, ad account and id,
// with what they are called and where they belong, and no day.
func (q *Queries) TopAds(ctx context.Context, account string, to, since civil.Date, most int) ([]AdDay, error) {
	return all[AdDay](ctx, q, `SELECT a.platform, a.ad_account, a.ad_id, a.name, a.campaign, a.ad_set FROM (`+topAds+`) AS ranked
		JOIN ads a ON a.account = ? AND a.platform = ranked.platform AND a.ad_account = ranked.ad_account AND a.ad_id = ranked.ad_id
		WHERE place <= ? ORDER BY a.platform, a.ad_account, a.ad_id`, account, since, to, account, most)
}
