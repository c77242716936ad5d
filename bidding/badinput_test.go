package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
)

// A campaign of which something is wrong is left alone with a reason, and the others go
// on as if it were not there to be changed.
func TestBadInputIsLeftAloneWithAReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*bidding.Input, *bidding.Series)
		why   string
	}{
		"nothing":        {func(*bidding.Input, *bidding.Series) {}, ""},
		"NaN spend":      {func(_ *bidding.Input, s *bidding.Series) { s.Days[40].Spend = math.NaN() }, "no number"},
		"NaN conversion": {func(_ *bidding.Input, s *bidding.Series) { s.Days[40].Conversions = math.NaN() }, "no number"},
		"infinite value": {func(_ *bidding.Input, s *bidding.Series) { s.Days[40].Value = math.Inf(1) }, "no number"},
		"one week":       {func(_ *bidding.Input, s *bidding.Series) { s.Days = s.Days[83:] }, "only 7 days"},
		"constant spend": {func(_ *bidding.Input, s *bidding.Series) {
			for i := range s.Days {
				s.Days[i].Spend = 100
			}
		}, "has not varied"},
		"NaN margin": {func(in *bidding.Input, _ *bidding.Series) {
			w := in.Worth["google:x"]
			w.Margin = math.NaN()
			in.Worth["google:x"] = w
		}, "worth is not known"},
	} {
		in := input(1, 1, sim{id: "strong", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4},
			sim{id: "weak", budget: 100, use: 1, ref: 100, perDay: 4, eps: 0.6, k: 0.4}, sim{id: "x", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4})
		in.Policy.TotalDailyCap = 1000
		c.spoil(&in, &in.Accounts[0].Performance[2])
		out := plan(t, in)
		if d := draftOf(out, "bstrong"); d == nil || d.Proposed != eur(115) {
			t.Errorf("%s: strong: %+v, want a full step", name, d)
		}
		x := unitOf(t, out, "bx")
		if d := draftOf(out, "bx"); (d == nil) != (c.why != "") || c.why != "" && !strings.Contains(x.LimitedBy, c.why) {
			t.Errorf("%s: x is proposed %+v, limited by %q, want %q", name, d, x.LimitedBy, c.why)
		}
	}
}

// Two campaigns that differ in what is believed of their worth alone: the less is known,
// the less money moves between them; less of that matters where they speak to the same
// people.
func TestMoneyMovesWithCaution(t *testing.T) {
	t.Parallel()
	moved := func(sd, caution float64, strong, weak string) (sum float64, by string) {
		in := input(1, 1, sim{id: "strong", budget: 100, use: 1, ref: 100, perDay: 8, eps: 0.6, k: 0.44}, sim{id: "weak", budget: 100, use: 1, ref: 100, perDay: 8, eps: 0.6, k: 0.36})
		in.Policy.Risk.Caution, in.Policy.Step.Default, in.Policy.Step.HardLimit, in.Policy.MaxMovement = caution, 1, 1, 1
		for c, w := range in.Worth {
			w.RelSD, w.IncrementalRelSD = sd, sd
			w.Audience = map[string]string{"google:strong": strong, "google:weak": weak}[c]
			in.Worth[c] = w
		}
		for _, d := range plan(t, in).Drafts {
			sum += math.Abs((d.Proposed - d.Seen).Float())
			for _, v := range d.Guardrails {
				by += v.Setting
			}
		}
		return sum, by
	}
	free, by := moved(0.3, 0, "", "")
	if free < 20 || strings.Contains(by, "caution") {
		t.Fatalf("without caution %.2f move (%s)", free, by)
	}
	if known, _ := moved(0, 0.75, "", ""); math.Abs(known-free) > 2 {
		t.Errorf("where worths are known %.2f move, without caution %.2f", known, free)
	}
	some, by := moved(0.1, 0.75, "", "")
	if !(some > 1 && some < free-1) || !strings.Contains(by, "risk.caution") {
		t.Errorf("with a standard error of 0.1 %.2f move (%s), without caution %.2f", some, by, free)
	}
	if much, _ := moved(0.3, 0.75, "", ""); much != 0 {
		t.Errorf("with a standard error of 0.3 %.2f move", much)
	}
	if apart, _ := moved(0.1, 0.75, "new", "known"); math.Abs(apart-some) > 0.01 {
		t.Errorf("between people who know the shop and others %.2f move, where nothing is said of them %.2f", apart, some)
	}
	if same, _ := moved(0.1, 0.75, "new", "new"); !(same > some+1 && same < free-1) {
		t.Errorf("among campaigns to the same people %.2f move, among others %.2f, without caution %.2f", same, some, free)
	}
}
