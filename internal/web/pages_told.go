package web

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type toldView struct {
	Head      valueHead
	Platforms []toldPlatform
	Rows      []toldRow
}

// toldPlatform is what one platform was told, and what the newest night decided.
type toldPlatform struct {
	Name    string
	Meta    bool // else Google
	On      bool
	Target  string
	Measure string // in words
	Figures []pair
	Orders  []toldRow
	Skipped []toldSkip
}

// toldRow is one order as it was told, or would be.
type toldRow struct {
	Order, Platform, Step, Paid, Value, Why string
	State, Status, Request                  string
	At                                      stamp // of the order in a preview, else of the telling
}

// toldSkip is a reason for telling nothing, with an example.
type toldSkip struct{ Reason, Orders, Example, Why string }

// toldRows is how many of the newest rows the page shows.
const toldRows = 50

func (s *Server) told(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	head, models, err := s.valueHead(r, "/value/told", "told")
	if err != nil {
		return err
	}
	loc, err := s.zone(ctx, head.Account)
	if err != nil {
		return err
	}
	v := toldView{Head: head}
	if head.Account != "" {
		counts, err := s.store.ToldCounts(ctx, head.Account)
		if err != nil {
			return err
		}
		for _, m := range models {
			report, err := readModel[bidding.TellReport](m)
			if err != nil {
				return err
			}
			v.Platforms = append(v.Platforms, newToldPlatform(report, counts, loc))
		}
		rows, err := s.store.Told(ctx, store.ToldFilter{Account: head.Account, Limit: toldRows})
		if err != nil {
			return err
		}
		for _, t := range rows {
			v.Rows = append(v.Rows, toldRow{Order: t.OrderID, Platform: present.PlatformName(t.Platform), Step: stepName(t.Step),
				Value: money.Format(t.Value, t.Currency), Why: t.Why, State: t.State, Status: t.Status, Request: t.RequestID, At: stampOf(t.ToldAt, loc)})
		}
	}
	s.render(w, r, http.StatusOK, "told", page{Title: "Told to platforms", Nav: "value", Here: head.Here, Body: v})
	return nil
}

func newToldPlatform(r bidding.TellReport, counts []store.ToldCount, loc *time.Location) toldPlatform {
	p := toldPlatform{Name: present.PlatformName(string(r.Platform)), Meta: r.Platform == platform.Meta, On: r.Enabled, Target: r.Target,
		Measure: measureName(r.Measure), Figures: toldFigures(r, counts)}
	for _, o := range r.Orders {
		if o.Step != "" {
			p.Orders = append(p.Orders, toldRow{Order: o.OrderID, Step: stepName(o.Step), Paid: money.Format(o.Revenue, o.Currency),
				Value: money.Format(o.Value, o.Currency), Why: o.Why, At: stampOf(o.At, loc)})
		}
	}
	reasons := slices.SortedFunc(maps.Keys(r.Skipped), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Skipped[b], r.Skipped[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		skip := toldSkip{Reason: present.Words(reason), Orders: present.Whole(float64(r.Skipped[reason]))}
		if i := slices.IndexFunc(r.Orders, func(o bidding.TellRow) bool { return o.Skip == reason }); i >= 0 {
			skip.Example, skip.Why = r.Orders[i].OrderID, sentence(r.Orders[i].Why)
		}
		p.Skipped = append(p.Skipped, skip)
	}
	return p
}

// toldFigures counts what the platform was told so far, and what the night
// decided to tell it.
func toldFigures(r bidding.TellReport, counts []store.ToldCount) []pair {
	number := map[string]int{}
	var worth []string // by currency
	for _, c := range counts {
		if c.Platform != string(r.Platform) {
			continue
		}
		number[c.State] += c.Orders
		if c.State == bidding.ToldDone {
			worth = append(worth, money.Format(c.Value, c.Currency))
		}
	}
	out := []pair{
		{"Orders told", present.Whole(float64(number[bidding.ToldDone])), strings.Join(worth, ", ")},
		{"Taken back", present.Whole(float64(number[bidding.ToldRetracted])), "cancelled or refunded in full"},
		{"Refused", present.Whole(float64(number[bidding.ToldRefused])), "see why below; “adsteward values send --refused” tries again"},
		{"Without an answer", present.Whole(float64(number[bidding.ToldPending])), "sent again next time"},
	}
	night, parts := 0, []string(nil)
	for _, step := range []platform.ConversionStep{platform.Record, platform.Restate, platform.Retract} {
		if n := r.Steps[string(step)]; n > 0 {
			night += n
			parts = append(parts, present.Whole(float64(n))+" "+strings.ToLower(stepName(string(step))))
		}
	}
	name := "To be told this night"
	if !r.Enabled {
		name = "Would have been told"
	}
	return append(out, pair{name, present.Whole(float64(night)), strings.Join(parts, ", ")})
}

func stepName(step string) string {
	switch platform.ConversionStep(step) {
	case platform.Record:
		return "New"
	case platform.Restate:
		return "Corrected"
	case platform.Retract:
		return "Taken back"
	}
	return present.Words(step)
}

func measureName(m bidding.Measure) string {
	name := "revenue"
	if m.Margin() {
		name = "contribution margin"
	}
	if m.Lifetime() {
		return name + " over the customer's lifetime"
	}
	return name + " of the order alone"
}
