package datamanager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/platform"
)

// membersPerRequest is Google's limit. The other one, ten identifiers a member,
// cannot be reached: a member here has two.
const membersPerRequest = 10_000

// Add uploads members. Callers pass only people who consented; each upload
// states their consent. Anybody with neither e-mail nor phone, or with a hash
// that is none, is counted as invalid and never sent. One member whom Google
// refuses is left out and counted, and the others are sent again without.
func (c *Client) Add(ctx context.Context, listID string, members []platform.Member) ([]platform.SyncReceipt, error) {
	return c.upload(ctx, members, func(ctx context.Context, batch []*dm.AudienceMember) (string, error) {
		r, err := c.service.AudienceMembers.Ingest(&dm.IngestAudienceMembersRequest{
			AudienceMembers: batch,
			Consent:         &dm.Consent{AdUserData: "CONSENT_GRANTED", AdPersonalization: "CONSENT_GRANTED"},
			Destinations:    c.destination(listID),
			Encoding:        "HEX",
			TermsOfService:  &dm.TermsOfService{CustomerMatchTermsOfServiceStatus: "ACCEPTED"},
			ValidateOnly:    c.cfg.ValidateOnly,
		}).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		return r.RequestId, nil
	})
}

// Remove takes members off the list. It needs no consent.
func (c *Client) Remove(ctx context.Context, listID string, members []platform.Member) ([]platform.SyncReceipt, error) {
	return c.upload(ctx, members, func(ctx context.Context, batch []*dm.AudienceMember) (string, error) {
		r, err := c.service.AudienceMembers.Remove(&dm.RemoveAudienceMembersRequest{
			AudienceMembers: batch,
			Destinations:    c.destination(listID),
			Encoding:        "HEX",
			ValidateOnly:    c.cfg.ValidateOnly,
		}).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		return r.RequestId, nil
	})
}

func (c *Client) destination(listID string) []*dm.Destination {
	d := &dm.Destination{
		OperatingAccount:     &dm.ProductAccount{AccountType: accountType, AccountId: c.cfg.CustomerID},
		ProductDestinationId: listID,
	}
	if c.cfg.LoginCustomerID != "" {
		d.LoginAccount = &dm.ProductAccount{AccountType: accountType, AccountId: c.cfg.LoginCustomerID}
	}
	return []*dm.Destination{d}
}

type sender func(context.Context, []*dm.AudienceMember) (requestID string, err error)

func (c *Client) upload(ctx context.Context, members []platform.Member, send sender) ([]platform.SyncReceipt, error) {
	var receipts []platform.SyncReceipt
	for len(members) > 0 {
		chunk := members[:min(len(members), membersPerRequest)]
		members = members[len(chunk):]
		batch := make([]*dm.AudienceMember, 0, len(chunk))
		for _, m := range chunk {
			if am, ok := audienceMember(m); ok {
				batch = append(batch, am)
			}
		}
		made, err := c.quarantine(ctx, batch, send)
		if len(made) == 0 && err == nil {
			made = []platform.SyncReceipt{{}}
		}
		if len(made) > 0 {
			made[0].Invalid += len(chunk) - len(batch)
		}
		receipts = append(receipts, made...)
		if err != nil {
			return receipts, err
		}
	}
	return receipts, nil
}

// quarantine sends a batch. Google refuses all of it for one member it cannot
// read: where it says which, those are left out; where it does not, halves are
// sent until the one stands alone. Refusals of another kind are returned.
func (c *Client) quarantine(ctx context.Context, batch []*dm.AudienceMember, send sender) ([]platform.SyncReceipt, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	id, err := do(ctx, c, repeatable, func(ctx context.Context) (string, error) { return send(ctx, batch) })
	if err == nil {
		return []platform.SyncReceipt{{RequestID: id, Received: len(batch)}}, nil
	}
	refusal, ok := errors.AsType[*memberRefusal](err)
	switch {
	case !ok:
		return nil, err
	case len(batch) == 1:
		return []platform.SyncReceipt{{RequestID: refusal.err.RequestID, Invalid: 1}}, nil
	case len(refusal.members) > 0 && slices.Max(slices.Collect(maps.Keys(refusal.members))) < len(batch):
		var good []*dm.AudienceMember
		for i, m := range batch {
			if !refusal.members[i] {
				good = append(good, m)
			}
		}
		bad := platform.SyncReceipt{RequestID: refusal.err.RequestID, Invalid: len(batch) - len(good)}
		rest, err := c.quarantine(ctx, good, send)
		return append([]platform.SyncReceipt{bad}, rest...), err
	}
	half := len(batch) / 2
	left, err := c.quarantine(ctx, batch[:half], send)
	if err != nil {
		return left, err
	}
	right, err := c.quarantine(ctx, batch[half:], send)
	return append(left, right...), err
}

