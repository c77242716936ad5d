package simulate

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/sandbox/market"
)

// BenchmarkSuite plays the whole suite under all policies, two scenarios at a
// time, and says how adsteward did. With ADSTEWARD_RESULTS it also writes the
// table to that file, which is how docs/results.md is made.
func BenchmarkSuite(b *testing.B) {
	for b.Loop() {
		cases := suite()
		reports := make([]Report, len(cases))
		twoAtATime(len(cases), func(i int) {
			rep, err := Run(b.Context(), cases[i].Scenario, Options{})
			if err != nil {
				b.Error(err)
			}
			reports[i] = rep
		})
		if b.Failed() {
			return
		}
		all := sumUp(cases, reports)
		b.ReportMetric(all.share, "of_oracle")
		b.ReportMetric(all.last30, "of_oracle_last_30")
		b.ReportMetric(all.coverage, "coverage_80")
		b.ReportMetric(float64(all.violations), "violations")
		if file := os.Getenv("ADSTEWARD_RESULTS"); file != "" {
			all.limits, all.wide = limits(b, cases), playWide(b)
			if err := os.WriteFile(file, []byte(all.document(cases, reports)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// twoAtATime does n things, two side by side: a scenario is played on one processor
// for long stretches, and two are what the figures are of.
func twoAtATime(n int, do func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// summary is what the suite came to.
type summary struct {
	share, last30 float64 // mean over the scenarios that have one
	coverage      float64 // over all intervals
	intervals     int
	violations    int
	worst         float64 // adsteward's gain over hold, as a share of hold's profit, where it is least
	worstIn       string
	belowRules    []string // scenarios where rules earns more
	failedNights  int
	limits        []limit
	wide          widely
}

func of(rep Report, p Policy) Result {
	for _, r := range rep.Policies {
		if r.Policy == p {
			return r
		}
	}
	return Result{}
}

func sumUp(cases []suiteCase, reports []Report) summary {
	s := summary{worst: math.Inf(1)}
	var shares, lasts, held float64
	for i, rep := range reports {
		a, hold := of(rep, Adsteward), of(rep, Hold)
		if a.ShareOfOracle != nil {
			s.share += *a.ShareOfOracle
			shares++
		}
		if a.ShareOfOracleLast30 != nil {
			s.last30 += *a.ShareOfOracleLast30
			lasts++
		}
		if a.IntervalCoverage80 != nil {
			held += *a.IntervalCoverage80 * float64(a.Intervals)
			s.intervals += a.Intervals
		}
		s.violations += a.Violations
		s.failedNights += a.FailedNights
		if g := (a.Profit - hold.Profit) / math.Abs(hold.Profit); g < s.worst {
			s.worst, s.worstIn = g, cases[i].Name
		}
		if a.Profit < of(rep, Rules).Profit {
			s.belowRules = append(s.belowRules, cases[i].Name)
		}
	}
	s.share /= max(shares, 1)
	s.last30 /= max(lasts, 1)
	s.coverage = held / max(float64(s.intervals), 1)
	return s
}

func percentOf(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100**share)
}

// document is docs/results.md.
func (s summary) document(cases []suiteCase, reports []Report) string {
	var b strings.Builder
	b.WriteString(resultsHead)
	fmt.Fprintf(&b, "## Targets\n\n| what | target | reached | |\n|---|---|---|---|\n")
	row := func(what, target, reached string, met bool) {
		verdict := "missed"
		if met {
			verdict = "met"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", what, target, reached, verdict)
	}
	row("share of the oracle's gain over 120 nights, mean", "85 %", percentOf(&s.share), s.share >= 0.85)
	row("the same over the last 30 nights", "95 %", percentOf(&s.last30), s.last30 >= 0.95)
	row("scenarios with less profit than `rules`", "none", orNone(s.belowRules), len(s.belowRules) == 0)
	row("least gain over `hold`", "-1 %", fmt.Sprintf("%.1f %% in %s", 100*s.worst, s.worstIn), s.worst >= -0.01)
	row("guardrail violations", "0", fmt.Sprint(s.violations), s.violations == 0)
	row(fmt.Sprintf("outcomes inside the stated 80 %% intervals, of %d", s.intervals), "75 to 85 %", percentOf(&s.coverage), s.coverage >= 0.75 && s.coverage <= 0.85)
	b.WriteString("\n" + resultsLimits + "\n| told the truth of | of oracle | last 30 |\n|---|--:|--:|\n")
	for _, l := range s.limits {
		b.WriteString(l.row())
	}
	b.WriteString(resultsWhy + "\n" + s.wide.section() + "\n## Scenarios\n\n")
	b.WriteString("| scenario | campaigns | hold | rules | adsteward | oracle | oracle_free | of oracle | last 30 | changes | violations | coverage | worst day |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, rep := range reports {
		a := of(rep, Adsteward)
		fmt.Fprintf(&b, "| %s | %d |", cases[i].Name, len(cases[i].Campaigns))
		for _, p := range Policies() {
			fmt.Fprintf(&b, " %.0f |", of(rep, p).Profit)
		}
		fmt.Fprintf(&b, " %s | %s | %d | %d | %s of %d | %.0f |\n", percentOf(a.ShareOfOracle), percentOf(a.ShareOfOracleLast30), a.Changes, a.Violations,
			percentOf(a.IntervalCoverage80), a.Intervals, a.WorstDayRegret)
	}
	fmt.Fprintf(&b, "| mean | | | | | | | %s | %s | | %d | %s of %d | |\n\n", percentOf(&s.share), percentOf(&s.last30), s.violations, percentOf(&s.coverage), s.intervals)
	for _, c := range cases {
		fmt.Fprintf(&b, "- **%s**: %s.\n", c.Name, c.About)
	}
	return b.String()
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", "))
}

const resultsHead = `# Results

What adsteward earns where the truth is known: the scenarios of
` + "`internal/simulate/suite_test.go`" + `, 120 nights each, under five policies with the same
luck. ` + "`make bench`" + ` writes this file anew. The policy adsteward is the real night over the
real adapters against the emulated platforms; ` + "`oracle`" + ` knows every parameter and keeps to
the same step and cool-down, ` + "`oracle_free`" + ` to neither. Profit is the market's expected
profit over the nights, the later orders of new customers in it, in the scenario's
currency. A share is the gain over ` + "`hold`" + ` as a part of the oracle's. Worst day is the
most that the oracle earned above adsteward on one day.

`

const resultsLimits = `## What limits it

The same planner, played without adapters and store and told the truth of what the night
has to estimate, reaches these shares of the oracle's gain:
`

const resultsWhy = `
What stays out of reach although both are known is doubt and waiting: the total moves only
where that pays even if all sales were worth a fifth more or less (` + "`risk.doubt`" + `), which
costs where worths are known and earns where they are believed. The rest, in the order of
what it costs:

1. *Incremental shares.* What a platform claims beyond what it causes does not show in its
   reports, and in the shop's clicks only to whoever knows how often such claims are
   clicked. The night starts from what published experiments found
   by audience; it earns most where that is true (brand-heavy) and least where it is not
   (incremental, where every claim is true; alike, where all campaigns are the same and
   every move costs). ` + "`risk.caution`" + ` bounds that loss, at the price of a point or two
   where the beliefs are true. Only experiments of the shop's own mend it, and
   shops of this size can hardly afford them: ` + "`adsteward experiments plan switchback`" + `
   with --dry-run on a campaign says beforehand how little it would tell.
2. *Wrong records.* Where the shop's books show 0.7 of the true margin (margin-low), every
   campaign looks less worth scaling than it is, and nothing in the data says so. The total
   is kept in doubt (` + "`risk.doubt`" + `).
3. *Curves.* The market's are not the Hill curves that are fitted. The platforms' own
   simulations tell the elasticity near the present budget, with an error of 0.1, half of
   which never averages out; Meta gives none while a campaign learns, Google none of
   display and Demand Gen campaigns. A shop's own changes of budget, 15 % at a time, are
   lost in the luck of its orders.
4. *Margins and customers.* A click on a brand or retargeting ad comes before orders that it
   did not cause, of other goods and newer customers. What a campaign sells is told by the
   orders under its clicks alone, and those that would have come anyway are taken off, as
   if they were the shop's orders without a click; but how many these are hangs on the
   incremental share again.
5. *Waiting.* Outages, days without a conversion and too few conversions hold changes back.
   Where reports are slow (slow-reports) a conversion cycle is two weeks, twice the oracle's
   rest.

The intervals are of the campaign's expected profit at the spend that was realised. They
hold what is unsure of demand, curve and worth, and not the luck of single orders; the
belief about incremental shares is wider than these markets differ, so they hold more
than they say, but for where the belief or the margin is wrong.
`

// The suite is as varied as it says it is, and every scenario of it is valid.
func TestSuite(t *testing.T) {
	t.Parallel()
	cases, again := suite(), suite()
	if len(cases) < 20 {
		t.Errorf("only %d scenarios", len(cases))
	}
	names, kinds, currencies, targets := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	for i, c := range cases {
		if names[c.Name] || c.About == "" {
			t.Errorf("%q is there twice, or does not say what it shows", c.Name)
		}
		names[c.Name], currencies[c.Currency] = true, true
		if d := cmp.Diff(c.Scenario, again[i].Scenario); d != "" {
			t.Errorf("%s is another one each time:\n%s", c.Name, d)
		}
		if _, err := market.New(c.Scenario); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		for _, e := range c.Events {
			kinds[e.Kind] = true
			if e.Date < c.Start || e.Date >= end(c.Scenario) {
				t.Errorf("%s: %s on %s is outside the nights", c.Name, e.Kind, e.Date)
			}
		}
		for _, s := range c.Campaigns {
			if s.TargetROAS != nil {
				targets++
			}
		}
	}
	if len(kinds) != 6 || len(currencies) < 3 || targets == 0 {
		t.Errorf("events %v, currencies %v, %d targets", kinds, currencies, targets)
	}
}

// A fortnight of some of them: no guardrail is broken, and adsteward is never
// more than 1 % below leaving everything alone.
func TestSuiteBriefly(t *testing.T) {
	t.Parallel()
	for _, c := range suite() {
		switch c.Name {
		case "usual-4", "yen", "margin-low-outages":
		default:
			continue
		}
		if testing.Short() && c.Name != "usual-4" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Nights = 18
			got := run(t, c.Scenario, Hold, Adsteward)
			a, hold := got[Adsteward], got[Hold]
			if a.Violations != 0 || a.FailedNights != 0 {
				t.Errorf("%d violations, %d nights failed: %+v", a.Violations, a.FailedNights, a.Breaches)
			}
			if a.Changes == 0 || a.Profit < hold.Profit-0.01*math.Abs(hold.Profit) {
				t.Errorf("%d changes earned %.0f, and none %.0f", a.Changes, a.Profit, hold.Profit)
			}
		})
	}
}

func TestResultsDocument(t *testing.T) {
	t.Parallel()
	ptr := func(f float64) *float64 { return &f }
	cases := suite()[:2]
	report := func(hold, rules, mine float64, share *float64, coverage float64, n int) Report {
		return Report{Policies: []Result{{Policy: Hold, Profit: hold}, {Policy: Rules, Profit: rules},
			{Policy: Adsteward, Profit: mine, ShareOfOracle: share, ShareOfOracleLast30: share, IntervalCoverage80: ptr(coverage), Intervals: n}}}
	}
	reports := []Report{report(100, 120, 110, ptr(0.5), 1, 10), report(-100, -130, -102, nil, 0.5, 30)}
	s := sumUp(cases, reports)
	if s.share != 0.5 || s.coverage != 25.0/40 || math.Abs(s.worst+0.02) > 1e-12 || s.worstIn != cases[1].Name || len(s.belowRules) != 1 {
		t.Errorf("%+v", s)
	}
	s.wide = widely{share: 0.25, measured: 3, belowHold: []string{"wide-1 (-2.0 %)"}}
	doc := s.document(cases, reports)
	for _, want := range []string{"| 85 % | 50 % | missed |", "| 1: usual-4 | missed |", "| -2.0 % in usual-6 | missed |", "| 0 | 0 | met |", "| 62 % | missed |", "| - | - |", "the 3 of 60 in", "mean | 25 % |", "| 1: wide-1 (-2.0 %) |"} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %q in\n%s", want, doc)
		}
	}
}
