package store

import (
	"context"
	"database/sql"
	"strings"

	"adsteward/internal/civil"
)

const productColumns = "position title price currency sale_price sale_from sale_until availability stock product_type item_group brand " +
	"label_0 label_1 label_2 label_3 label_4 unit_cost errors warnings google_errors google_warnings meta_errors meta_warnings feed_date"

// ReplaceProducts makes the given products all that the account advertises. One
// item may be in several feeds.
func (q *Queries) ReplaceProducts(ctx context.Context, account string, products []Product) error {
	products = lastOf(products, func(p *Product) [2]string { return [2]string{p.ItemID, p.Feed} })
	in := upsert("feed_items", "account item_id feed", productColumns)
	in.tail = "" // the table was emptied, and no key comes twice
	return q.atomically(ctx, func(q *Queries) error {
		if _, err := q.exec(ctx, `DELETE FROM feed_items WHERE account = ?`, account); err != nil {
			return err
		}
		_, err := insertAll(ctx, q, in, products, func(args []any, p *Product) []any {
			return append(args, account, p.ItemID, p.Feed, p.Position, p.Title, int64(p.Price), p.Currency, micros(p.SalePrice),
				utcNull(p.SaleFrom), utcNull(p.SaleUntil), p.Availability, p.Stock, p.ProductType, p.ItemGroup, p.Brand,
				p.Label0, p.Label1, p.Label2, p.Label3, p.Label4, micros(p.UnitCost), p.Errors, p.Warnings,
				p.GoogleErrors, p.GoogleWarnings, p.MetaErrors, p.MetaWarnings, p.FeedDate.String())
		})
		return err
	})
}

// Products lists the products by item id, each once: as the first feed that
// holds it says, with the issues of all.
func (q *Queries) Products(ctx context.Context, account string) ([]Product, error) {
	w := inAccount(account)
	return q.products(ctx, w, "")
}

// FeedProducts lists the products of one feed by item id, with its own issues,
// and those stored before feeds were kept apart, which are of none.
func (q *Queries) FeedProducts(ctx context.Context, account, feed string) ([]Product, error) {
	return all[Product](ctx, q, `SELECT * FROM feed_items WHERE account = ? AND feed IN (?, '') ORDER BY item_id, feed DESC`, account, feed)
}

// FeedSize counts the products of one feed, or of several together, each once.
func (q *Queries) FeedSize(ctx context.Context, account string, feeds ...string) (int, error) {
	if len(feeds) == 0 {
		return 0, nil
	}
	w := &where{}
	w.add("account = ?", account)
	w.add("feed IN "+among(len(feeds)), with(feeds)...)
	return one[int](ctx, q, `SELECT COUNT(DISTINCT item_id) FROM feed_items`+w.String(), w.args...)
}

// FindProducts lists the products whose id or title holds text, whatever its
// case, at most limit of them; ids that begin with it come first.
func (q *Queries) FindProducts(ctx context.Context, account, text string, limit int) ([]Product, error) {
	text = strings.ToLower(text)
	escaped := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
	w := &where{}
	w.add("account = ?", account)
	w.add(`(lower(item_id) LIKE ? ESCAPE '\' OR lower(title) LIKE ? ESCAPE '\')`, "%"+escaped+"%", "%"+escaped+"%")
	w.args = append(w.args, escaped+"%", limit)
	return q.products(ctx, w, ` CASE WHEN lower(item_id) LIKE ? ESCAPE '\' THEN 0 ELSE 1 END,`)
}

// Product returns one item; ErrNotFound where no feed holds it.
func (q *Queries) Product(ctx context.Context, account, itemID string) (Product, error) {
	w := &where{}
	w.add("account = ? AND item_id = ?", account, itemID)
	list, err := q.products(ctx, w, "")
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Product{}, err
	}
	return list[0], nil
}

// FeedsOf names the feeds that hold an item.
func (q *Queries) FeedsOf(ctx context.Context, account, itemID string) ([]string, error) {
	return all[string](ctx, q, `SELECT feed FROM feed_items WHERE account = ? AND item_id = ? ORDER BY position, feed`, account, itemID)
}

// products reads items and makes one of those that several feeds hold. first is
// what the rows are ordered by before their ids; with it, the last argument is
// how many rows are read at most.
func (q *Queries) products(ctx context.Context, w *where, first string) ([]Product, error) {
	query := `SELECT * FROM feed_items` + w.String() + ` ORDER BY` + first + ` item_id, account, position, feed`
	if first != "" {
		query += ` LIMIT ?`
	}
	var out []Product
	err := each(ctx, q, func(p *Product) error {
		if n := len(out); n > 0 && out[n-1].ItemID == p.ItemID && out[n-1].Account == p.Account {
			m := &out[n-1]
			m.Errors, m.Warnings = m.Errors+p.Errors, m.Warnings+p.Warnings
			m.GoogleErrors, m.GoogleWarnings = m.GoogleErrors+p.GoogleErrors, m.GoogleWarnings+p.GoogleWarnings
			m.MetaErrors, m.MetaWarnings = m.MetaErrors+p.MetaErrors, m.MetaWarnings+p.MetaWarnings
			return nil
		}
		out = append(out, *p)
		return nil
	}, query, w.args...)
	return out, err
}

