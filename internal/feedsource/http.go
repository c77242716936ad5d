package feedsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

func fetch(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	u, err := url.Parse(location)
	if err != nil || u.Hostname() == "" {
		// url.Parse's own error would repeat a password.
		return nil, Info{}, errors.New("the feed's address is not a valid URL")
	}
	info := Info{Name: u.Scheme + "://" + u.Host + u.Path}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	resp, err := get(ctx, u, o)
	if err == nil {
		err = judge(resp, o)
	}
	if err != nil {
		cancel()
		if errors.Is(err, ErrNotModified) {
			return nil, info, err
		}
		return nil, info, fmt.Errorf("%s: %w", info.Name, err)
	}
	info.ETag, info.LastModified = resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
	body := limited(resp.Body, info.Name, o.MaxBytes)
	body.cancel = cancel
	return body, info, nil
}

func get(ctx context.Context, u *url.URL, o Options) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("the feed's address is not a valid URL")
	}
	if o.ETag != "" {
		req.Header.Set("If-None-Match", o.ETag)
	}
	if o.LastModified != "" {
		req.Header.Set("If-Modified-Since", o.LastModified)
	}
	req.Header.Set("User-Agent", "adsteward")
	// Asked for here, it is not undone below: package feeds does that, and
	// watches for what grows without end.
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := newGuard(req, o).client().Do(req)
	if err != nil {
		// *url.Error repeats the whole address, with its query.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		if refused := (*refusal)(nil); errors.As(err, &refused) {
			return nil, refused
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return resp, nil
}

// judge closes the body of an answer that is no feed and says why.
func judge(resp *http.Response, o Options) error {
	var err error
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch code := resp.StatusCode; {
	case code == http.StatusOK && resp.ContentLength > o.MaxBytes:
		err = tooLarge(o.MaxBytes)
	case code == http.StatusOK && (kind == "text/html" || kind == "application/xhtml+xml"):
		err = errors.New("the server sent an HTML page, not a feed; check the address, and whether it needs a password")
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotModified:
		err = ErrNotModified
	case code >= 500 || code == http.StatusTooManyRequests:
		err = fmt.Errorf("%w: the server answered %s", ErrUnreachable, resp.Status)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		err = fmt.Errorf("the server answered %s; put user and password into the address", resp.Status)
	default:
		err = fmt.Errorf("the server answered %s; check the address", resp.Status)
	}
	resp.Body.Close()
	return err
}
