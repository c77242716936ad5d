package main

import (
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

func TestPrintOverlap(t *testing.T) {
	t.Parallel()
	audience := func(name string, people int) bidding.Audience {
		return bidding.Audience{Key: bidding.Key{Platform: platform.Meta}, Name: name, People: people, Unknown: people == 0}
	}
	day := civil.MustParse("2026-05-20")
	a, b := audience("Carts", 812), audience("Regulars", 1400)
	full := bidding.Audiences{Limit: 0.3, Campaigns: []bidding.Audience{a, b, audience("Lookalike", 0)}, Overlaps: []bidding.Overlap{{A: a, B: b, Both: 503, Share: 0.619, Bars: true}}}
	for name, c := range map[string]struct {
		report overlapReport
		want   []string
		not    string
	}{
		"before any night": {overlapReport{}, []string{"No night has compared audiences yet"}, "CAMPAIGN"},
		"an overlap": {overlapReport{Date: &day, Audiences: full},
			[]string{"Carts     Regulars  Meta      503      812               62 %   both held", "3 campaigns", "1 of them to lists not kept here; 1 overlaps", "max_overlap (30 %)"}, "NaN"},
		"none, and off": {overlapReport{Date: &day}, []string{"0 overlaps", "max_overlap is off"}, "CAMPAIGN"},
	} {
		var out strings.Builder
		if err := c.report.print(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, out.String())
			}
		}
		if strings.Contains(out.String(), c.not) {
			t.Errorf("%s: %q in\n%s", name, c.not, out.String())
		}
	}
}
