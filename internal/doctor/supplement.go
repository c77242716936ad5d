package doctor

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"adsteward/internal/nightly"
	"adsteward/internal/platform"
)

// supplementAge is how old a supplemental feed may be that every night writes.
const supplementAge = 3 * 24 * time.Hour

// supplements checks that the supplemental feeds are written: what people
// approved to be kept out of ads is, only by them.
func supplements(shop *nightly.Shop, now time.Time) (out []Finding) {
	for _, name := range []platform.Name{platform.Google, platform.Meta} {
		file := shop.Supplement[name]
		if file == "" {
			continue
		}
		f := Finding{Check: shop.Name + ": supplemental feed for " + string(name), Verdict: OK, Detail: file}
		info, err := os.Stat(file)
		switch {
		case !slices.ContainsFunc(shop.Feeds, func(f nightly.Feed) bool { return f.Platform == string(name) || f.Platform == "both" }):
			f.Verdict, f.Detail, f.Remedy = Warning, "no feed is for "+string(name)+", so that nothing is written", "name the feed under feeds, or take it out of feed_supplement"
		case errors.Is(err, fs.ErrNotExist):
			f.Detail += ", which the next night writes"
		case err != nil:
			f.Verdict, f.Detail, f.Remedy = Error, err.Error(), "let this user write the file and its directory"
		case !info.Mode().IsRegular():
			f.Verdict, f.Detail, f.Remedy = Error, file+" is not a file", "name a file under feed_supplement"
		case now.Sub(info.ModTime()) > supplementAge:
			f.Verdict, f.Detail, f.Remedy = Warning, file+" was last written on "+info.ModTime().UTC().Format("2006-01-02"), "see what the stage push of the last nights says; the file and its directory must be writable"
		}
		out = append(out, f)
	}
	return out
}
