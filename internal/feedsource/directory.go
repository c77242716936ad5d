package feedsource

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// directory reads the files of a directory one after the other: Read ends at the
// end of each, Next goes on to the next, as feeds.Shards has it.
type directory struct {
	*body
	shards
	open func(name string) (io.ReadCloser, error)
	end  io.Closer // of what the files lie on; nil where that needs no end
}

// shards are the files of a directory that are still to be read, and what tells
// this set of files from another.
type shards struct {
	names []string
	print string
	last  time.Time // the newest change of one
}

// shardsOf takes the files of a directory from what is in it, in the order of
// names; stat follows a link. Names that begin with . or _ are no data, by the
// custom of what writes shards.
func shardsOf(entries []fs.FileInfo, stat func(name string) (fs.FileInfo, error)) (s shards, err error) {
	print := fnv.New64a()
	for _, e := range entries {
		if name := e.Name(); name[0] == '.' || name[0] == '_' {
			continue
		}
		info := e
		if e.Mode()&fs.ModeSymlink != 0 {
			if info, err = stat(e.Name()); err != nil {
				return shards{}, err
			}
		}
		if !info.Mode().IsRegular() {
			continue
		}
		s.names = append(s.names, e.Name())
		fmt.Fprintf(print, "%q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		if info.ModTime().After(s.last) {
			s.last = info.ModTime()
		}
	}
	if len(s.names) == 0 {
		return s, errors.New("there is no file in the directory")
	}
	s.print = fmt.Sprintf("%x", print.Sum64())
	return s, nil
}

func (s *shards) modified() string { return s.last.UTC().Format(http.TimeFormat) }

func openDirectory(path string, o Options) (io.ReadCloser, Info, error) {
	entries, err := os.ReadDir(path) // in the order of their names
	if err != nil {
		return nil, Info{}, err
	}
	infos := make([]fs.FileInfo, len(entries))
	for i, e := range entries {
		if infos[i], err = e.Info(); err != nil {
			return nil, Info{}, err
		}
	}
	s, err := shardsOf(infos, func(name string) (fs.FileInfo, error) { return os.Stat(filepath.Join(path, name)) })
	if err != nil {
		return nil, Info{}, fmt.Errorf("%s: %w", path, err)
	}
	info := Info{Name: filepath.Base(path), ETag: s.print, LastModified: s.modified()}
	if o.ETag != "" && o.ETag == info.ETag {
		return nil, Info{}, ErrNotModified
	}
	return &directory{body: limited(nothing{}, path, o.MaxBytes), shards: s,
		open: func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(path, name)) }}, info, nil
}

// Next goes on to the next file and returns its name, and io.EOF after the last.
func (d *directory) Next() (string, error) {
	if err := d.rc.Close(); err != nil {
		return "", err
	}
	d.rc = nothing{}
	if len(d.names) == 0 {
		return "", io.EOF
	}
	name := d.names[0]
	d.names = d.names[1:]
	f, err := d.open(name)
	if err != nil {
		return "", err
	}
	d.rc, d.name = f, name
	return name, nil
}

// Close closes the file that is open, and what the files lie on.
func (d *directory) Close() error {
	err := d.body.Close()
	if d.end != nil {
		err = errors.Join(err, d.end.Close())
	}
	return err
}

// nothing is read before the first file and after the last.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }
