package attribution

import (
	"strings"
	"testing"
	"time"

	"adsteward/internal/money"
)

func TestCheckEvents(t *testing.T) {
	t.Parallel()
	line := 0
	told := func(platform, source, name, id, order string, hours float64) ConversionEvent {
		line++
		return ConversionEvent{Line: line, Platform: platform, Source: source, Name: name, ID: id, OrderID: order, At: at(1, 0).Add(time.Duration(hours * float64(time.Hour))), Value: 10 * money.One}
	}
	for name, c := range map[string]struct {
		events                               []ConversionEvent
		counted, deduplicated, orders, twice int
		lost, withoutID                      int
		fault                                EventFault
		why                                  string
	}{
		"the same name and id":        {[]ConversionEvent{told("meta", "browser", "Purchase", "1", "1", 0), told("meta", "server", "Purchase", "1", "", 1)}, 1, 1, 1, 0, 0, 0, "", ""},
		"just before 48 hours":        {[]ConversionEvent{told("meta", "", "Purchase", "1", "", 0), told("meta", "", "Purchase", "1", "", 47.99)}, 1, 1, 1, 0, 0, 0, "", ""},
		"after 48 hours":              {[]ConversionEvent{told("meta", "", "Purchase", "1", "", 0), told("meta", "", "Purchase", "1", "", 48)}, 2, 0, 1, 1, 0, 0, CountedTwice, "after 48 hours"},
		"the window is the first's":   {[]ConversionEvent{told("meta", "", "Purchase", "1", "", 0), told("meta", "", "Purchase", "1", "", 40), told("meta", "", "Purchase", "1", "", 60)}, 2, 1, 1, 1, 0, 0, CountedTwice, "after 60 hours"},
		"Google knows for ever":       {[]ConversionEvent{told("google", "", "1", "a", "", 0), told("google", "", "1", "a", "", 900)}, 1, 1, 1, 0, 0, 0, "", ""},
		"another conversion action":   {[]ConversionEvent{told("google", "", "1", "a", "", 0), told("google", "", "2", "a", "", 1)}, 2, 0, 1, 1, 0, 0, CountedTwice, `the conversion action "2" and before under "1"`},
		"another event name":          {[]ConversionEvent{told("meta", "", "Purchase", "a", "", 0), told("meta", "", "purchase", "a", "", 1)}, 2, 0, 1, 1, 0, 0, CountedTwice, `event name "purchase"`},
		"another id of the same":      {[]ConversionEvent{told("meta", "browser", "Purchase", "x9", "7", 0), told("meta", "server", "Purchase", "7", "7", 1)}, 2, 0, 1, 1, 0, 0, CountedTwice, "give both browser and server the order's number"},
		"an id of two orders":         {[]ConversionEvent{told("google", "", "1", "a", "7", 0), told("google", "", "1", "a", "8", 1)}, 1, 1, 2, 0, 1, 0, SameIDOthers, "takes it for the same"},
		"the order told once":         {[]ConversionEvent{told("meta", "browser", "Purchase", "e1", "", 0), told("meta", "server", "Purchase", "e1", "7", 1)}, 1, 1, 1, 0, 0, 0, "", ""},
		"the order told first":        {[]ConversionEvent{told("meta", "server", "Purchase", "e1", "7", 0), told("meta", "browser", "Purchase", "e1", "", 1)}, 1, 1, 1, 0, 0, 0, "", ""},
		"an order told by another id": {[]ConversionEvent{told("meta", "browser", "Purchase", "e1", "", 0), told("meta", "server", "Purchase", "e1", "7", 1), told("meta", "", "Purchase", "e2", "7", 2)}, 2, 1, 1, 1, 0, 0, CountedTwice, `an event id of "e2" and before with "e1"`},
		"once without an id":          {[]ConversionEvent{told("meta", "browser", "Purchase", "", "7", 0), told("meta", "server", "Purchase", "7", "7", 1)}, 2, 0, 1, 1, 0, 1, CountedTwice, "told before without an event id"},
		"neither id nor order":        {[]ConversionEvent{told("meta", "", "Purchase", "", "", 0)}, 1, 0, 0, 0, 0, 1, WithoutID, "nobody can know"},
		"other platforms are another": {[]ConversionEvent{told("meta", "", "Purchase", "1", "", 0)}, 1, 0, 1, 0, 0, 0, "", ""},
	} {
		rep := CheckEvents(c.events)
		if len(rep.Platforms) != 1 {
			t.Fatalf("%s: %+v", name, rep)
		}
		want := EventCounts{Platform: c.events[0].Platform, Events: len(c.events), Counted: c.counted, Deduplicated: c.deduplicated, Orders: c.orders, Twice: c.twice,
			TwiceValue: money.Micros(c.twice) * 10 * money.One, WithoutID: c.withoutID, Lost: c.lost}
		if rep.Platforms[0] != want {
			t.Errorf("%s:\n%+v, want\n%+v", name, rep.Platforms[0], want)
		}
		if c.fault == "" && len(rep.Findings) > 0 || c.fault != "" && (len(rep.Findings) != 1 || rep.Findings[0].Fault != c.fault || !strings.Contains(rep.Findings[0].Why, c.why)) {
			t.Errorf("%s: %+v", name, rep.Findings)
		}
	}
	lost := CheckEvents([]ConversionEvent{told("google", "", "1", "a", "7", 0), told("google", "", "1", "a", "8", 1), told("google", "", "1", "a", "8", 2), told("google", "", "1", "b", "8", 3)})
	if p := lost.Platforms[0]; p.Orders != 2 || p.Lost != 2 || p.Counted != 2 || p.Twice != 0 {
		t.Errorf("%+v", p)
	}
	both := CheckEvents([]ConversionEvent{told("meta", "", "Purchase", "1", "", 5), told("google", "", "1", "1", "", 0)})
	if len(both.Platforms) != 2 || both.Platforms[0].Platform != "google" || len(both.Findings) > 0 {
		t.Errorf("%+v", both)
	}
}
