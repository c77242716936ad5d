package datamanager

import (
	"context"
	"fmt"
	"strings"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/platform"
)

// Status says what became of an upload, a removal or told orders. Of several destinations the
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
	if in := d.EventsIngestionStatus; in != nil {
		parts = append(parts, fmt.Sprintf("%d orders", in.RecordCount))
	}
	if d.ErrorInfo != nil {
		for _, e := range d.ErrorInfo.ErrorCounts {
			parts = append(parts, fmt.Sprintf("%d refused: %s", e.RecordCount, refusal(e.Reason)))
		}
	}
	if d.WarningInfo != nil {
		for _, w := range d.WarningInfo.WarningCounts {
			parts = append(parts, fmt.Sprintf("%d with a warning: %s", w.RecordCount, words(strings.TrimPrefix(w.Reason, "PROCESSING_WARNING_REASON_"))))
		}
	}
	return strings.Join(parts, ", ")
}

// refusal says in words why records were refused after they were taken; of the
// commoner reasons also what to do.
//
// Source: Data Manager API, ProcessingErrorReason.
func refusal(reason string) string {
	reason = strings.TrimPrefix(reason, "PROCESSING_ERROR_REASON_")
	switch reason {
	case "EVENT_TOO_OLD":
		return "event too old (Google takes orders up to 90 days after the click)"
	case "DUPLICATE_TRANSACTION_ID", "DUPLICATE_GCLID":
		return words(reason) + " (Google has the order already)"
	case "CLICK_NOT_FOUND", "INVALID_CLICK", "INVALID_OPERATING_ACCOUNT_FOR_CLICK":
		return words(reason) + " (no click on this account's ads belongs to the order)"
	case "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED":
		return words(reason) + " (" + remedyData + ")"
	}
	return words(reason)
}

func words(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", " ")) }
