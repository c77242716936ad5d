package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// worldView is what platforms and landing pages say of the items of the feeds.
type worldView struct {
	Account   string
	Back      string   // the page Feeds
	Groups    []option // accounts to choose from; nil where there is one
	Platforms []judgedPlatform
	Pages     []landingPages
}

// judgedPlatform is one platform's verdict beside ours.
type judgedPlatform struct {
	Name    string
	At      stamp
	Figures []pair
	States  []pair
	Groups  []pair // what it says of the whole catalog
	Rules   []scoreRow
	Codes   []scoreRow
}

// scoreRow is a rule or a code with how often it came true.
type scoreRow struct {
	Name, Note, Rules string
	Count, Share      string
	Interval          string
	Whisk             *whisker
	Example, ItemURL  string
	New               bool // a code that is not known
}

// landingPages are those of one feed.
type landingPages struct {
	Feed, Date string
	Figures    []pair
	Rows       []pageRow
	More       int // findings that are not shown
}

type pageRow struct {
	Item, ItemURL, URL, Kind, Class, Message, Fix string
}

// worldRows is how many findings the page shows of a feed.
const worldRows = 200

func (s *Server) feedWorld(w http.ResponseWriter, r *request) error {
	ctx, account := r.Context(), r.URL.Query().Get("account")
	v := worldView{Account: account}
	var err error
	if v.Groups, err = s.accountOptions(ctx, account); err != nil {
		return err
	}
	runs, err := s.store.Runs(ctx, account, valueNights)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if v.Account == "" {
			v.Account = run.Account
		}
		if run.Account != v.Account {
			continue
		}
		if err := v.fill(r, s, run); err != nil {
			return err
		}
		if len(v.Platforms) > 0 && len(v.Pages) > 0 {
			break
		}
	}
	v.Groups = ofOne(v.Groups, v.Account)
	v.Back = v.night().link("/feeds")
	s.render(w, r, http.StatusOK, "feedplatform", page{Title: "Items as others see them", Nav: "feeds", Here: "/feeds/platform", Body: v})
	return nil
}

// night is for the addresses of the pages of feeds.
func (v *worldView) night() *feedNight { return &feedNight{Account: v.Account, Groups: v.Groups} }

// fill takes from a night what no newer one had.
func (v *worldView) fill(r *request, s *Server, run store.Run) error {
	loc, err := s.zone(r.Context(), run.Account)
	if err != nil {
		return err
	}
	date := run.Date.Time().Format("Mon 2 Jan 2006")
	if len(v.Platforms) == 0 {
		scores, err := readModels[feeds.PlatformScore](r.Context(), s.store, run.RunID, "item_score")
		if err != nil {
			return err
		}
		for _, score := range scores {
			v.Platforms = append(v.Platforms, judgedOf(score, loc, v.night()))
		}
	}
	if len(v.Pages) > 0 {
		return nil
	}
	models, err := s.store.Models(r.Context(), run.RunID, "pages")
	if err != nil {
		return err
	}
	for _, m := range models {
		rep, err := readModel[pagedata.Report](m)
		if err != nil {
			return err
		}
		v.Pages = append(v.Pages, landingOf(m.Key, date, rep, v.night()))
	}
	return nil
}

// itemStates names what platforms make of items, in the order they are shown.
var itemStates = []struct{ state, name, note string }{
	{"approved", "Approved", "shown"},
	{"limited", "Limited", "shown in some places, or less"},
	{"pending", "Pending", "not judged yet"},
	{"disapproved", "Disapproved", "not shown"},
	{"absent", "Absent", "in the feed, and the platform does not have it"},
}

func judgedOf(p feeds.PlatformScore, loc *time.Location, n *feedNight) judgedPlatform {
	out := judgedPlatform{Name: present.CatalogName(p.Platform), At: stampOf(p.At, loc)}
	for _, g := range p.Groups {
		need := "could be better"
		if g.Error {
			need = "must be repaired"
		}
		out.Groups = append(out.Groups, pair{present.Words(strings.ToLower(g.Code)), present.Whole(float64(g.Items)) + " items", g.Title + "; " + need})
	}
	for _, s := range itemStates {
		if n := p.States[s.state]; n > 0 {
			out.States = append(out.States, pair{s.name, present.Whole(float64(n)), s.note})
		}
	}
	out.Figures = []pair{
		{"Errors of our check that came true", judgedShare(p.Precision), "of items with an error in our check, the platform refuses " + countOf(p.Precision) + wilsonOf(p.Precision)},
		{"Refusals our check foresaw", judgedShare(p.Recall), "of items the platform refuses, our check had an error in " + countOf(p.Recall) + wilsonOf(p.Recall)},
		{"Items compared", present.Whole(float64(p.Items)), comparedNote(p.Score)},
	}
	for _, r := range p.Rules {
		row := rowOf(r.Precision)
		row.Name, row.Example, row.ItemURL = r.Rule, r.Example, n.item(r.Example)
		if r.Absent > 0 {
			row.Note = "of " + present.Whole(float64(r.Absent)) + " more items nothing is known: the platform did not take them"
		}
		out.Rules = append(out.Rules, row)
	}
	for _, c := range p.Codes {
		row := rowOf(c.Recall)
		row.Name, row.Note, row.Rules, row.Example, row.ItemURL = c.Code, c.Meaning, strings.Join(c.Rules, ", "), c.Example, n.item(c.Example)
		row.New = slices.ContainsFunc(p.Unknown, func(u feeds.CodeScore) bool { return u.Code == c.Code })
		out.Codes = append(out.Codes, row)
	}
	return out
}

