package datamanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"adsteward/internal/platform"
	"adsteward/internal/platform/batch"
	"adsteward/internal/platform/pace"
)

// repetition says whether a request may be made twice.
type repetition bool

const (
	repeatable repetition = true
	once       repetition = false // without an answer its effect is unknown
)

// do makes one call within the client's limits, repeating it where that is safe.
func do[T any](ctx context.Context, c *Client, r repetition, call func(context.Context) (T, error)) (T, error) {
	return pace.Do(ctx, c.cfg.Retry, c.limiter, func(ctx context.Context) (T, error) {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
		defer cancel()
		v, err := call(ctx)
		if err != nil {
			return v, classify(err, r)
		}
		return v, nil
	})
}

// answer is the body of an error: google.rpc.Status with its details.
type answer struct {
	Error struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Details []struct {
			Reason     string      `json:"reason"`          // ErrorInfo
			RequestID  string      `json:"requestId"`       // RequestInfo
			RetryDelay string      `json:"retryDelay"`      // RetryInfo
			Violations []violation `json:"fieldViolations"` // BadRequest
		} `json:"details"`
	} `json:"error"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Reason      string `json:"reason"`
}

const (
	remedyToken   = "sign in again for a new refresh token with the scope https://www.googleapis.com/auth/datamanager, or check the service account's key"
	remedyAccess  = "give the signed-in user access to the Google Ads account and enable the Data Manager API in the Cloud project"
	remedyTerms   = "an admin must accept the Customer Match terms in Google Ads under Audience manager"
	remedyNoReply = "it is found by its name in the next run"
	remedyAction  = "put the id of a conversion action of this account, with the source website, into the configuration: it is the number after ctId= in the address of its page in Google Ads under Goals, Conversions"
	remedyData    = "an admin must accept the customer data terms in Google Ads under Goals, Settings, and turn on enhanced conversions there"
	remedyPolicy  = "Google's rules on customer data keep this account from it; only Google's support can say why"
	remedyTooOld  = "Google takes orders up to 90 days after the click, and none of the future; check the order's time"
)

// item tells of positions in a request: events.events[7].currency.
var item = regexp.MustCompile(`(?i)^(?:audience_?members|events)(?:\.(?:audience_?members|events))?\[(\d+)\]\.?`)

// classify makes the platform's error of what a call came back with. One that
// some items of the request are to blame for is a *batch.Refusal.
func classify(err error, r repetition) error {
	if own, ok := errors.AsType[*platform.Error](err); ok {
		return own // of the token source
	}
	refused, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return unanswered(err, r)
	}
	var a answer
	_ = json.Unmarshal([]byte(refused.Body), &a) // a proxy's page is no JSON; the status still counts
	e := &platform.Error{Platform: platform.Google, Message: message(refused, a), Code: code(refused, a), RequestID: refused.Header.Get("X-Request-Id")}
	for _, d := range a.Error.Details {
		if d.RequestID != "" {
			e.RequestID = d.RequestID
		}
		if delay, err := time.ParseDuration(d.RetryDelay); err == nil {
			e.RetryAfter = delay
		}
	}
	e.Kind, e.Remedy = meaning(refused.Code, e.Code)
	if s, err := strconv.Atoi(refused.Header.Get("Retry-After")); err == nil && e.RetryAfter == 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	if e.Kind != platform.Quota {
		e.RetryAfter = 0
	}
	if e.Kind == platform.Retryable && r == once {
		e.Kind, e.Remedy = platform.Unknown, remedyNoReply
	}
	if items, about := blamed(a, e); e.Kind == platform.Rejected && about && !ofTheWhole[e.Code] {
		return &batch.Refusal{Err: e, Items: items}
	}
	return e
}

// ofTheWhole are refusals that would meet every item, whichever field they name.
var ofTheWhole = map[string]bool{
	"TOO_MANY_AUDIENCE_MEMBERS": true,
	"TOO_MANY_EVENTS":           true,
	"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED":      true,
	"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": true,
	"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": true,
}

// blamed returns the items that an answer names, each with its own reason, and
// whether it is about items at all.
func blamed(a answer, whole *platform.Error) (items map[int]*platform.Error, about bool) {
	items = map[int]*platform.Error{}
	for _, d := range a.Error.Details {
		for _, v := range d.Violations {
			lower := strings.ToLower(v.Field)
			about = about || strings.HasPrefix(lower, "audience") || strings.HasPrefix(lower, "events")
			m := item.FindStringSubmatch(v.Field)
			if m == nil {
				continue
			}
			i, err := strconv.Atoi(m[1])
			if err != nil || items[i] != nil {
				continue
			}
			own := *whole
			own.Message = strings.Trim(fmt.Sprintf("%s: %s", strings.TrimPrefix(v.Field, m[0]), v.Description), ".: ")
			if v.Reason != "" {
				own.Code = v.Reason
				own.Kind, own.Remedy = meaning(http.StatusBadRequest, v.Reason)
			}
			items[i] = &own
		}
	}
	return items, about
}

// meaning goes by Google's reason first: internal errors and limits have been
// seen to arrive as 400.
func meaning(status int, reason string) (platform.Kind, string) {
	switch reason {
	case "INTERNAL_ERROR", "INTERNAL", "DEADLINE_EXCEEDED", "UNAVAILABLE":
		return platform.Retryable, ""
	case "RESOURCE_EXHAUSTED":
		return platform.Quota, ""
	case "UNAUTHENTICATED":
		return platform.Authentication, remedyToken
	case "PERMISSION_DENIED":
		return platform.Authentication, remedyAccess
	case "TERMS_AND_CONDITIONS_NOT_SIGNED":
		return platform.Rejected, remedyTerms
	case "INVALID_CONVERSION_ACTION_ID", "INVALID_CONVERSION_ACTION_TYPE":
		return platform.Rejected, remedyAction
	case "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS":
		return platform.Rejected, remedyData
	case "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS":
		return platform.Rejected, remedyPolicy
	case "EVENT_TIME_INVALID":
		return platform.Rejected, remedyTooOld
	}
	switch {
	case status == http.StatusUnauthorized:
		return platform.Authentication, remedyToken
	case status == http.StatusForbidden:
		return platform.Authentication, remedyAccess
	case status == http.StatusTooManyRequests:
		return platform.Quota, ""
	case status >= 500:
		return platform.Retryable, ""
	}
	return platform.Rejected, ""
}

// code is the most telling name Google gives: the reason of a field, else of
// the whole, else the status.
func code(refused *googleapi.Error, a answer) string {
	best := a.Error.Status
	for _, d := range a.Error.Details {
		if d.Reason != "" && d.Reason != "INVALID_ARGUMENT" {
			best = d.Reason
		}
	}
	for _, d := range a.Error.Details {
		for _, v := range d.Violations {
			if v.Reason != "" {
				return v.Reason
			}
		}
	}
	if best == "" {
		best = fmt.Sprintf("HTTP %d", refused.Code)
	}
	return best
}

// message is Google's sentence with the first violation, which says what the
// sentence only hints at. Descriptions name fields and rules, not values.
func message(refused *googleapi.Error, a answer) string {
	msg := strings.TrimSuffix(a.Error.Message, ".")
	if msg == "" {
		msg = "refused with status " + strconv.Itoa(refused.Code)
	}
	for _, d := range a.Error.Details {
		for _, v := range d.Violations {
			return strings.TrimRight(fmt.Sprintf("%s: %s: %s", msg, v.Field, v.Description), ".: ")
		}
	}
	return msg
}

func unanswered(err error, r repetition) *platform.Error {
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	}
	e := &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Code: "NO_ANSWER", Message: "no answer: " + cause.Error(), Err: cause}
	if errors.Is(cause, context.DeadlineExceeded) {
		e.Message = "no answer in time"
	}
	op, dialled := errors.AsType[*net.OpError](cause)
	switch {
	case dialled && op.Op == "dial":
		e.Code, e.Remedy = "NOT_SENT", "check the network and the configured address"
	case r == once:
		e.Kind, e.Remedy = platform.Unknown, remedyNoReply
	}
	return e
}

func rejected(format string, args ...any) *platform.Error {
	return &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Message: fmt.Sprintf(format, args...)}
}
