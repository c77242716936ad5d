package nightly

import (
	"context"
	"fmt"

	"adsteward/feeds/pagedata"
	"adsteward/internal/feedsource"
	"adsteward/internal/landing"
	"adsteward/internal/platform"
)

// PageSettings say whether and how the landing pages of a feed are looked at.
type PageSettings struct {
	Enabled      bool
	Sample       int     // items drawn each night, others every night, beside those that spend
	Rate         float64 // pages a second and host
	AllowPrivate bool    // also addresses that are not public
}

// PagesModel is the kind under which a run keeps what the landing pages of each
// feed showed, by the feed's location.
const PagesModel = "pages"

// checkPages looks at the drawn items' pages and stores what they show; nothing
// is drawn where nobody asked. fault is set where none of the pages answered.
func (n *night) checkPages(ctx context.Context, f Feed, drawn *pagedata.Sampler) (said string, fault, err error) {
	if drawn == nil {
		return "", nil, nil
	}
	client := landing.New(landing.Options{Rate: f.Pages.Rate, Google: f.on(platform.Google), AllowPrivate: f.Pages.AllowPrivate})
	defer client.Close()
	seen := pagedata.Report{Now: n.asOf()}
	if err := client.Check(ctx, drawn.Items(), &seen, nil); err != nil {
		return "", nil, err
	}
	var models modelSet
	models.add(n.runID, PagesModel, f.Location, seen)
	if err := models.put(ctx, n.Store.Queries); err != nil {
		return "", nil, err
	}
	if silent := seen.ByKind[pagedata.NoAnswer]; silent > 0 && silent == seen.Pages {
		fault = fmt.Errorf("%w: none of the %d landing pages answered (%s)", feedsource.ErrUnreachable, silent, seen.Findings[0].Message)
	}
	return fmt.Sprintf("; %d landing pages looked at, %d agree with the feed", seen.Pages, seen.Agree), fault, nil
}
