package guard

import (
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// AutoApprove is the policy's own yes; off unless Enabled. A field that is not
// listed is never approved automatically.
type AutoApprove struct {
	Enabled bool                        `yaml:"enabled" json:"enabled"`
	Fields  map[platform.Field]AutoCaps `yaml:"fields" json:"fields"`
}

// AutoCaps bound what may be approved without a person. PerItem is a share of
// the value seen; an item that is kept out of ads has none. MaxPerRun and MaxPerDay count changes. PerRun and PerDay bound
// the sum of absolute changes of daily budgets as a share of all daily budgets;
// other fields have no such sum. A cap of 0 allows nothing.
type AutoCaps struct {
	PerItem   float64 `yaml:"per_item" json:"per_item"`
	PerRun    float64 `yaml:"per_run" json:"per_run"`
	PerDay    float64 `yaml:"per_day" json:"per_day"`
	MaxPerRun int     `yaml:"max_per_run" json:"max_per_run"`
	MaxPerDay int     `yaml:"max_per_day" json:"max_per_day"`
}

// AutoApprovable says of each change, in order, why the policy leaves it to a
// person; the empty string where the policy itself says yes. budgets is the sum
// of all daily budgets now, before what the policy has approved today already.
// A yes uses up room for the changes after it.
func AutoApprovable(a AutoApprove, budgets money.Micros, before, items []platform.Change) []string {
	day, run := map[platform.Field]used{}, map[platform.Field]used{}
	for _, c := range before {
		day[c.Field] = day[c.Field].plus(c)
	}
	out := make([]string, len(items))
	for i, c := range items {
		caps, listed := a.Fields[c.Field]
		r, d := run[c.Field].plus(c), day[c.Field].plus(c)
		switch {
		case !a.Enabled:
			out[i] = "auto_approve.enabled: automatic approval is off"
		case !listed:
			out[i] = "auto_approve.fields: changes of " + string(c.Field) + " are left to people"
		case c.Entity.Type == platform.ProductGroup: // one yes would cover any number of items, and those to come
			out[i] = "auto_approve.fields: changes of product groups are left to people"
		case c.Field != platform.Excluded && (c.Seen <= 0 || float64(moved(c)) > caps.PerItem*float64(c.Seen)):
			out[i] = "per_item: the change is larger than automatic approval may make"
		case r.changes > caps.MaxPerRun || c.Field == platform.DailyBudget && float64(r.moved) > caps.PerRun*float64(budgets):
			out[i] = "per_run: automatic approval has used up this run's share"
		case d.changes > caps.MaxPerDay || c.Field == platform.DailyBudget && float64(d.moved) > caps.PerDay*float64(budgets):
			out[i] = "per_day: automatic approval has used up the day's share"
		default:
			run[c.Field], day[c.Field] = r, d
		}
	}
	return out
}

// used is what automatic approval has said yes to.
type used struct {
	changes int
	moved   money.Micros // sum of absolute changes
}

func (u used) plus(c platform.Change) used { return used{u.changes + 1, u.moved + moved(c)} }

func moved(c platform.Change) money.Micros { return max(c.Value-c.Seen, c.Seen-c.Value) }
