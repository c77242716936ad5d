package attribution

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func seq[T any](items ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, it := range items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

func at(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }

func TestLastClick(t *testing.T) {
	t.Parallel()
	orders := seq(
		Order{OrderID: "click", CustomerID: "a", At: at(20, 12), ClickID: "G1"},
		Order{OrderID: "last", CustomerID: "a", At: at(25, 12)},
		Order{OrderID: "same hour", CustomerID: "b", At: at(10, 12)},
		Order{OrderID: "too old", CustomerID: "c", At: at(31, 12)},
		Order{OrderID: "edge", CustomerID: "d", At: at(31, 12)},
		Order{OrderID: "untouched", CustomerID: "e", At: at(10, 12)},
		Order{OrderID: "mail", CustomerID: "f", At: at(10, 12)},
		Order{OrderID: "guest", At: at(10, 12), ClickID: "F9"},
		Order{OrderID: "unknown click", CustomerID: "g", At: at(10, 12), ClickID: "nobody's"},
		Order{OrderID: "later click", CustomerID: "h", At: at(10, 12), ClickID: "G7"},
		Order{OrderID: "case", CustomerID: "i", At: at(10, 12), ClickID: "f9"},
	)
	touches := seq(
		Touch{At: at(1, 1), Channel: "facebook", Campaign: "20", ClickID: "F9"},
		Touch{CustomerID: "a", At: at(24, 1), Channel: "meta", Campaign: "21"},
		Touch{CustomerID: "a", At: at(19, 1), Channel: "google", Campaign: "10", ClickID: "G1"},
		Touch{CustomerID: "a", At: at(20, 1), Channel: "meta", Campaign: "22"},
		Touch{CustomerID: "a", At: at(26, 1), Channel: "google", Campaign: "11"},
		Touch{CustomerID: "b", At: at(10, 12), Channel: "Google Ads", Campaign: "12"},
		Touch{CustomerID: "c", At: at(1, 11), Channel: "google", Campaign: "13"},
		Touch{CustomerID: "d", At: at(1, 12), Channel: "google", Campaign: "14"},
		Touch{CustomerID: "f", At: at(8, 1), Channel: "google", Campaign: "15"},
		Touch{CustomerID: "f", At: at(9, 1), Channel: "email", Campaign: "spring"},
		Touch{CustomerID: "g", At: at(9, 1), Channel: "google", Campaign: "16"},
		Touch{CustomerID: "h", At: at(11, 1), Channel: "google", Campaign: "17", ClickID: "G7"},
	)
	got := map[string]string{}
	var names []string
	counts, err := Join(orders, touches, func(m Match) error {
		got[m.Order.OrderID] = strings.TrimSpace(m.Campaign + " " + string(m.By))
		names = append(names, m.Order.OrderID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"click": "google:10 click id", "last": "meta:21 last touch", "same hour": "google:12 last touch", "too old": "", "edge": "google:14 last touch",
		"untouched": "", "mail": "last touch", "guest": "meta:20 click id", "unknown click": "google:16 last touch", "later click": "", "case": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if counts != (Counts{Orders: 11, ByClick: 2, ByTouch: 5, Unmatched: 4}) {
		t.Errorf("%+v", counts)
	}
	if names[0] != "click" || names[10] != "case" {
		t.Errorf("out of order: %v", names)
	}
}

// Three touches of one customer, one of them the click of the order, make three
// equal parts, two of them of one campaign; what is no ad, too old, too late or
// another's takes none.
func TestCreditsOfAllTouches(t *testing.T) {
	t.Parallel()
	orders := seq(
		Order{OrderID: "three", CustomerID: "a", At: at(20, 12), ClickID: "G1"},
		Order{OrderID: "guest", At: at(20, 12), ClickID: "G2"},
		Order{OrderID: "none", CustomerID: "b", At: at(31, 12)},
	)
	touches := seq(
		Touch{CustomerID: "a", At: at(1, 9), Channel: "meta", Campaign: "20"},
		Touch{CustomerID: "a", At: at(19, 9), Channel: "google", Campaign: "10", ClickID: "G1"},
		Touch{CustomerID: "a", At: at(18, 9), Channel: "google", Campaign: "10"},
		Touch{CustomerID: "a", At: at(19, 10), Channel: "email", Campaign: "spring"},
		Touch{CustomerID: "a", At: at(21, 9), Channel: "google", Campaign: "11"},
		Touch{At: at(2, 9), Channel: "google", Campaign: "12", ClickID: "G2"},
		Touch{CustomerID: "b", At: at(1, 11), Channel: "google", Campaign: "13"},
	)
	got := map[string][]Part{}
	if _, err := Join(orders, touches, func(m Match) error {
		got[m.Order.OrderID] = m.Credits
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string][]Part{"three": {{"meta:20", 1. / 3, false}, {"google:10", 2. / 3, true}}, "guest": {{"google:12", 1, true}}, "none": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever touches there are, an order that has one of an ad's is credited once.
func TestCreditsAddUpToOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom([]string{"", "a", "b"})
		var orders []Order
		for range rapid.IntRange(1, 6).Draw(t, "orders") {
			orders = append(orders, Order{CustomerID: id.Draw(t, "customer"), ClickID: id.Draw(t, "click"), At: at(rapid.IntRange(1, 31).Draw(t, "day"), 12)})
		}
		var touches []Touch
		for range rapid.IntRange(0, 12).Draw(t, "touches") {
			touches = append(touches, Touch{CustomerID: id.Draw(t, "customer"), ClickID: id.Draw(t, "click"), At: at(rapid.IntRange(1, 31).Draw(t, "day"), 12),
				Channel: rapid.SampledFrom([]string{"google", "email"}).Draw(t, "channel"), Campaign: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "campaign")})
		}
		if _, err := Join(seq(orders...), seq(touches...), func(m Match) error {
			var sum float64
			own := m.Campaign == ""
			for _, c := range m.Credits {
				sum += c.Share
				own = own || c.Campaign == m.Campaign
			}
			if m.Credits != nil && math.Abs(sum-1) > 1e-12 || !own {
				t.Fatalf("%+v", m)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestJoinErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	one := Order{OrderID: "1"}
	none := func(Match) error { return nil }
	if _, err := Join(failing[Order](broken), seq[Touch](), none); err != broken {
		t.Error(err)
	}
	if _, err := Join(seq(one), failing[Touch](broken), none); err != broken {
		t.Error(err)
	}
	if _, err := Join(seq(one), seq[Touch](), func(Match) error { return broken }); err != broken {
		t.Error(err)
	}
}

func TestCampaignKey(t *testing.T) {
	t.Parallel()
	for channel, want := range map[string]string{"google": "google:7", "Google / CPC": "google:7", "google-ads": "google:7", "Instagram": "meta:7", "meta_ads": "meta:7",
		"google / organic": "", "email": "", "": "", "direct": "", "facebook referral": ""} {
		if got := CampaignKey(channel, "7"); got != want {
			t.Errorf("%q: %q, want %q", channel, got, want)
		}
	}
	if got := CampaignKey("google", ""); got != "" {
		t.Error(got)
	}
}

func BenchmarkJoin(b *testing.B) {
	var orders []Order
	var touches []Touch
	for i := range 100_000 {
		id := fmt.Sprint(i % 30_000)
		orders = append(orders, Order{OrderID: fmt.Sprint(i), CustomerID: id, At: at(1+i%28, 12)})
		touches = append(touches, Touch{CustomerID: id, At: at(1+i%28, 10), Channel: "google", Campaign: "7"})
	}
	for b.Loop() {
		if _, err := Join(seq(orders...), seq(touches...), func(Match) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// The path of an order is in order of time whatever that of the touches, ends with
// the newest, and counts those that it leaves out.
func TestPathOfTouches(t *testing.T) {
	t.Parallel()
	orders := seq(Order{OrderID: "short", CustomerID: "a", At: at(20, 12), ClickID: "G1"}, Order{OrderID: "long", CustomerID: "b", At: at(20, 12)}, Order{OrderID: "mail", CustomerID: "c", At: at(20, 12)})
	touches := []Touch{
		{CustomerID: "a", At: at(19, 9), Channel: "google", Campaign: "10", ClickID: "G1"},
		{CustomerID: "a", At: at(21, 9), Channel: "google", Campaign: "11"},
		{CustomerID: "a", At: at(3, 9), Channel: "meta", Campaign: "20"},
		{CustomerID: "a", At: at(19, 10), Channel: " Email ", Campaign: "spring"},
		{CustomerID: "c", At: at(19, 10), Channel: "email"},
	}
	for i := range 15 {
		touches = append(touches, Touch{CustomerID: "b", At: at(19, 23-i), Channel: "meta", Campaign: fmt.Sprint(i)})
	}
	if _, err := Join(orders, seq(touches...), func(m Match) error {
		switch m.Order.OrderID {
		case "short":
			if diff := cmp.Diff([]string{"meta:20", "google:10", "email"}, m.Path); diff != "" || m.Touches != 3 {
				t.Error(m.Touches, diff)
			}
			if !m.FirstAd.Equal(at(3, 9)) || !m.LastAd.Equal(at(19, 9)) {
				t.Errorf("ads from %s to %s", m.FirstAd, m.LastAd)
			}
		case "long":
			if len(m.Path) != maxPath || m.Touches != 15 || m.Path[0] != "meta:11" || m.Path[maxPath-1] != "meta:0" || !m.FirstAd.Equal(at(19, 9)) {
				t.Errorf("%d of %d: %v", len(m.Path), m.Touches, m.Path)
			}
		case "mail":
			if m.Touches != 1 || !m.FirstAd.IsZero() || m.Credits != nil {
				t.Errorf("%+v", m)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
