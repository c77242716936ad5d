package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// audiencesView is the lists kept here, which campaigns are shown to them, and
// which of those share their people.
type audiencesView struct {
	Head      valueHead
	Lists     []listRow
	Campaigns []audienceRow
	Overlaps  []overlapPair
	More      int    // overlaps that are not shown
	Limit     string // above which neither is scaled up; "" where that is off
	None      string // why there are no overlaps
}

type listRow struct {
	Name, Platform, Purpose, People string
	At                              stamp
}

type audienceRow struct{ Name, Note, Shown, People string }

type overlapPair struct {
	A, B, Platform, Both, Smaller, Share string
	Bars                                 bool
}

// overlapRows is how many overlaps the page shows.
const overlapRows = 50

func (s *Server) audiences(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	head, models, err := s.valueHead(r, "/value/audiences", "audience")
	if err != nil {
		return err
	}
	lists, err := s.store.Lists(ctx, head.Account)
	if err != nil {
		return err
	}
	loc, err := s.zone(ctx, head.Account)
	if err != nil {
		return err
	}
	v := audiencesView{Head: head, None: "No night has compared audiences yet: it takes audiences.enabled in the configuration, and a night."}
	for _, l := range lists {
		v.Lists = append(v.Lists, listRow{Name: l.Name, Platform: present.PlatformName(l.Platform), Purpose: purposeOf(l.Kind), People: l.Summary, At: stampOf(l.UpdatedAt, loc)})
	}
	if len(models) > 0 {
		found, err := readModel[bidding.Audiences](models[0])
		if err != nil {
			return err
		}
		v.fill(found, lists)
	}
	s.render(w, r, http.StatusOK, "audiences", page{Title: "Audiences", Nav: "value", Here: head.Here, Body: v})
	return nil
}

func purposeOf(kind string) string {
	switch platform.ListKind(kind) {
	case platform.Retargeting:
		return "to bring people back to what they left"
	case platform.Seed:
		return "to find people like the most valuable ones"
	case platform.Exclusion:
		return "to be left out of ads for new customers"
	case platform.WinBack:
		return "to win back who may be leaving"
	}
	return "people like those of the list it grew from, found by the platform"
}

func (v *audiencesView) fill(found bidding.Audiences, lists []store.AudienceList) {
	if found.Limit > 0 {
		v.Limit = present.Percent(found.Limit)
	}
	names := map[string]string{}
	for _, l := range lists {
		names[bidding.ListKey(platform.Name(l.Platform), l.RemoteID)] = l.Name
	}
	for _, c := range found.Campaigns {
		row := audienceRow{Name: c.Name, Note: present.PlatformName(string(c.Platform)), People: present.Whole(float64(c.People)), Shown: shownTo(c, names)}
		if c.Unknown {
			row.People = "not known here"
		}
		v.Campaigns = append(v.Campaigns, row)
	}
	for _, o := range found.Overlaps[:min(len(found.Overlaps), overlapRows)] {
		v.Overlaps = append(v.Overlaps, overlapPair{A: o.A.Name, B: o.B.Name, Platform: present.PlatformName(string(o.A.Platform)), Both: present.Whole(float64(o.Both)),
			Smaller: present.Whole(float64(min(o.A.People, o.B.People))), Share: present.Percent(o.Share), Bars: o.Bars})
	}
	v.None = "No two campaigns with budgets of their own are shown to the same people, as far as can be told."
	v.More = len(found.Overlaps) - len(v.Overlaps)
}

// shownTo says by which lists a campaign goes, the parts of it that differ apart.
func shownTo(c bidding.Audience, names map[string]string) string {
	called := func(ids []string, and string) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			if out[i] = names[bidding.ListKey(c.Platform, id)]; out[i] == "" {
				out[i] = fmt.Sprintf("list %s, which is not kept here", id)
			}
		}
		return strings.Join(out, and)
	}
	var parts []string
	for _, t := range c.Targeting {
		part := called(t.Lists, " or ")
		if len(t.Without) > 0 {
			part += ", without " + called(t.Without, " and ")
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}
