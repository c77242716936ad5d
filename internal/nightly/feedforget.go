package nightly

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// keptName is how the files of the feed cache are called: by feed, then by what is
// in them.
var keptName = regexp.MustCompile(`^[0-9a-f]{32}-`)

// forgetAfter is how long files of a feed that is configured no more are kept.
// Another configuration may share the directory; its files are written or marked
// anew every night.
const forgetAfter = 7 * 24 * time.Hour

// forgetFeeds removes what was kept of feeds that are configured no more. Nothing
// depends on it: what cannot be removed is logged.
func (n *night) forgetFeeds() {
	if n.FeedCache == "" {
		return
	}
	inUse := map[string]bool{}
	for i := range n.Shops {
		other := night{Steward: n.Steward, shop: &n.Shops[i]}
		for _, f := range n.Shops[i].Feeds {
			inUse[filepath.Base(other.feedCache(f).path)+"-"] = true
		}
	}
	files, err := os.ReadDir(n.FeedCache)
	for _, f := range files {
		id := keptName.FindString(f.Name())
		if id == "" || inUse[id] {
			continue
		}
		info, ierr := f.Info()
		if ierr == nil && info.Mode().IsRegular() && n.Now().Sub(info.ModTime()) > forgetAfter {
			ierr = os.Remove(filepath.Join(n.FeedCache, f.Name()))
		}
		if !errors.Is(ierr, fs.ErrNotExist) {
			err = errors.Join(err, ierr)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.Log.Warn("what was kept of feeds that are gone could not be removed", "directory", n.FeedCache, "error", err)
	}
}
