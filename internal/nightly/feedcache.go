package nightly

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"adsteward/feeds"
	"adsteward/internal/feedsource"
)

// feedCache is what is kept of one feed from night to night: the verdicts on its
// items and, where a server says how a version is told from another, its last
// version in force as it came. One that the server says has not changed is read
// from here again, not taken as checked: what a date or the other items say of
// an item is found out anew, as is what its items cost. Nothing in here is
// needed; what is damaged or cannot be written is logged and done without.
type feedCache struct {
	log  *slog.Logger
	path string // of the two files, without their endings; "" keeps nothing

	verdicts, version *keptWriter // this night's, nil where not kept
	lent              []io.Closer // files of before
}

const (
	verdictFile = "-verdicts.zip"
	versionFile = "-feed.zip"
)

// validators tell one version of a feed from another, as its server does.
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// feedCache of a feed is named by what tells it from others; its location, which
// may hold a password, cannot be read from it.
func (n *night) feedCache(f Feed) *feedCache {
	c := &feedCache{log: n.Log.With("account", n.shop.Name)}
	if n.FeedCache != "" {
		id := sha256.Sum256([]byte(n.shop.Name + "\x00" + f.Location + "\x00" + f.Platform))
		c.path = filepath.Join(n.FeedCache, hex.EncodeToString(id[:16]))
	}
	return c
}

// open opens the feed, or its kept version where that is still the newest.
func (c *feedCache) open(ctx context.Context, f Feed) (io.ReadCloser, error) {
	o := f.Source
	var kept *keptFile
	afar := c.path != "" && strings.Contains(f.Location, "://")
	if afar {
		if kept = c.read(versionFile); kept != nil {
			c.lent = append(c.lent, kept.file)
			var v validators
			if err := json.Unmarshal([]byte(kept.note), &v); err == nil {
				o.ETag, o.LastModified = v.ETag, v.LastModified
			}
		}
	}
	src, info, err := feedsource.Open(ctx, f.Location, o)
	if errors.Is(err, feedsource.ErrNotModified) && kept != nil {
		return io.NopCloser(kept), nil
	}
	if err != nil {
		return nil, err
	}
	v := validators{info.ETag, info.LastModified}
	if _, many := src.(feeds.Shards); many || !afar || v == (validators{}) {
		return src, nil
	}
	note, err := json.Marshal(v)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	c.version = c.write(versionFile, string(note))
	return &copied{Reader: io.TeeReader(src, c.version), src: src, to: c.version}, nil
}

// copied is a feed that is kept as it is read. Who reads it may stop before its
// end; only all of it is a version.
type copied struct {
	io.Reader
	src io.Closer
	to  *keptWriter
}

func (c *copied) Close() error {
	if c.to.err == nil {
		_, err := io.Copy(io.Discard, c.Reader)
		c.to.fail(err)
	}
	return c.src.Close()
}

// lend gives a validation the verdicts of the night before, and takes its own.
func (c *feedCache) lend(o *feeds.Options) {
	if c.path == "" {
		return
	}
	if kept := c.read(verdictFile); kept != nil {
		c.lent = append(c.lent, kept.file)
		o.Known = kept
	}
	c.verdicts = c.write(verdictFile, "")
	o.Keep = c.verdicts
}

// asKnown has the verdicts of the night before stay.
func (c *feedCache) asKnown() {
	c.verdicts.discard()
	c.verdicts = nil
}

// keep puts what this night has read into the place of what was kept before. What
// stays as it is was of use, and is marked so, see forgetFeeds.
func (c *feedCache) keep() {
	c.close()
	if c.path == "" {
		return
	}
	for ending, w := range map[string]*keptWriter{verdictFile: c.verdicts, versionFile: c.version} {
		var err error
		if w != nil {
			err = w.commit()
		} else if err = os.Chtimes(c.path+ending, time.Time{}, time.Now()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			c.log.Warn("what was found out about a feed could not be kept; the next night does without", "file", c.path+ending, "error", err)
		}
	}
}

// drop leaves in place what was kept before: the version in force is that one.
func (c *feedCache) drop() {
	c.close()
	for _, w := range []*keptWriter{c.verdicts, c.version} {
		if w != nil {
			w.discard()
		}
	}
}

func (c *feedCache) close() {
	for _, l := range c.lent {
		l.Close()
	}
	c.lent = nil
}

// keptFile is what was kept, open to be read.
type keptFile struct {
	*io.SectionReader
	file *os.File
	note string
}

// read opens a kept file that is whole; nil: there is none.
func (c *feedCache) read(ending string) *keptFile {
	file, err := os.Open(c.path + ending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var kept *keptFile
		if kept, err = whole(file); err == nil {
			return kept
		}
		file.Close()
	}
	c.log.Warn("what was kept of a feed is damaged and is not used", "file", c.path+ending, "error", err)
	return nil
}

// whole holds the one entry of a kept file against its checksum.
func whole(file *os.File) (*keptFile, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, err
	}
	if len(z.File) != 1 || z.File[0].Method != zip.Store {
		return nil, errors.New("it is not as this program writes it")
	}
	entry := z.File[0]
	from, err := entry.DataOffset()
	if err != nil {
		return nil, err
	}
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	size, err := io.Copy(io.Discard, r)
	return &keptFile{io.NewSectionReader(file, from, size), file, z.Comment}, err
}

// write begins a file that takes its place on commit.
func (c *feedCache) write(ending, note string) *keptWriter {
	w := &keptWriter{path: c.path + ending}
	if w.err = os.MkdirAll(filepath.Dir(w.path), 0o700); w.err != nil {
		return w
	}
	// One night of an account runs at a time; what a crash left of such a file is
	// written over.
	if w.file, w.err = os.OpenFile(w.unfinished(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); w.err != nil {
		return w
	}
	w.buf = bufio.NewWriterSize(w.file, 256<<10)
	w.zip = zip.NewWriter(w.buf)
	if w.err = w.zip.SetComment(note); w.err == nil {
		w.to, w.err = w.zip.CreateHeader(&zip.FileHeader{Name: "kept", Method: zip.Store})
	}
	return w
}

// keptWriter is a file of the cache that is being written: a zip archive of one
// stored entry, for its checksum. Writing to it never fails, so that a full disk
// does not keep a feed from being read; commit tells.
type keptWriter struct {
	path string
	file *os.File
	buf  *bufio.Writer
	zip  *zip.Writer
	to   io.Writer
	err  error
}

func (w *keptWriter) unfinished() string { return w.path + ".new" }

func (w *keptWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = w.to.Write(p)
	}
	return len(p), nil
}

// fail has the file not be kept.
func (w *keptWriter) fail(err error) {
	if w != nil && w.err == nil {
		w.err = err
	}
}

func (w *keptWriter) commit() error {
	if w.err != nil {
		w.discard()
		return w.err
	}
	if err := errors.Join(w.zip.Close(), w.buf.Flush(), w.file.Sync()); err != nil {
		w.discard()
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.unfinished(), w.path); err != nil {
		return fmt.Errorf("replacing it: %w", err)
	}
	return nil
}

func (w *keptWriter) discard() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.unfinished())
	}
}
