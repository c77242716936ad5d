package googleads

import (
	"cmp"
	"strconv"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"adsteward/internal/platform"
)

const readToFindOut = "it may or may not have taken effect: read the value before doing anything else"

const testAccess = "the Cloud project has Test access, which reaches test accounts only: " +
	"apply for Explorer or Basic access on the project's Google Ads API page"

// remedies by the last part of a code.
var remedies = map[string]string{
	"UNAUTHENTICATED":                    "consent again, or check the credentials in the configuration",
	"OAUTH_TOKEN_INVALID":                "consent again, or check the credentials in the configuration",
	"OAUTH_TOKEN_EXPIRED":                "consent again, or check the machine's clock",
	"OAUTH_TOKEN_REVOKED":                "consent again and store the new refresh token",
	"OAUTH_TOKEN_DISABLED":               "consent again and store the new refresh token",
	"NOT_ADS_USER":                       "give the Google user or service account access to the Google Ads account",
	"TWO_STEP_VERIFICATION_NOT_ENROLLED": "turn on two-step verification for the Google user",
	"PERMISSION_DENIED":                  "give the Google user or service account access to the customer",
	"USER_PERMISSION_DENIED": "give the Google user or service account access to the customer, and set login customer id " +
		"to the manager account that the access comes through",
	"CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION":                 testAccess,
	"DEVELOPER_TOKEN_NOT_APPROVED":                              testAccess,
	"CLOUD_PROJECT_NOT_FOUND":                                   "check that the OAuth client's Cloud project exists",
	"PROJECT_DISABLED":                                          "enable the Cloud project again",
	"SERVICE_DISABLED":                                          "enable the Google Ads API in the Cloud project",
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT":                           "consent again, to the scope .../auth/adwords",
	"CUSTOMER_NOT_FOUND":                                        "check the customer id",
	"CUSTOMER_NOT_ENABLED":                                      "finish setting the account up in Google Ads, or reopen it",
	"MISSING_TOS":                                               "accept the terms of service in Google Ads",
	"INVALID_LOGIN_CUSTOMER_ID":                                 "check the login customer id",
	"LOGIN_CUSTOMER_ID_PARAMETER_MISSING":                       "set login customer id to the manager account that the access comes through",
	"INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION": "set login customer id to a manager account above the customer",
	"RESOURCE_EXHAUSTED":                                        "wait; if it is the day's operations, see the usage in the status or ask for a higher access level",
	"CONCURRENT_MODIFICATION":                                   "somebody else was changing it: read it again, then repeat",
	"NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT":                     "use a multiple of the currency's smallest billable unit",
	"UNAVAILABLE":                                               "check the network and the endpoint",
}

// failure turns the error of a call into a platform error. effect says that the
// call was to change something: then an answer that leaves open whether it did
// is Unknown.
func failure(err error, requestID string, effect bool) *platform.Error {
	st := status.Convert(err)
	name := code.Code(st.Code()).String()
	e := &platform.Error{Kind: kindOfStatus(st.Code(), effect), Code: name, RequestID: requestID, Message: st.Message()}
	switch st.Code() {
	case codes.DeadlineExceeded:
		e.Message = "no answer came in time"
	case codes.Unavailable:
		e.Message = "Google Ads cannot be reached: " + st.Message()
	}
	if f := failureOf(st); len(f.GetErrors()) > 0 {
		e = itemError(f.GetErrors()[0], cmp.Or(requestID, f.GetRequestId()), effect)
	}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.RetryInfo:
			e.RetryAfter = cmp.Or(e.RetryAfter, d.GetRetryDelay().AsDuration())
		case *errdetails.ErrorInfo:
			if e.Kind == platform.Authentication && remedies[d.GetReason()] != "" {
				e.Code, e.Remedy = d.GetReason(), remedies[d.GetReason()]
			}
		}
	}
	e.Err = err
	return finish(e, name)
}

// kindOfStatus is for errors without a GoogleAdsFailure, which come from the
// way to the service as well as from itself.
func kindOfStatus(c codes.Code, effect bool) platform.Kind {
	switch c {
	case codes.ResourceExhausted:
		return platform.Quota
	case codes.Unauthenticated, codes.PermissionDenied:
		return platform.Authentication
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		return platform.Rejected
	}
	if effect {
		return platform.Unknown
	}
	return platform.Retryable
}

