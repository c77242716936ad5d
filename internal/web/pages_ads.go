package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/present"
	"adsteward/store"
)

// adModel is the kind under which a run keeps what it made of each unit's ads.
const adModel = "ads"

// adsView is the ads of a night, the units with most money on worn-out ones first.
type adsView struct {
	Date, URL string
	Units     []unitAds
}

// unitAds is the ads of one unit of control.
type unitAds struct {
	Name, Platform, Currency string
	Worn                     string // share of its spend on worn-out ads; "" where none is
	Rows                     []adRow
	More                     int
}

// adRow is one ad.
type adRow struct {
	Name, Spend, Share, CTR, CTRNow, Change string
	Verdict, Class                          string
	Words                                   []string
	Line                                    string // points of the drawing of its weeks
	Weeks                                   []adWeekRow
}

type adWeekRow struct{ From, Impressions, Clicks, CTR string }

func (s *Server) ads(w http.ResponseWriter, r *request) error {
	run, loc, err := s.findRun(r)
	if err != nil {
		return err
	}
	v, err := s.runView(r.Context(), run, loc)
	if err != nil {
		return err
	}
	found, err := readModels[bidding.UnitAds](r.Context(), s.store, run.RunID, adModel)
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b bidding.UnitAds) int {
		return cmp.Or(cmp.Compare(b.Worn, a.Worn), strings.Compare(a.Name, b.Name))
	})
	view := adsView{Date: v.Date, URL: v.URL}
	for _, u := range found {
		view.Units = append(view.Units, adsOf(u))
	}
	s.render(w, r, http.StatusOK, "ads", page{Title: "Ads of " + v.Date, Nav: "runs", Body: view})
	return nil
}

// fillAds adds the ads of the unit that a proposal changes.
func (s *Server) fillAds(ctx context.Context, p store.Proposal, u unit, v *proposalView) error {
	if p.RunID == "" || u.ID == "" {
		return nil
	}
	found, err := readModels[bidding.UnitAds](ctx, s.store, p.RunID, adModel)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(found, func(a bidding.UnitAds) bool { return a.Key == u.Key }); i >= 0 {
		ads := adsOf(found[i])
		v.Ads = &ads
	}
	return nil
}

func adsOf(u bidding.UnitAds) unitAds {
	v := unitAds{Name: u.Name, Platform: present.PlatformName(string(u.Platform)), Currency: u.Currency, More: u.More}
	if u.Worn > 0 {
		v.Worn = present.Percent(u.Worn)
	}
	for _, a := range u.Ads {
		row := adRow{Name: a.Name, Spend: present.Amount(a.Spend, u.Currency), Share: present.Percent(a.Share),
			CTR: smallShare(a.CTR), CTRNow: smallShare(a.CTRNow), Change: present.None, Verdict: "Holds", Class: "good", Line: sparkline(a.Weeks)}
		if a.CTR > 0 && a.CTRNow > 0 {
			row.Change = present.SignedPercent(a.CTRNow/a.CTR - 1)
		}
		if a.Why != "" {
			row.Verdict, row.Class, row.Words = "Not judged", "rest", []string{a.Why}
		}
		for _, f := range a.Falls {
			row.Verdict, row.Class = "Worn out", "bad"
			row.Words = append(row.Words, fallWords(f))
		}
		for _, w := range a.Weeks {
			week := adWeekRow{From: w.From.Time().Format("2 Jan 2006"), Impressions: present.Whole(w.Impressions), Clicks: present.Whole(w.Clicks), CTR: present.None}
			if w.Impressions > 0 {
				week.CTR = smallShare(w.Clicks / w.Impressions)
			}
			row.Weeks = append(row.Weeks, week)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func fallWords(f bidding.AdFall) string {
	what := "of those who see it click"
	if f.Figure == "ad_conversion_rate" {
		what = "of its clicks lead to a conversion"
	}
	return fmt.Sprintf("Since about %s, %s %s instead of %s.", f.Since.Time().Format("2 Jan"), smallShare(f.Now), what, smallShare(f.Then))
}

// smallShare writes a share of which most are a few percent; none is not known.
func smallShare(share float64) string {
	if share == 0 {
		return present.None
	}
	return fmt.Sprintf("%.2f %%", 100*share)
}

// sparkWidth and sparkHeight are the size of the drawing of an ad's weeks.
const sparkWidth, sparkHeight, sparkPad = 96.0, 24.0, 3.0

// sparkline are the points of an ad's click-through rate by week, from nothing at
// the bottom to the highest at the top; "" where there are not two to join.
func sparkline(weeks []bidding.AdWeek) string {
	top, n := 0.0, 0
	for _, w := range weeks {
		if w.Impressions > 0 {
			top, n = max(top, w.Clicks/w.Impressions), n+1
		}
	}
	if n < 2 || !(top > 0) {
		return ""
	}
	var points []string
	for i, w := range weeks {
		if w.Impressions > 0 {
			x := sparkPad + float64(i)/float64(len(weeks)-1)*(sparkWidth-2*sparkPad)
			y := sparkHeight - sparkPad - w.Clicks/w.Impressions/top*(sparkHeight-2*sparkPad)
			points = append(points, coord(x)+","+coord(y))
		}
	}
	return strings.Join(points, " ")
}