func comparedNote(s feeds.Score) string {
	var out []string
	if s.Pending > 0 {
		out = append(out, present.Whole(float64(s.Pending))+" not judged yet")
	}
	if s.Strange > 0 {
		out = append(out, present.Whole(float64(s.Strange))+" in no feed that was read")
	}
	if len(out) == 0 {
		return "all the platform knows"
	}
	return "left out: " + strings.Join(out, ", ")
}

func rowOf(p feeds.Proportion) scoreRow {
	const room = whiskWidth - 2*whiskPad
	at := func(share float64) float64 { return whiskPad + share*room }
	return scoreRow{Count: countOf(p), Share: judgedShare(p), Interval: fmt.Sprintf("%s to %s", present.Percent(p.Low), present.Percent(p.High)),
		Whisk: &whisker{Zero: coord(at(0)), Low: coord(at(p.Low)), Width: coord(max(1, at(p.High)-at(p.Low))), Mean: coord(at(p.Share()))}}
}

func judgedShare(p feeds.Proportion) string {
	if p.N == 0 {
		return present.None
	}
	return present.Percent(p.Share())
}

func countOf(p feeds.Proportion) string {
	return present.Whole(float64(p.Hits)) + " of " + present.Whole(float64(p.N))
}

func wilsonOf(p feeds.Proportion) string {
	if p.N == 0 {
		return ""
	}
	return fmt.Sprintf("; 95 %% interval %s to %s", present.Percent(p.Low), present.Percent(p.High))
}

// pageKinds are the kinds of findings in words.
var pageKinds = map[pagedata.Kind]string{
	pagedata.Price: "Another price", pagedata.Currency: "Another currency", pagedata.Availability: "Another availability",
	pagedata.Missing: "Page missing", pagedata.OtherProduct: "Leads elsewhere", pagedata.NoData: "No structured data",
	pagedata.NoAnswer: "No answer", pagedata.NotAllowed: "Not looked at", pagedata.GoogleBarred: "Closed to Google", pagedata.NotInFeed: "Not in the feed",
}

func landingOf(feed, date string, rep pagedata.Report, n *feedNight) landingPages {
	out := landingPages{Feed: feed, Date: date}
	out.Figures = []pair{{"Pages looked at", present.Whole(float64(rep.Pages)), "another sample every night, and the items that spend"},
		{"Agree with the feed", present.Whole(float64(rep.Agree)), ""}}
	for _, k := range slices.Sorted(maps.Keys(rep.ByKind)) {
		out.Figures = append(out.Figures, pair{pageKinds[k], present.Whole(float64(rep.ByKind[k])), ""})
	}
	for _, f := range rep.Findings {
		if len(out.Rows) == worldRows {
			out.More = len(rep.Findings) - worldRows
			break
		}
		row := pageRow{Item: f.ItemID, ItemURL: n.item(f.ItemID), URL: f.URL, Kind: pageKinds[f.Kind], Class: "open", Message: f.Message, Fix: f.Fix}
		if f.Severity == feeds.Error {
			row.Class = "bad"
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// itemJudged is what a platform makes of one item.
type itemJudged struct {
	Platform, State, Class string
	At                     stamp
	Issues                 []pair // code, words, and how grave
}

func (s *Server) itemJudged(ctx context.Context, account, item string) ([]itemJudged, error) {
	rows, err := s.store.ItemStatuses(ctx, account, item)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	loc, err := s.zone(ctx, account)
	if err != nil {
		return nil, err
	}
	classes := map[string]string{"approved": "good", "limited": "busy", "pending": "rest", "disapproved": "bad", "absent": "bad"}
	var out []itemJudged
	for _, r := range rows {
		j := itemJudged{Platform: present.CatalogName(r.Platform), State: present.Words(r.State), Class: classes[r.State], At: stampOf(r.SeenAt, loc)}
		var issues []platform.ItemIssue
		if err := json.Unmarshal([]byte(r.Issues), &issues); err != nil {
			return nil, fmt.Errorf("the stored issues of item %q cannot be read: %w", item, err)
		}
		for _, i := range issues {
			p := pair{Name: i.Code, Value: i.Description, Note: "a warning"}
			if i.Error {
				p.Note = "keeps it from being shown"
			}
			j.Issues = append(j.Issues, p)
		}
		out = append(out, j)
	}
	return out, nil
}
