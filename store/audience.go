package store

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"
)

// PutList stores a list kept on a platform.
func (q *Queries) PutList(ctx context.Context, l AudienceList) error {
	l.UpdatedAt = utc(l.UpdatedAt)
	_, err := q.execNamed(ctx, `INSERT INTO audience_lists (account, platform, name, kind, remote_id, summary, updated_at)
		VALUES (:account, :platform, :name, :kind, :remote_id, :summary, :updated_at) ON CONFLICT (account, platform, name)
		DO UPDATE SET kind = excluded.kind, remote_id = excluded.remote_id, summary = excluded.summary, updated_at = excluded.updated_at`, l)
	return err
}

// Lists lists the audience lists by platform and name.
func (q *Queries) Lists(ctx context.Context, account string) ([]AudienceList, error) {
	w := inAccount(account)
	return all[AudienceList](ctx, q, `SELECT * FROM audience_lists`+w.String()+` ORDER BY account, platform, name`, w.args...)
}

// Members lists who is or was on a list, by person.
func (q *Queries) Members(ctx context.Context, account, platform, list string) ([]AudienceMember, error) {
	w := inAccount(account)
	w.add("platform = ? AND list = ?", platform, list)
	return all[AudienceMember](ctx, q, `SELECT * FROM audience_members`+w.String()+` ORDER BY person, account`, w.args...)
}

// MembersBy lists where somebody is or was on a list, by list and platform, who goes by
// a subject there ("c:" and a customer id, "e:" and an e-mail's keyed hash): as the
// customer and by the e-mail alike.
func (q *Queries) MembersBy(ctx context.Context, account, subject string) ([]AudienceMember, error) {
	other := `SELECT 'e:' || email_key FROM customers WHERE account = ? AND customer_id = ? AND email_key <> ''`
	value, mail := strings.CutPrefix(subject, "e:")
	if mail {
		other = `SELECT 'c:' || customer_id FROM customers WHERE account = ? AND email_key = ?`
	} else {
		value = strings.TrimPrefix(subject, "c:")
	}
	return all[AudienceMember](ctx, q, `SELECT * FROM audience_members WHERE account = ? AND (person = ? OR person IN (`+other+`))
		ORDER BY list, platform, person`, account, subject, account, value)
}

// EachOnLists hands over every person who is on a list, with the lists they are on,
// by platform and person. Who is on a list by an e-mail that is a customer's is that
// customer, so that a list may be there twice. The slice is used again for the next
// person.
func (q *Queries) EachOnLists(ctx context.Context, account string, fn func(platform, person string, lists []string) error) error {
	var platform, person, p, who, list string
	var lists []string
	err := q.eachRow(ctx, func(rows *sqlx.Rows) error {
		if err := rows.Scan(&p, &who, &list); err != nil {
			return err
		}
		if len(lists) > 0 && (p != platform || who != person) {
			if err := fn(platform, person, lists); err != nil {
				return err
			}
			lists = lists[:0]
		}
		platform, person, lists = p, who, append(lists, list)
		return nil
	}, `SELECT m.platform, COALESCE('c:' || MIN(c.customer_id), m.person) AS person, m.list FROM audience_members m
		LEFT JOIN customers c ON c.account = m.account AND c.email_key = CASE WHEN m.person LIKE 'e:_%' THEN substr(m.person, 3) END
		WHERE m.account = ? AND m.state <> 'removed' GROUP BY m.platform, m.person, m.list ORDER BY 1, 2`, account)
	if err != nil || len(lists) == 0 {
		return err
	}
	return fn(platform, person, lists)
}

// SetMembers stores memberships.
func (q *Queries) SetMembers(ctx context.Context, members []AudienceMember) error {
	members = lastOf(members, func(m *AudienceMember) [4]string { return [4]string{m.Account, m.Platform, m.List, m.Person} })
	in := upsert("audience_members", "account platform list person", "state why request_id changed_at")
	_, err := insertAll(ctx, q, in, members, func(args []any, m *AudienceMember) []any {
		return append(args, m.Account, m.Platform, m.List, m.Person, m.State, m.Why, m.RequestID, utc(m.ChangedAt))
	})
	return err
}
