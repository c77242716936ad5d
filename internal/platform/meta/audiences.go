package meta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/platform"
)

// membersPerRequest is Meta's limit for one upload or removal.
const membersPerRequest = 10_000

// EnsureList finds the custom audience by its name or makes it. Members stay
// until they are removed: Meta has no membership days for uploaded people.
func (c *Client) EnsureList(ctx context.Context, l platform.List) (string, error) {
	id, err := c.findAudience(ctx, l.Name)
	if id != "" || err != nil {
		return id, err
	}
	params := facebook.Params{
		"name":                 l.Name,
		"description":          l.Description,
		"subtype":              "CUSTOM",
		"customer_file_source": "USER_PROVIDED_ONLY",
	}
	if l.Kind == platform.Seed {
		params["is_value_based"] = "1"
	}
	return c.createAudience(ctx, params)
}

// EnsureLookalike finds the lookalike audience by its name or makes it. Meta
// refuses a seed of fewer than 100 people of the country.
func (c *Client) EnsureLookalike(ctx context.Context, name, seedID, country string, ratio float64) (string, error) {
	if ratio < 0.01 || ratio > 0.20 {
		return "", rejected("a lookalike's ratio is from 0.01 to 0.20, not %g", ratio)
	}
	id, err := c.findAudience(ctx, name)
	if id != "" || err != nil {
		return id, err
	}
	return c.createAudience(ctx, facebook.Params{
		"name":               name,
		"subtype":            "LOOKALIKE",
		"origin_audience_id": seedID,
		"lookalike_spec":     map[string]any{"country": country, "ratio": ratio},
	})
}

func (c *Client) findAudience(ctx context.Context, name string) (id string, err error) {
	err = c.pages(ctx, c.account+"/customaudiences", facebook.Params{"fields": "id,name"}, func(rows []node) error {
		for _, row := range rows {
			if id == "" && row.text("name") == name {
				id = row.text("id")
			}
		}
		return nil
	})
	return id, err
}

func (c *Client) createAudience(ctx context.Context, params facebook.Params) (string, error) {
	r, err := c.do(ctx, call{method: facebook.POST, path: c.account + "/customaudiences", params: params, effect: writes})
	if err != nil {
		return "", err
	}
	id := r.body.text("id")
	if id == "" {
		return "", &platform.Error{Platform: platform.Meta, Kind: platform.Unknown, RequestID: r.requestID,
			Message: "Meta made an audience and did not say which", Remedy: "it is found by its name in the next run"}
	}
	return id, nil
}

// Add uploads members. Anybody whose hashes are none, or who has no identifier
// at all, is counted as invalid and never sent.
func (c *Client) Add(ctx context.Context, listID string, members []platform.Member) ([]platform.SyncReceipt, error) {
	schema := []string{"EMAIL", "PHONE", "COUNTRY"}
	if slices.ContainsFunc(members, func(m platform.Member) bool { return m.Value != 0 }) {
		schema = append(schema, "LOOKALIKE_VALUE")
	}
	return c.users(ctx, facebook.POST, listID, schema, members)
}

// Remove takes members off the audience.
func (c *Client) Remove(ctx context.Context, listID string, members []platform.Member) ([]platform.SyncReceipt, error) {
	return c.users(ctx, facebook.DELETE, listID, []string{"EMAIL", "PHONE", "COUNTRY"}, members)
}

// users sends the members in as many requests as they need, all of one session.
// The library sends DELETE as a POST that says so in its body, which is where
// Meta wants the payload. Repeating a batch does no harm.
func (c *Client) users(ctx context.Context, method facebook.Method, listID string, schema []string, members []platform.Member) ([]platform.SyncReceipt, error) {
	var receipts []platform.SyncReceipt
	total, session := len(members), c.sessionID()
	var before counted
	for seq := 1; len(members) > 0; seq++ {
		chunk := members[:min(len(members), membersPerRequest)]
		members = members[len(chunk):]
		last := len(members) == 0
		rows := make([][]any, 0, len(chunk))
		for _, m := range chunk {
			if row, ok := memberRow(m, schema); ok {
				rows = append(rows, row)
			}
		}
		receipt := platform.SyncReceipt{Invalid: len(chunk) - len(rows)}
		if len(rows) > 0 {
			r, err := c.do(ctx, call{method: method, path: listID + "/users", params: facebook.Params{
				"payload": map[string]any{"schema": schema, "data": rows},
				"session": map[string]any{"session_id": session, "batch_seq": seq, "last_batch_flag": last, "estimated_num_total": total},
			}})
			if err != nil {
				return receipts, err
			}
			now, err := before.add(r.body, len(rows))
			if err != nil {
				return receipts, err
			}
			receipt.RequestID = r.requestID
			receipt.Invalid += now.invalid
			receipt.Received = now.received - now.invalid
		}
		receipts = append(receipts, receipt)
	}
	return receipts, nil
}

// counted is what Meta says of a session so far.
type counted struct{ received, invalid int }

// add reads the answer to a request of sent members and returns the counts of
// that request alone: Meta's are of the whole session.
func (c *counted) add(body node, sent int) (counted, error) {
	received, err1 := body.integer("num_received")
	invalid, err2 := body.integer("num_invalid_entries")
	if err := errors.Join(err1, err2); err != nil {
		return counted{}, unreadable("an upload", err)
	}
	now := counted{int(received), int(invalid)}
	if now.received <= sent { // no session was kept: these are the request's own
		c.received += now.received
		c.invalid += now.invalid
		return now, nil
	}
	// A batch sent twice, because its first answer was lost, counts once.
	own := counted{min(now.received-c.received, sent), min(now.invalid-c.invalid, sent)}
	*c = now
	return own, nil
}

// memberRow writes a member in the order of the schema; false where the member
// must not be sent. Custom audiences take the country hashed too.
func memberRow(m platform.Member, schema []string) ([]any, bool) {
	if !hashOrEmpty(m.EmailSHA256) || !hashOrEmpty(m.PhoneSHA256) || m.Value < 0 {
		return nil, false
	}
	if m.EmailSHA256 == "" && m.PhoneSHA256 == "" {
		return nil, false
	}
	row := make([]any, 0, len(schema))
	for _, key := range schema {
		switch key {
		case "EMAIL":
			row = append(row, m.EmailSHA256)
		case "PHONE":
			row = append(row, m.PhoneSHA256)
		case "COUNTRY":
			row = append(row, countryHash(m.Country))
		case "LOOKALIKE_VALUE":
			row = append(row, m.Value)
		}
	}
	return row, true
}

func countryHash(country string) string { return hashed(strings.ToLower(country)) }

func hashed(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// hashOrEmpty is the last door: what is no hash might be somebody's address.
func hashOrEmpty(s string) bool {
	if s == "" {
		return true
	}
	if len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}