func failureOf(st *status.Status) *adserrors.GoogleAdsFailure {
	for _, detail := range st.Details() {
		if f, ok := detail.(*adserrors.GoogleAdsFailure); ok {
			return f
		}
	}
	return nil
}

// partial returns the error of each of n changes, nil where it was accepted,
// from the partial failure of an answer. What it says of no single change holds
// for every change it does not name.
func partial(proto *rpcstatus.Status, n int, requestID string, effect bool) []*platform.Error {
	errs := make([]*platform.Error, n)
	if proto == nil || proto.GetCode() == int32(codes.OK) {
		return errs
	}
	var all *platform.Error
	failures := failureOf(status.FromProto(proto)).GetErrors()
	if len(failures) == 0 {
		all = failure(status.ErrorProto(proto), requestID, effect)
	}
	for _, f := range failures {
		e := itemError(f, requestID, effect)
		i, ok := operationIndex(f.GetLocation())
		switch {
		case !ok || i >= n:
			all = e
		case errs[i] == nil:
			errs[i] = e
		}
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = all
		}
	}
	return errs
}

func operationIndex(l *adserrors.ErrorLocation) (int, bool) {
	for _, el := range l.GetFieldPathElements() {
		if el.GetFieldName() == "operations" && el.Index != nil && el.GetIndex() >= 0 {
			return int(el.GetIndex()), true
		}
	}
	return 0, false
}

func itemError(g *adserrors.GoogleAdsError, requestID string, effect bool) *platform.Error {
	family, name := codeOf(g)
	e := &platform.Error{
		Kind:       kindOfCode(family, name, effect),
		Code:       family + "." + name,
		RequestID:  requestID,
		Message:    g.GetMessage(),
		RetryAfter: g.GetDetails().GetQuotaErrorDetails().GetRetryDelay().AsDuration(),
	}
	return finish(e, name)
}

// kindOfCode is for what Google Ads itself said of a request or a change.
func kindOfCode(family, name string, effect bool) platform.Kind {
	switch family {
	case "quota_error":
		if name == "ACCESS_PROHIBITED" {
			return platform.Authentication
		}
		return platform.Quota
	case "authentication_error", "authorization_error", "header_error":
		return platform.Authentication
	case "internal_error":
		if effect {
			return platform.Unknown
		}
		return platform.Retryable
	}
	switch name {
	case "CONCURRENT_MODIFICATION":
		return platform.Retryable
	case "CLOUD_PROJECT_NOT_FOUND", "LOGIN_CUSTOMER_ID_PARAMETER_MISSING", "DEVELOPER_TOKEN_PARAMETER_MISSING":
		return platform.Authentication
	}
	return platform.Rejected
}

// codeOf returns the two parts of a code, as campaign_budget_error and
// DUPLICATE_NAME. A value newer than the API version spoken here arrives by
// name in the details, or is given by its number.
func codeOf(g *adserrors.GoogleAdsError) (family, name string) {
	m := g.GetErrorCode().ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("error_code"))
	if field == nil {
		return "error", cmp.Or(g.GetDetails().GetUnpublishedErrorCode(), "UNKNOWN")
	}
	number := m.Get(field).Enum()
	if value := field.Enum().Values().ByNumber(number); value != nil {
		name = string(value.Name())
	} else {
		name = strconv.Itoa(int(number))
	}
	return string(field.Name()), cmp.Or(g.GetDetails().GetUnpublishedErrorCode(), name)
}

// finish fills in what every error has; name is the last part of its code.
func finish(e *platform.Error, name string) *platform.Error {
	e.Platform = platform.Google
	e.Message = cmp.Or(e.Message, "Google Ads gave no reason")
	e.Remedy = cmp.Or(e.Remedy, remedies[name])
	if e.Kind == platform.Unknown {
		e.Remedy = readToFindOut
	}
	return e
}

func malformed(message string) error {
	return finish(&platform.Error{Kind: platform.Rejected, Code: "MALFORMED_ANSWER", Message: message}, "")
}