// ReplaceFeedIssues makes the given issues those of the run, and forgets those of
// all runs of the account but this and the one before.
func (q *Queries) ReplaceFeedIssues(ctx context.Context, account, runID string, issues []FeedIssue) error {
	in := upsert("feed_issues", "account run_id number", "feed item_id line rule severity platform attribute value message fix")
	in.tail = ""
	return q.atomically(ctx, func(q *Queries) error {
		if _, err := q.exec(ctx, `DELETE FROM feed_issues WHERE account = ? AND (run_id = ? OR run_id < COALESCE(
			(SELECT MAX(run_id) FROM feed_issues WHERE account = ? AND run_id < ?), ''))`, account, runID, account, runID); err != nil {
			return err
		}
		n := 0
		_, err := insertAll(ctx, q, in, issues, func(args []any, i *FeedIssue) []any {
			n++
			return append(args, account, runID, n, i.Feed, i.ItemID, i.Line, i.Rule, i.Severity, i.Platform, i.Attribute, i.Value, i.Message, i.Fix)
		})
		return err
	})
}

// FeedIssueFilter chooses among the issues of one run; empty fields choose all.
type FeedIssueFilter struct {
	Account, RunID string
	ItemID, Rule   string
	Limit          int // 0: all
}

// FeedIssues lists issues in the order in which they were found.
func (q *Queries) FeedIssues(ctx context.Context, f FeedIssueFilter) ([]FeedIssue, error) {
	w := &where{}
	w.add("account = ? AND run_id = ?", f.Account, f.RunID)
	w.equal("item_id", f.ItemID)
	w.equal("rule", f.Rule)
	query := `SELECT * FROM feed_issues` + w.String() + ` ORDER BY number`
	if f.Limit > 0 {
		query += ` LIMIT ?`
		w.args = append(w.args, f.Limit)
	}
	return all[FeedIssue](ctx, q, query, w.args...)
}

// UpsertItemSpend stores what was spent on items on days that are reported anew
// from from on, and forgets what the ad account spent before keepFrom.
func (q *Queries) UpsertItemSpend(ctx context.Context, account, platform, adAccount string, from, keepFrom civil.Date, rows []ItemSpend) error {
	rows = lastOf(rows, func(s *ItemSpend) [3]string { return [3]string{s.Date.String(), s.Campaign, s.ItemID} })
	in := upsert("item_spend", "account platform ad_account date campaign item_id", "cost value conversions clicks")
	return q.atomically(ctx, func(q *Queries) error {
		if _, err := q.exec(ctx, `DELETE FROM item_spend WHERE account = ? AND platform = ? AND ad_account = ? AND (date < ? OR date >= ?)`,
			account, platform, adAccount, keepFrom, from); err != nil {
			return err
		}
		_, err := insertAll(ctx, q, in, rows, func(args []any, s *ItemSpend) []any {
			return append(args, account, platform, adAccount, s.Date.String(), s.Campaign, s.ItemID, int64(s.Cost), int64(s.Value), s.Conversions, s.Clicks)
		})
		return err
	})
}

// LastItemSpend is the newest date with spend on items of an ad account; zero
// where there is none.
func (q *Queries) LastItemSpend(ctx context.Context, account, platform, adAccount string) (civil.Date, error) {
	s, err := one[sql.NullString](ctx, q, `SELECT MAX(date) FROM item_spend WHERE account = ? AND platform = ? AND ad_account = ?`, account, platform, adAccount)
	if err != nil || !s.Valid {
		return civil.Date(0), err
	}
	return civil.Parse(s.String)
}

// ItemSpendSums adds up what each campaign spent on each item on the dates
// from..to, ordered by platform, ad account, campaign and item; an empty item
// means all, else it is compared without case.
func (q *Queries) ItemSpendSums(ctx context.Context, account string, from, to civil.Date, itemID string) ([]ItemSpend, error) {
	w := &where{}
	w.add("account = ? AND date BETWEEN ? AND ?", account, from, to)
	if itemID != "" {
		w.add("lower(item_id) = ?", strings.ToLower(itemID))
	}
	return all[ItemSpend](ctx, q, `SELECT platform, ad_account, campaign, item_id, CAST(SUM(cost) AS BIGINT) AS cost, CAST(SUM(value) AS BIGINT) AS value,
		SUM(conversions) AS conversions, CAST(SUM(clicks) AS BIGINT) AS clicks FROM item_spend`+w.String()+`
		GROUP BY platform, ad_account, campaign, item_id ORDER BY platform, ad_account, campaign, item_id`, w.args...)
}
