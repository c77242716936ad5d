package storefront

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"adsteward/store"
)

// Import reads one file into the store in one transaction: all of it or
// nothing. A file imported before (the same bytes under the same options) is
// not read again; Report.Known says so. What is wrong with the file is a
// *BadInput; other errors are the store's.
func Import(ctx context.Context, s *store.Store, file string, o Options) (Report, error) {
	o.Source = file
	if o.Format == "" && isJSONL(file) {
		o.Format = JSONL
	}
	rep := Report{Source: file, Kind: o.Kind}
	f, err := openFile(file)
	if err != nil {
		return rep, err
	}
	defer f.Close()
	digest, err := digestOf(f, o)
	if err != nil {
		return rep, fmt.Errorf("%s: %w", file, err)
	}
	if done, err := s.ImportDone(ctx, o.Account, digest); err != nil || done {
		rep.Known = done
		return rep, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return rep, fmt.Errorf("%s: %w", file, err)
	}
	err = s.InTx(ctx, func(q *store.Queries) error {
		again := newDigest(o)
		in := io.TeeReader(f, again)
		if rep, err = Read(ctx, in, o, q); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if sum(again) != digest {
			return &BadInput{Source: file, Problem: Problem{What: "changed while it was read; import it again when it is complete"}}
		}
		return q.RecordImport(ctx, store.Import{Account: o.Account, Digest: digest, Kind: string(o.Kind), Source: filepath.Base(file),
			Rows: rep.Rows - rep.Bad, ImportedAt: o.Now})
	})
	return rep, err
}

func isJSONL(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	return ext == ".jsonl" || ext == ".ndjson"
}

func openFile(file string) (*os.File, error) {
	refused := func(what string) error { return &BadInput{Source: file, Problem: Problem{What: what}} }
	f, err := os.Open(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refused("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return nil, refused("may not be read; check its permissions")
	case err != nil:
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, refused("is not a regular file")
	}
	return f, nil
}

// newDigest is fed with the options that change what a file means, so that a
// file imported with a wrong --map can be imported again with the right one.
func newDigest(o Options) hash.Hash {
	h := sha256.New()
	mapped := make([]string, 0, len(o.Map))
	for name, column := range o.Map {
		mapped = append(mapped, name+"="+column)
	}
	slices.Sort(mapped)
	zone := time.UTC
	if o.Location != nil {
		zone = o.Location
	}
	// What is empty was an option once: files that were imported then are to be known.
	fmt.Fprintf(h, "%q\n", []string{string(o.Kind), string(o.Format), o.Currency, zone.String(), "", fmt.Sprint(o.SkipBad), strings.Join(mapped, ",")})
	return h
}

func digestOf(r io.Reader, o Options) (string, error) {
	h := newDigest(o)
	_, err := io.Copy(h, r)
	return sum(h), err
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// Directory is a folder into which a shop drops its exports: orders*.csv,
// touches*.csv, carts*.csv, costs*.csv, consents*.csv and the same with .jsonl.
type Directory struct {
	Path    string
	Options Options // Kind, Format and Source are set for each file
}

// Import takes in every file of the directory that was not imported before, in
// the order of Kinds and then of names. It goes on after a file that cannot be
// read and returns the errors joined, each naming its file.
func (d Directory) Import(ctx context.Context, s *store.Store) ([]Report, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return nil, fmt.Errorf("the shop's directory %s cannot be read: %w", d.Path, errors.Unwrap(err))
	}
	var reports []Report
	var failed []error
	for _, kind := range Kinds() {
		for _, e := range entries {
			name := strings.ToLower(e.Name())
			if kind == Performance || e.IsDir() || !strings.HasPrefix(name, string(kind)) || filepath.Ext(name) != ".csv" && !isJSONL(name) {
				continue
			}
			o := d.Options
			o.Kind, o.Format = kind, ""
			rep, err := Import(ctx, s, filepath.Join(d.Path, e.Name()), o)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			reports = append(reports, rep)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return reports, errors.Join(failed...)
}
