package lift

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"adsteward/internal/civil"
)

// Every day of the week is on as often as off, whatever is drawn.
func TestSwitchbackPlansAreBalanced(t *testing.T) {
	t.Parallel()
	start := civil.MustParse("2026-03-04")
	for block := 1; block <= 14; block++ {
		drawn := map[bool]int{}
		for seed := range uint64(20) {
			days := 2 * SwitchDays(block)
			s, err := PlanSwitchback(start, days, block, 0, seed)
			if err != nil {
				t.Fatal(err)
			}
			var on, off [7]int
			for d := range days {
				switch state, counted, ok := s.At(start.AddDays(d)); {
				case !ok || !counted:
					t.Fatal("day", d, "is not in the plan")
				case state:
					on[start.AddDays(d).Weekday()]++
				default:
					off[start.AddDays(d).Weekday()]++
				}
			}
			if on != off || s.Days() != days {
				t.Errorf("blocks of %d days: on %v, off %v", block, on, off)
			}
			for _, pair := range s.pairs() {
				if len(pair) != 2 || s.Blocks[pair[0]].On == s.Blocks[pair[1]].On || s.Blocks[pair[0]].From.Weekday() != s.Blocks[pair[1]].From.Weekday() {
					t.Errorf("pair %v of %+v", pair, s.Blocks)
				}
			}
			drawn[s.Blocks[0].On]++
		}
		if len(drawn) != 2 {
			t.Errorf("blocks of %d days: always the same draw", block)
		}
	}
}

func TestWashoutDaysAreNotCounted(t *testing.T) {
	t.Parallel()
	start := civil.MustParse("2026-03-02")
	s, err := PlanSwitchback(start, 70, 7, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	days := shop(rand.New(rand.NewPCG(1, 1)), s, 100, 200)
	clean, err := (&SwitchbackTest{Plan: s, Days: days}).Analyse(0.9, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range days { // whatever they hold
		if _, counted, _ := s.At(days[i].Date); !counted {
			days[i].Revenue *= 10
		}
	}
	again, err := (&SwitchbackTest{Plan: s, Days: days}).Analyse(0.9, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.PerDay != clean.PerDay || again.Washed != 20 || again.OnDays != 25 || again.OffDays != 25 || len(again.Days) != 50 {
		t.Errorf("%+v, clean %+v", again, clean)
	}
}

// Without noise the effect, the ratio and the cost come out exactly.
func TestSwitchbackWithoutNoise(t *testing.T) {
	t.Parallel()
	start := civil.MustParse("2026-03-02")
	s, err := PlanSwitchback(start, 56, 1, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	test := SwitchbackTest{Plan: s, Planned: 50}
	for d := range 56 {
		day := SwitchDay{Date: start.AddDays(d), Revenue: 1000 + 7*float64(d)}
		if day.Date.Weekday() == time.Sunday {
			day.Revenue -= 300
		}
		if on, _, _ := s.At(day.Date); on {
			day.Revenue, day.Claimed, day.Cost = day.Revenue+120, 200, 40
		}
		test.Days = append(test.Days, day)
	}
	test.Days = append(test.Days, SwitchDay{Date: start.AddDays(70), Revenue: 1e9}) // beyond the plan
	r, err := test.Analyse(0.9, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]float64{
		"per day": {r.PerDay.Value, 120}, "lift": {r.Lift.Value, 120 * 28}, "cost": {r.Cost, 40 * 28}, "iota": {r.Iota.Value, 0.6}, "iroas": {r.IROAS.Value, 3},
		"cumulative": {r.Days[55].Cumulative, 120 * 28}, "high": {r.Iota.High, 0.6}, "low": {r.PerDay.Low, 120},
	} {
		if !near(pair[0], pair[1], 1e-9) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	if r.Placebo.P > 0.002 || len(r.Warnings) > 0 {
		t.Errorf("placebo %+v, warnings %q", r.Placebo, r.Warnings)
	}
}

// A spend that is the same every day differs between the states by rounding only,
// and a lift over that is no return.
func TestSwitchbackOfSteadySpend(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		s, err := PlanSwitchback(civil.MustParse("2026-01-05"), 56, 1, 0, seed)
		if err != nil {
			t.Fatal(err)
		}
		days := shop(rand.New(rand.NewPCG(seed, 1)), s, 100, 200)
		for i := range days {
			days[i].Cost, days[i].Claimed = 1, 7.3
		}
		r, err := (&SwitchbackTest{Plan: s, Days: days}).Analyse(0.9, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.IROAS != nil || r.Iota != nil || len(r.Warnings) != 2 {
			t.Errorf("seed %d: %+v, %+v, %q", seed, r.IROAS, r.Iota, r.Warnings)
		}
	}
}

func TestSwitchbackSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	start := civil.MustParse("2026-03-02")
	for want, args := range map[string][4]int{
		"multiple of 42":            {30, 3, 0, 0},
		"multiple of 14, up to":     {0, 1, 0, 0},
		"leaves nothing of a block": {28, 7, 7, 0},
		"give 1 to 28":              {28, 0, 0, 0},
	} {
		if _, err := PlanSwitchback(start, args[0], args[1], args[2], 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	s, err := PlanSwitchback(start, 28, 7, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	days := shop(rand.New(rand.NewPCG(1, 1)), s, 100, 200)
	for want, d := range map[string][]SwitchDay{
		"days on and":              nil,
		"comes twice":              {days[0], days[0], days[9], days[10], days[20]},
		"are no numbers":           {{Date: start, Revenue: math.NaN()}},
		"too few beside":           {days[0], days[1], days[7], days[8]},
		"the level of the interva": days,
	} {
		level := 0.9
		if len(d) == 28 {
			level = 1
		}
		if r, err := (&SwitchbackTest{Plan: s, Days: d}).Analyse(level, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %+v, want %q", err, r.PerDay, want)
		}
	}
	// Two pairs have four draws: no interval of 90 % by permutation.
	r, err := (&SwitchbackTest{Plan: s, Days: days}).Analyse(0.9, 1)
	if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "2 pairs of blocks are too few") || r.PerDay != r.HAC || r.Placebo.Permutations != 4 {
		t.Errorf("%v, %+v", err, r)
	}
}
