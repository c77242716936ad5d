package meta

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/platform"
)

// meaning is what one of Meta's codes says to the program and to a person.
type meaning struct {
	kind   platform.Kind
	remedy string
}

const (
	remedyToken   = "create a new access token for the system user in the Business Settings and put it into the configuration"
	remedyGrant   = "give the system user access to the ad account and the token the ads_management permission"
	remedyVersion = "set the newest version of the Graph API in the configuration"
	remedyTerms   = "an admin of the ad account must accept the custom audience terms at https://business.facebook.com/ads/manage/customaudiences/tos/"
	remedyFlagged = "Meta holds the audience for information it does not allow; look at it in the Audience Manager and request a review there"
	remedySeed    = "let the source audience grow to at least 100 people of the country, then try again"
	remedyBudget  = "raise the budget to the account's minimum"
)

// meanings is Meta's table of codes, as far as they matter here. Where both
// the code and the subcode are listed, the subcode counts. Every code that is
// not listed is a refusal.
//
// Sources: Graph API, Handling Errors and Rate Limiting; Marketing API, Error Codes.
var meanings = map[int]meaning{
	1: {kind: platform.Retryable}, // unknown, temporary
	2: {kind: platform.Retryable}, // service down

	4:       {kind: platform.Quota}, // application
	17:      {kind: platform.Quota}, // user or ad account
	32:      {kind: platform.Quota}, // page
	341:     {kind: platform.Quota}, // application, temporary
	613:     {kind: platform.Quota}, // custom
	2446079: {kind: platform.Quota}, // ad account, of 17
	1487742: {kind: platform.Quota}, // ad account, of 613

	102: {platform.Authentication, remedyToken},
	104: {platform.Authentication, remedyToken},
	190: {platform.Authentication, remedyToken},
	463: {platform.Authentication, remedyToken}, // expired, of 190
	467: {platform.Authentication, remedyToken}, // revoked, of 190
	3:   {platform.Authentication, remedyGrant},
	10:  {platform.Authentication, remedyGrant},
	200: {platform.Authentication, remedyGrant},
	272: {platform.Authentication, remedyGrant},
	273: {platform.Authentication, remedyGrant},
	294: {platform.Authentication, remedyGrant},

	2635:    {platform.Rejected, remedyVersion},
	2655:    {platform.Rejected, remedyTerms},
	1870090: {platform.Rejected, remedyTerms},
	1713230: {platform.Rejected, remedyFlagged},
	2654:    {platform.Rejected, remedySeed},
	1713007: {platform.Rejected, remedySeed},
	1885272: {platform.Rejected, remedyBudget},
	2804003: {platform.Rejected, remedyTooOld},
	2804050: {platform.Rejected, remedyPerson},
}

func meaningOf(e *facebook.Error, status int) meaning {
	if e.Code == 1 && saysTooMuch(e.Message) {
		return meaning{kind: platform.Rejected} // the same question will not fare better
	}
	if m, ok := meanings[e.ErrorSubcode]; ok && e.ErrorSubcode != 0 {
		return m
	}
	if m, ok := meanings[e.Code]; ok {
		return m
	}
	switch {
	case e.Code >= 80000 && e.Code <= 80014:
		return meaning{kind: platform.Quota}
	case e.Code > 200 && e.Code < 300:
		return meaning{platform.Authentication, remedyGrant}
	case e.IsTransient || status >= 500:
		return meaning{kind: platform.Retryable}
	}
	return meaning{kind: platform.Rejected}
}

// classify makes the platform's error of what a call came back with: an error
// the library returned, or a status without a readable answer. A write that may
// have taken effect is Unknown.
func classify(err error, x *exchange, eff effect) *platform.Error {
	out := &platform.Error{Platform: platform.Meta, RequestID: x.requestID()}
	var answer *facebook.Error
	switch {
	case errors.As(err, &answer):
		m := meaningOf(answer, x.status)
		out.Kind, out.Remedy = m.kind, m.remedy
		out.Code = fmt.Sprint(answer.Code)
		if answer.ErrorSubcode != 0 {
			out.Code += fmt.Sprintf("/%d", answer.ErrorSubcode)
		}
		out.Message = sentence(answer)
		if answer.TraceID != "" {
			out.RequestID = answer.TraceID
		}
		if m.kind == platform.Quota {
			out.RetryAfter = regainAccess(x.header)
		}
	case x.status == 0:
		return unanswered(err, eff)
	default:
		out.Code = fmt.Sprintf("HTTP %d", x.status)
		out.Message = "the answer cannot be read"
		out.Kind = platform.Retryable
		switch {
		case x.status == http.StatusTooManyRequests:
			out.Kind, out.RetryAfter = platform.Quota, regainAccess(x.header)
		case x.status >= 400 && x.status < 500:
			out.Kind = platform.Rejected
		}
		out.Err = err
	}
	if out.Kind == platform.Retryable && eff == writes {
		out.Kind = platform.Unknown
	}
	return out
}

// unanswered is for a request without any answer. The library's error holds
// the address, and with it the appsecret_proof; only its cause is kept.
func unanswered(err error, eff effect) *platform.Error {
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	}
	out := &platform.Error{Platform: platform.Meta, Kind: platform.Retryable, Code: "NO_ANSWER",
		Message: "no answer: " + cause.Error(), Err: cause}
	if errors.Is(cause, context.DeadlineExceeded) {
		out.Message = "no answer in time"
	}
	op, dialled := errors.AsType[*net.OpError](cause)
	unsent := dialled && op.Op == "dial"
	if unsent {
		out.Code, out.Remedy = "NOT_SENT", "check the network and the configured address"
	}
	if eff == writes && !unsent {
		out.Kind = platform.Unknown
		out.Remedy = "read the value back before trying again"
	}
	return out
}

// sentence prefers what Meta wrote for people over what it wrote for
// programmers.
func sentence(e *facebook.Error) string {
	msg := e.Message
	if e.UserMessage != "" {
		msg = e.UserMessage
		if e.UserTitle != "" {
			msg = strings.TrimSuffix(e.UserTitle, ".") + ": " + msg
		}
	}
	if msg == "" {
		msg = "refused without a reason"
	}
	return strings.TrimSuffix(msg, ".")
}

// saysTooMuch recognises the answer to a question that is too large for one
// request; Meta has no code of its own for it.
func saysTooMuch(message string) bool {
	return strings.Contains(strings.ToLower(message), "reduce the amount of data")
}

func tooMuchData(err error) bool {
	e, ok := errors.AsType[*platform.Error](err)
	return ok && saysTooMuch(e.Message)
}

// notFound recognises an id that does not exist or may not be seen.
func notFound(err error) bool {
	e, ok := errors.AsType[*platform.Error](err)
	return ok && (e.Code == "100/33" || e.Code == "803")
}

func rejected(format string, args ...any) *platform.Error {
	return &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Message: fmt.Sprintf(format, args...)}
}

// unreadable is an answer that holds what it should not.
func unreadable(what string, err error) *platform.Error {
	return &platform.Error{Platform: platform.Meta, Kind: platform.Retryable,
		Message: fmt.Sprintf("the answer about %s cannot be read: %v", what, err), Err: err}
}
