package platform

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what an error of a platform means for the program.
type Kind string

const (
	// Retryable: nothing happened; the same call may be made again.
	Retryable Kind = "retryable"
	// Quota: nothing happened; the platform asks to wait.
	Quota Kind = "quota"
	// Authentication: the credentials are missing, expired or not allowed.
	Authentication Kind = "authentication"
	// Rejected: the platform understood and refused; the same call will fail.
	Rejected Kind = "rejected"
	// Unknown: the call may or may not have taken effect; read to find out.
	Unknown Kind = "unknown"
)

// Error is an error of an ad platform: its kind, the platform's own code, the
// request it belongs to, a sentence for a person, and the remedy where one is
// known. It never holds a secret.
type Error struct {
	Platform   Name
	Kind       Kind
	Code       string // the platform's own code, e.g. RESOURCE_EXHAUSTED or 190/463
	RequestID  string
	Message    string
	Remedy     string
	RetryAfter time.Duration // for Quota; 0 where the platform did not say
	Err        error         // the cause, if any
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Platform, e.Message)
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, Unknown where it is not an *Error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}
