package googleads

import (
	"fmt"
	"strings"
	"time"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// failureTrailer carries the GoogleAdsFailure of a call in its trailer, where
// some of the published client libraries look for it.
const failureTrailer = "google.ads.googleads.v25.errors.googleadsfailure-bin"

// failure is a refused request: one or more errors of the API. finish turns it
// into a status with the GoogleAdsFailure in its details.
type failure []*adserrors.GoogleAdsError

func (f failure) Error() string {
	msgs := make([]string, len(f))
	for i, e := range f {
		msgs[i] = e.GetMessage()
	}
	return strings.Join(msgs, "; ")
}

// newError returns an API error with the code, an enum of the errors package.
func newError(code protoreflect.Enum, format string, args ...any) *adserrors.GoogleAdsError {
	ec := (&adserrors.ErrorCode{}).ProtoReflect()
	fields := ec.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Enum() != nil && fd.Enum().FullName() == code.Descriptor().FullName() {
			ec.Set(fd, protoreflect.ValueOfEnum(code.Number()))
		}
	}
	return &adserrors.GoogleAdsError{
		ErrorCode: ec.Interface().(*adserrors.ErrorCode),
		Message:   fmt.Sprintf(format, args...),
	}
}

// refuse is newError as an error.
func refuse(code protoreflect.Enum, format string, args ...any) error {
	return failure{newError(code, format, args...)}
}

// at adds the place of the error, outermost element first, and returns it.
func at(e *adserrors.GoogleAdsError, path ...*adserrors.ErrorLocation_FieldPathElement) *adserrors.GoogleAdsError {
	if e.Location == nil {
		e.Location = &adserrors.ErrorLocation{}
	}
	e.Location.FieldPathElements = append(path, e.Location.FieldPathElements...)
	return e
}

// atField adds a dotted field path, such as target_roas.target_roas, as the place of the error.
func atField(e *adserrors.GoogleAdsError, path string) *adserrors.GoogleAdsError {
	var elems []*adserrors.ErrorLocation_FieldPathElement
	for name := range strings.SplitSeq(path, ".") {
		elems = append(elems, &adserrors.ErrorLocation_FieldPathElement{FieldName: name})
	}
	return at(e, elems...)
}

func indexed(name string, i int) *adserrors.ErrorLocation_FieldPathElement {
	return &adserrors.ErrorLocation_FieldPathElement{FieldName: name, Index: proto.Int32(int32(i))}
}

// quotaError is a refusal to be repeated after the delay.
func quotaError(code adserrors.QuotaErrorEnum_QuotaError, rate string, delay time.Duration) error {
	e := newError(code, "Too many requests. Retry in %d seconds.", int(delay.Seconds()))
	e.Details = &adserrors.ErrorDetails{QuotaErrorDetails: &adserrors.QuotaErrorDetails{
		RateScope:  adserrors.QuotaErrorDetails_DEVELOPER,
		RateName:   rate,
		RetryDelay: durationpb.New(delay),
	}}
	return failure{e}
}

// statusCode is the gRPC code the API answers for the class of the first error.
func (f failure) statusCode() codes.Code {
	switch f[0].GetErrorCode().GetErrorCode().(type) {
	case *adserrors.ErrorCode_AuthenticationError:
		return codes.Unauthenticated
	case *adserrors.ErrorCode_AuthorizationError:
		return codes.PermissionDenied
	case *adserrors.ErrorCode_QuotaError:
		return codes.ResourceExhausted
	case *adserrors.ErrorCode_InternalError:
		return codes.Internal
	}
	return codes.InvalidArgument
}

func statusMessage(c codes.Code) string {
	switch c {
	case codes.Unauthenticated:
		return "Request had invalid authentication credentials. Expected an OAuth 2 access token."
	case codes.PermissionDenied:
		return "The caller does not have permission"
	case codes.ResourceExhausted:
		return "Resource has been exhausted (e.g. check quota)."
	case codes.Internal:
		return "Internal error encountered."
	}
	return "Request contains an invalid argument."
}

func (f failure) proto(requestID string) *adserrors.GoogleAdsFailure {
	return &adserrors.GoogleAdsFailure{Errors: f, RequestId: requestID}
}

// status returns f with the GoogleAdsFailure in its details.
func (f failure) status(requestID string) *status.Status {
	code := f.statusCode()
	st, err := status.New(code, statusMessage(code)).WithDetails(f.proto(requestID))
	if err != nil { // the failure cannot be marshalled; the code still tells
		return status.New(code, f.Error())
	}
	return st
}

// partial returns f as the partial_failure_error of an answer.
func (f failure) partial(requestID string) *rpcstatus.Status {
	st := f.status(requestID).Proto()
	st.Message = f.Error()
	if len(f) > 1 {
		st.Message = "Multiple errors in 'details'. First error: " + f[0].GetMessage()
	}
	return st
}