// audienceMember writes a member; false where it must not be sent.
func audienceMember(m platform.Member) (*dm.AudienceMember, bool) {
	if !hashOrEmpty(m.EmailSHA256) || !hashOrEmpty(m.PhoneSHA256) {
		return nil, false
	}
	var ids []*dm.UserIdentifier
	if m.EmailSHA256 != "" {
		ids = append(ids, &dm.UserIdentifier{EmailAddress: m.EmailSHA256})
	}
	if m.PhoneSHA256 != "" {
		ids = append(ids, &dm.UserIdentifier{PhoneNumber: m.PhoneSHA256})
	}
	return &dm.AudienceMember{UserData: &dm.UserData{UserIdentifiers: ids}}, len(ids) > 0
}

// hashOrEmpty is the last door: what is no hash might be somebody's address.
func hashOrEmpty(s string) bool {
	return s == "" || len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// Status says what became of an upload or removal. Of several destinations the
// least finished, then the worst, counts; there is only one here.
func (c *Client) Status(ctx context.Context, requestID string) (platform.SyncStatus, error) {
	r, err := do(ctx, c, repeatable, func(ctx context.Context) (*dm.RetrieveRequestStatusResponse, error) {
		return c.service.RequestStatus.Retrieve().RequestId(requestID).Context(ctx).Do()
	})
	if err != nil {
		return platform.SyncStatus{}, err
	}
	for _, d := range r.RequestStatusPerDestination {
		return platform.SyncStatus{State: syncState(d.RequestStatus), Detail: syncDetail(d)}, nil
	}
	return platform.SyncStatus{State: "processing"}, nil
}

func syncState(s string) string {
	switch s {
	case "SUCCESS":
		return "success"
	case "PARTIAL_SUCCESS":
		return "partial"
	case "FAILED":
		return "failed"
	}
	return "processing"
}

// syncDetail is one line for people: how many matched, and why some were
// refused.
func syncDetail(d *dm.RequestStatusPerDestination) string {
	var parts []string
	if in := d.AudienceMembersIngestionStatus; in != nil && in.UserDataIngestionStatus != nil {
		u := in.UserDataIngestionStatus
		parts = append(parts, fmt.Sprintf("%d people", u.RecordCount))
		if u.UploadMatchRateRange != "" {
			parts = append(parts, "match rate "+words(strings.TrimPrefix(u.UploadMatchRateRange, "MATCH_RATE_RANGE_")))
		}
	}
	if out := d.AudienceMembersRemovalStatus; out != nil && out.UserDataRemovalStatus != nil {
		parts = append(parts, fmt.Sprintf("%d people", out.UserDataRemovalStatus.RecordCount))
	}
	if d.ErrorInfo != nil {
		for _, e := range d.ErrorInfo.ErrorCounts {
			parts = append(parts, fmt.Sprintf("%d refused: %s", e.RecordCount, words(strings.TrimPrefix(e.Reason, "PROCESSING_ERROR_REASON_"))))
		}
	}
	if d.WarningInfo != nil {
		for _, w := range d.WarningInfo.WarningCounts {
			parts = append(parts, fmt.Sprintf("%d with a warning: %s", w.RecordCount, words(strings.TrimPrefix(w.Reason, "PROCESSING_WARNING_REASON_"))))
		}
	}
	return strings.Join(parts, ", ")
}

func words(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", " ")) }
