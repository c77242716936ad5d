package store

import "context"

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

// SetMembers stores memberships.
func (q *Queries) SetMembers(ctx context.Context, members []AudienceMember) error {
	members = lastOf(members, func(m *AudienceMember) [4]string { return [4]string{m.Account, m.Platform, m.List, m.Person} })
	in := upsert("audience_members", "account platform list person", "state why request_id changed_at")
	_, err := insertAll(ctx, q, in, members, func(args []any, m *AudienceMember) []any {
		return append(args, m.Account, m.Platform, m.List, m.Person, m.State, m.Why, m.RequestID, utc(m.ChangedAt))
	})
	return err
}
