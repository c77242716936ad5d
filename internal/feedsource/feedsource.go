// Package feedsource opens product feeds where they lie: a file, a directory of
// files, standard input, or an HTTP(S) or SFTP address. It hands over the bytes
// as they are; what is in them, compression included, is the business of package
// feeds. What comes from afar is bounded in size and time, and leads nowhere the
// configuration does not.
package feedsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
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
	Stdin   io.Reader // what "-" means

	// For SFTP: what the user is known by, and the known_hosts file the server's
	// key has to be in ("" is that of the user who runs the program).
	Password   string
	Key        string // a private key in PEM
	KnownHosts string

	// What tests put in place of the network; nil asks the system.
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// Info describes the feed that was opened.
type Info struct {
	Name         string // file name or address, without user, password or query
	ETag         string
	LastModified string
}

// Open opens a file path, a directory (whose files, in the order of their names,
// are one feed: see feeds.Shards), "-", or an http://, https:// or sftp://
// address. The caller closes what it returns. Reading past MaxBytes is an error,
// not a short feed. Errors say which feed and what to do; errors.Is(err,
// ErrUnreachable) tells a server that does not answer from one that refuses.
func Open(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 30
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Minute
	}
	switch scheme, _, isURL := strings.Cut(location, "://"); {
	case location == "-":
		if o.Stdin == nil {
			return nil, Info{}, errors.New("there is no standard input to read the feed from")
		}
		return limited(io.NopCloser(o.Stdin), "standard input", o.MaxBytes), Info{Name: "standard input"}, nil
	case isURL && (scheme == "http" || scheme == "https"):
		return fetch(ctx, location, o)
	case isURL && scheme == "sftp":
		return fetchSFTP(ctx, location, o)
	case isURL:
		return nil, Info{}, fmt.Errorf("feeds are not read over %s://; give a file or an http://, https:// or sftp:// address", scheme)
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
		f.Close()
		return openDirectory(path, o)
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
