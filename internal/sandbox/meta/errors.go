package meta

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
)

// graphError is an error as Graph writes it.
type graphError struct {
	status int

	Message     string `json:"message"`
	Type        string `json:"type"`
	Code        int    `json:"code"`
	Subcode     int    `json:"error_subcode,omitempty"`
	Transient   bool   `json:"is_transient,omitempty"`
	UserTitle   string `json:"error_user_title,omitempty"`
	UserMessage string `json:"error_user_msg,omitempty"`
	TraceID     string `json:"fbtrace_id"`
}

// invalid is Graph's error 100, by far its most common.
func invalid(format string, args ...any) *graphError {
	return &graphError{status: http.StatusBadRequest, Code: 100, Type: "OAuthException", Message: "(#100) " + fmt.Sprintf(format, args...)}
}

// refused is error 100 with a subcode and a sentence for a person.
func refused(subcode int, title, message string) *graphError {
	return &graphError{status: http.StatusBadRequest, Code: 100, Subcode: subcode, Type: "OAuthException",
		Message: "Invalid parameter", UserTitle: title, UserMessage: message}
}

func unknownObject(method, id string) *graphError {
	return &graphError{status: http.StatusBadRequest, Code: 100, Subcode: 33, Type: "GraphMethodException",
		Message: fmt.Sprintf("Unsupported %s request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, "+
			"or does not support this operation", lower(method), id)}
}

func lower(method string) string {
	switch method {
	case http.MethodGet:
		return "get"
	case http.MethodDelete:
		return "delete"
	}
	return "post"
}

func badToken(subcode int, message string) *graphError {
	return &graphError{status: http.StatusBadRequest, Code: 190, Subcode: subcode, Type: "OAuthException", Message: message}
}

// limited is the answer above a limit: of the user for reads, of the ad
// account's use case for writes.
func limited(method string) *graphError {
	if method == http.MethodGet {
		return &graphError{status: http.StatusBadRequest, Code: 17, Subcode: 2446079, Type: "OAuthException",
			Message: "(#17) User request limit reached", UserTitle: "Ad account has too many API calls",
			UserMessage: "There have been too many calls to this ad account. Wait a bit and try again."}
	}
	return &graphError{status: http.StatusBadRequest, Code: 80004, Subcode: 2446079, Type: "OAuthException",
		Message: "(#80004) There have been too many calls to this ad-account. Wait a bit and try again."}
}

func multipartParams(body io.Reader, boundary string, into url.Values) error {
	form, err := multipart.NewReader(body, boundary).ReadForm(maxBody)
	if err != nil {
		return err
	}
	defer form.RemoveAll()
	for k, v := range form.Value {
		into[k] = v
	}
	return nil
}
