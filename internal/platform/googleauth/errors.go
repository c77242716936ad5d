package googleauth

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"adsteward/internal/platform"
)

const checkCredentials = "check the Google credentials in the configuration"

// remedies by the token endpoint's error codes (RFC 6749, section 5.2, and
// Google's own).
var remedies = map[string]string{
	"invalid_grant": "the consent was withdrawn, has expired (seven days while the consent screen is in testing) " +
		"or the machine's clock is wrong: check the clock, then consent again and store the new refresh token",
	"invalid_client":      "check client id and client secret; they must be those of the project that issued the refresh token",
	"unauthorized_client": "allow this client the scopes (for a service account: domain-wide delegation), or consent again with this client",
	"invalid_scope":       "allow the credential the scopes it asks for",
	"access_denied":       "let the user or administrator grant access",
}

func missing(message string) error {
	return &platform.Error{
		Platform: platform.Google,
		Kind:     platform.Authentication,
		Code:     "CREDENTIALS",
		Message:  message,
		Remedy:   checkCredentials,
	}
}

// explain turns an error of the token endpoint into a platform error. The body
// of the answer and the request stay out of it: they may hold secrets.
func explain(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return unreachable(err)
	}
	code, description := refused.ErrorCode, refused.ErrorDescription
	if code == "" { // the JWT grant leaves the body unread
		var body struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(refused.Body, &body) == nil {
			code, description = body.Code, body.Description
		}
	}
	status := 0
	var header http.Header
	if refused.Response != nil {
		status, header = refused.Response.StatusCode, refused.Response.Header
	}
	e := &platform.Error{Platform: platform.Google, Code: cmp.Or(code, strconv.Itoa(status))}
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind = platform.Quota
		e.Message = "the OAuth2 token endpoint asks to wait"
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
			e.RetryAfter = time.Duration(seconds) * time.Second
		}
	case status >= 500:
		e.Kind = platform.Retryable
		e.Message = fmt.Sprintf("the OAuth2 token endpoint failed with status %d", status)
	default:
		e.Kind = platform.Authentication
		e.Message = "the OAuth2 token endpoint refused the credentials"
		if description != "" {
			e.Message += ": " + description
		}
		e.Remedy = cmp.Or(remedies[code], checkCredentials)
	}
	return e
}

func unreachable(err error) error {
	// A url.Error repeats the method and address of the request; its cause is
	// what a person needs.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &platform.Error{
		Platform: platform.Google,
		Kind:     platform.Retryable,
		Code:     "TOKEN_ENDPOINT",
		Message:  "no access token could be fetched: " + err.Error(),
		Remedy:   "check the network and the token URL",
		Err:      err,
	}
}
