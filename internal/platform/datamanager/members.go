package datamanager

import (
	"context"
	"strings"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/platform"
	"adsteward/internal/platform/batch"
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
		sendable := make([]*dm.AudienceMember, 0, len(chunk))
		for _, m := range chunk {
			if am, ok := audienceMember(m); ok {
				sendable = append(sendable, am)
			}
		}
		parts, err := batch.Send(ctx, sendable, func(ctx context.Context, some []*dm.AudienceMember) (string, error) {
			return do(ctx, c, repeatable, func(ctx context.Context) (string, error) { return send(ctx, some) })
		})
		made := receiptsOf(parts)
		if len(made) == 0 && err == nil {
			made = []platform.SyncReceipt{{}}
		}
		if len(made) > 0 {
			made[0].Invalid += len(chunk) - len(sendable)
		}
		receipts = append(receipts, made...)
		if err != nil {
			return receipts, err
		}
	}
	return receipts, nil
}

func receiptsOf(parts []batch.Part) []platform.SyncReceipt {
	var receipts []platform.SyncReceipt
	for _, p := range parts {
		r := platform.SyncReceipt{RequestID: p.RequestID}
		if p.Refused != nil {
			r.Invalid = len(p.At)
		} else {
			r.Received = len(p.At)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

// audienceMember writes a member; false where it must not be sent.
func audienceMember(m platform.Member) (*dm.AudienceMember, bool) {
	if !hashOrEmpty(m.EmailSHA256) || !hashOrEmpty(m.PhoneSHA256) {
		return nil, false
	}
	ids := identifiers(m.EmailSHA256, m.PhoneSHA256)
	return &dm.AudienceMember{UserData: &dm.UserData{UserIdentifiers: ids}}, len(ids) > 0
}

func identifiers(email, phone string) []*dm.UserIdentifier {
	var ids []*dm.UserIdentifier
	if email != "" {
		ids = append(ids, &dm.UserIdentifier{EmailAddress: email})
	}
	if phone != "" {
		ids = append(ids, &dm.UserIdentifier{PhoneNumber: phone})
	}
	return ids
}

// hashOrEmpty is the last door: what is no hash might be somebody's address.
func hashOrEmpty(s string) bool {
	return s == "" || len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
