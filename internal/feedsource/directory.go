package feedsource

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// directory reads the files of a directory one after the other: Read ends at the
// end of each, Next goes on to the next, as feeds.Shards has it.
type directory struct {
	*body
	path  string
	names []string // that are still to come
}

// openDirectory lists the files there are. Names that begin with . or _ are no
// data, by the custom of what writes shards.
func openDirectory(path string, o Options) (io.ReadCloser, Info, error) {
	entries, err := os.ReadDir(path) // in the order of their names
	if err != nil {
		return nil, Info{}, err
	}
	d := &directory{path: path, body: limited(nothing{}, path, o.MaxBytes)}
	var last time.Time
	print := fnv.New64a()
	for _, e := range entries {
		if name := e.Name(); name[0] == '.' || name[0] == '_' {
			continue
		}
		stat, err := os.Stat(filepath.Join(path, e.Name())) // of what a link leads to
		if err != nil {
			return nil, Info{}, err
		}
		if !stat.Mode().IsRegular() {
			continue
		}
		d.names = append(d.names, e.Name())
		fmt.Fprintf(print, "%q %d %d\n", e.Name(), stat.Size(), stat.ModTime().UnixNano())
		if stat.ModTime().After(last) {
			last = stat.ModTime()
		}
	}
	if len(d.names) == 0 {
		return nil, Info{}, fmt.Errorf("%s: there is no file in the directory", path)
	}
	info := Info{Name: filepath.Base(path), ETag: fmt.Sprintf("%x", print.Sum64()), LastModified: last.UTC().Format(http.TimeFormat)}
	if o.ETag != "" && o.ETag == info.ETag {
		return nil, Info{}, ErrNotModified
	}
	return d, info, nil
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
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return "", err
	}
	d.rc, d.name = f, f.Name()
	return name, nil
}

// nothing is read before the first file and after the last.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }
