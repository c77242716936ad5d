package guard

import (
	"fmt"
	"slices"
	"strings"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Monthly is what an account or a group of campaigns may spend in a calendar
// month of the ad account's time zone. Match lists platforms (google, meta), ad
// accounts, and ids or names of campaigns, ad sets or budgets, in which * stands
// for anything; without it everything counts. Budget is in Currency, where that
// is empty the account group's; ad accounts in other currencies do not count.
type Monthly struct {
	Name     string   `yaml:"name" json:"name"`
	Match    []string `yaml:"match" json:"match"`
	Budget   float64  `yaml:"budget" json:"budget"`
	Currency string   `yaml:"currency" json:"currency"`
}

// Covers reports whether one of the names, which are all that something goes
// by, is among those the month's budget is for.
func (m Monthly) Covers(names ...string) bool {
	if len(m.Match) == 0 {
		return true
	}
	return slices.ContainsFunc(m.Match, func(pattern string) bool { return AnyLike(pattern, names) })
}

// AnyLike reports whether one of the names, but for empty ones, fits a pattern of the
// policy, in which * stands for anything.
func AnyLike(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return n != "" && like(pattern, n) })
}

func like(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return strings.HasSuffix(name, last)
}

// Pace is what the guardrails know of a month's budget.
type Pace struct {
	Name     string       `json:"name"`
	Currency string       `json:"currency"`
	Budget   money.Micros `json:"budget"`
	// Forecast is what the month will cost as things are; without Known nothing
	// can be said of it.
	Forecast money.Micros `json:"forecast"`
	Known    bool         `json:"known"`
	// Room is by how much the daily budgets together may grow from today on so
	// that the month still lands on its budget; below 0 they have to shrink.
	Room money.Micros `json:"room"`
	// Over: it lands above its budget by more than the dead band.
	Over bool `json:"over"`
}

func (p Pace) setting() string { return "monthly." + p.Name }

func (p Pace) detail() string {
	if !p.Known {
		return fmt.Sprintf("What the month of %q will cost cannot be foreseen yet, so nothing grows on it.", p.Name)
	}
	return fmt.Sprintf("The month of %q is heading for %s of its %s; more than lands within it is not added.",
		p.Name, money.Format(p.Forecast, p.Currency), money.Format(p.Budget, p.Currency))
}

// monthlyPace keeps spend that no budget bounds exactly (targets and bids), and
// what a person enters, from growing in a month that lands above its budget. The
// plan's own budgets pass: CheckRun weighs them together, since an increase may
// be paid for by a cut beside it.
func monthlyPace(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if !grows(c) || m == Propose && c.Field == platform.DailyBudget {
		return pass()
	}
	for _, month := range f.Months {
		kept := slices.ContainsFunc(p.Monthly, func(o Monthly) bool { return o.Name == month.Name }) // not taken out since the forecast
		if kept && (month.Over || !month.Known) {
			return block(month.setting(), "%s", month.detail())
		}
	}
	return pass()
}

// checkMonths shortens the increases of a run, in order, to what lands within
// every month they belong to; cuts of the same month make room.
func checkMonths(months []Pace, items []Item, order []int, out []Decision) {
	for _, m := range months {
		room := m.Room
		for _, i := range order {
			if d := out[i].Value - items[i].Seen; d < 0 {
				room -= part(d, items[i].Months[m.Name])
			}
		}
		for _, i := range order {
			if of := items[i].Months[m.Name]; out[i].Value > items[i].Seen && of > 0 {
				room -= part(out[i].fit(items[i], part(room, 1/of), "monthly_cap", m.setting(), m.detail()), of)
			}
		}
	}
}

// part is a share of an amount.
func part(m money.Micros, share float64) money.Micros {
	if share == 1 {
		return m
	}
	return money.Micros(float64(m) * share)
}

// CheckMonth asks, just before one change of a daily budget is pushed, whether
// the month still lands within its budget. of is what part of the change the month
// bears, added what it bears of what has been pushed since the forecast, cuts being
// negative: push cuts first, so that the room they make is there.
func CheckMonth(p Pace, of float64, added money.Micros, c platform.Change) Verdict {
	v := Verdict{Name: "monthly_cap", Answer: Pass, Setting: p.setting()}
	if c.Field == platform.DailyBudget && c.Value > c.Seen && added+part(c.Value-c.Seen, of) > p.Room {
		v.Answer, v.Detail = Block, p.detail()
	}
	return v
}

func (p Policy) validateMonths(v *validation) {
	names := map[string]bool{}
	for i, m := range p.Monthly {
		key := fmt.Sprintf("monthly[%d]", i)
		v.check(m.Name != "" && !names[m.Name], key+".name", fmt.Sprintf("%q", m.Name), "a name of its own")
		names[m.Name] = true
		v.check(m.Budget > 0 && m.Budget <= maxValue.Float(), key+".budget", m.Budget, "an amount above 0")
		v.check(m.Currency == "" || money.ValidCode(m.Currency), key+".currency", fmt.Sprintf("%q", m.Currency), "a currency code such as EUR")
		for j, s := range m.Match {
			v.check(s != "", fmt.Sprintf("%s.match[%d]", key, j), `""`, "a platform, an ad account, or the id or name of a campaign; * stands for anything")
		}
	}
}
