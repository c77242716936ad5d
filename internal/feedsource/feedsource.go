// Package feedsource opens product feeds where they lie: a file, standard
// input, or an HTTP(S) address. It hands over bytes (gzip undone) and knows
// nothing of what is in them.
package feedsource

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// ErrNotModified says that the feed is still the one Options.ETag or
// Options.LastModified named.
var ErrNotModified = errors.New("the feed has not changed")

// Options bound what is fetched.
type Options struct {
	ETag         string // of the copy at hand, or ""
	LastModified string // of the copy at hand, or ""
	// MaxBytes limits the feed, after decompression; 0 is 4 GiB.
	MaxBytes int64
	// Timeout limits the whole transfer; 0 is 10 minutes.
	Timeout time.Duration
	Client  *http.Client // nil is http.DefaultClient
	Stdin   io.Reader    // what "-" means
}

// Info describes the feed that was opened.
type Info struct {
	Name         string // file name or address, without user or query
	ETag         string
	LastModified string
}

// Open opens a file path, "-" or an http:// or https:// address. The caller
// closes what it returns. Reading past MaxBytes is an error, not a short feed.
// Errors say which feed and what to do; errors.Is(err, ErrUnreachable) tells a
// server that does not answer from one that refuses.
func Open(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	return nil, Info{}, nil
}

// ErrUnreachable marks errors of a server that could not be reached or that
// answered with a 5xx status.
var ErrUnreachable = errors.New("could not be reached")
