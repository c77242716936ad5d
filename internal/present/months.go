package present

import (
	"encoding/json"
	"fmt"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/store"
)

// Month is the JSON shape of where an account's monthly budget stands.
type Month struct {
	Account string `json:"account"`
	bidding.Month
}

// ReadMonths decodes what a night stored of an account's monthly budgets, by name.
func ReadMonths(account string, models []store.Model) ([]Month, error) {
	out := make([]Month, len(models))
	for i, m := range models {
		if err := json.Unmarshal([]byte(m.Body), &out[i].Month); err != nil {
			return nil, fmt.Errorf("the stored month of %q cannot be read: %w", m.Key, err)
		}
		out[i].Account = account
	}
	return out, nil
}

// Amount writes an amount of the month without its currency.
func (m Month) Amount(v money.Micros) string { return Amount(v.Float(), m.Currency) }

// Title is the month's name with its date: "Everything, May 2026".
func (m Month) Title() string {
	if m.First.IsZero() {
		return m.Name
	}
	return m.Name + ", " + m.First.Time().Format("January 2006")
}

// Line says in a line how the month is going.
func (m Month) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s of %s %s spent", m.Title(), m.Amount(m.Spent), m.Amount(m.Budget), m.Currency)
	if m.Known {
		fmt.Fprintf(&b, ", lands at %s (80 %%: %s to %s)", m.Amount(m.Forecast), m.Amount(m.Low), m.Amount(m.High))
	}
	if m.DaysLeft > 0 {
		fmt.Fprintf(&b, ", %s a day left for %s", m.Amount(m.Left), Plural(m.DaysLeft, "day"))
	}
	return b.String() + ". " + m.Why
}
