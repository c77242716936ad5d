// Package feedsource opens product feeds where they lie: a file, standard
// input, or an HTTP(S) address. It hands over the bytes as they are; what is in
// them, compression included, is the business of package feeds.
package feedsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotModified says that the feed is still the one Options.ETag or
// Options.LastModified named.
var ErrNotModified = errors.New("the feed has not changed")

// ErrUnreachable marks errors of a server that could not be reached or that
// answered with a 5xx or 429 status: trying again later may help.
var ErrUnreachable = errors.New("could not be reached")

// Options bound what is fetched.
type Options struct {
	ETag         string // of the copy at hand, or ""
	LastModified string // of the copy at hand, or ""
	// MaxBytes limits what is read; 0 is 4 GiB.
	MaxBytes int64
	// Timeout limits the whole transfer; 0 is 10 minutes.
	Timeout time.Duration
	Client  *http.Client // nil is http.DefaultClient
	Stdin   io.Reader    // what "-" means
}

// Info describes the feed that was opened.
type Info struct {
	Name         string // file name or address, without user, password or query
	ETag         string
	LastModified string
}

// Open opens a file path, "-" or an http:// or https:// address. The caller
// closes what it returns. Reading past MaxBytes is an error, not a short feed.
// Errors say which feed and what to do; errors.Is(err, ErrUnreachable) tells a
// server that does not answer from one that refuses.
func Open(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 30
	}
	switch scheme, _, isURL := strings.Cut(location, "://"); {
	case location == "-":
		if o.Stdin == nil {
			return nil, Info{}, errors.New("there is no standard input to read the feed from")
		}
		return limited(io.NopCloser(o.Stdin), "standard input", o.MaxBytes), Info{Name: "standard input"}, nil
	case isURL && (scheme == "http" || scheme == "https"):
		return fetch(ctx, location, o)
	case isURL:
		return nil, Info{}, fmt.Errorf("feeds are not read over %s://; give a file or an http:// or https:// address", scheme)
	}
	return openFile(location, o)
}

func openFile(path string, o Options) (io.ReadCloser, Info, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Info{}, fmt.Errorf("%s: there is no such file", path)
	}
	if err != nil {
		return nil, Info{}, err
	}
	stat, err := f.Stat()
	if err == nil && stat.IsDir() {
		err = fmt.Errorf("%s is a directory; name a file in it", path)
	}
	if err != nil {
		f.Close()
		return nil, Info{}, err
	}
	modified := stat.ModTime().UTC().Format(http.TimeFormat)
	if o.LastModified != "" && o.LastModified == modified {
		f.Close()
		return nil, Info{}, ErrNotModified
	}
	return limited(f, path, o.MaxBytes), Info{Name: filepath.Base(path), LastModified: modified}, nil
}

func fetch(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		// url.Parse's own error would repeat a password.
		return nil, Info{}, errors.New("the feed's address is not a valid URL")
	}
	info := Info{Name: u.Scheme + "://" + u.Host + u.Path}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
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
	resp, err := o.Client.Do(req)
	if err != nil {
		// *url.Error repeats the whole address, with its query.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return resp, nil
}

// judge closes the body of an answer that is no feed and says why.
func judge(resp *http.Response, o Options) error {
	var err error
	switch code := resp.StatusCode; {
	case code == http.StatusOK && resp.ContentLength > o.MaxBytes:
		err = tooLarge(o.MaxBytes)
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

func tooLarge(limit int64) error {
	return fmt.Errorf("the feed is larger than %d bytes; raise the limit if it should be", limit)
}

// body ends in an error where a feed is longer than its limit.
type body struct {
	rc     io.ReadCloser
	name   string
	left   int64 // bytes that may still come
	limit  int64
	cancel context.CancelFunc
}

func limited(rc io.ReadCloser, name string, limit int64) *body {
	return &body{rc: rc, name: name, left: limit, limit: limit, cancel: func() {}}
}

func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to see whether it ends
	}
	n, err := b.rc.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), tooLarge(b.limit)
	}
	b.left -= int64(n)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%s: %w", b.name, err)
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.rc.Close()
}
