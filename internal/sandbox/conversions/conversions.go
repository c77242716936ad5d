// Package conversions keeps what the emulated platforms recorded of the orders
// they were told, so that it can be compared with what was meant. It knows no
// protocol.
package conversions

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Recorded is one conversion as a platform counts it.
type Recorded struct {
	// Destination is the conversion action, or the data set and event name.
	Destination string       `json:"destination"`
	OrderID     string       `json:"order_id"`
	At          time.Time    `json:"at"`
	Value       money.Micros `json:"value"`
	Currency    string       `json:"currency"`
	NewCustomer bool         `json:"new_customer,omitempty"`
	Click       string       `json:"click,omitempty"` // its kind and id, as gclid:abc
	Identifiers []string     `json:"identifiers,omitempty"`
	Day         civil.Date   `json:"day"`  // the market's, when it was first told
	Told        int          `json:"told"` // how often, that time included
}

type key struct{ destination, order string }

// Ledger holds a platform's conversions, safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex
	all   []*Recorded
	byKey map[key][]*Recorded
	text  []byte // as MarshalJSON last wrote it; nil: changed since
}

// New returns an empty ledger.
func New() *Ledger { return &Ledger{byKey: map[key][]*Recorded{}} }

// Adjust records a conversion, or adjusts the one of the same order: its value,
// where one is given, and its identifiers, where it has none, as Google does.
func (l *Ledger) Adjust(r Recorded, valued bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = nil
	same := l.byKey[key{r.Destination, r.OrderID}]
	if len(same) == 0 {
		l.add(r)
		return
	}
	old := same[0]
	old.Told++
	if valued {
		old.Value, old.Currency = r.Value, r.Currency
	}
	if len(old.Identifiers) == 0 {
		old.Identifiers = r.Identifiers
	}
}

// Once records a conversion unless one of the same order was recorded in the
// days before; the first stays as it is, as with Meta. After that time the order
// is counted a second time.
func (l *Ledger) Once(r Recorded, days int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = nil
	for _, old := range l.byKey[key{r.Destination, r.OrderID}] {
		if r.Day.Sub(old.Day) <= days {
			old.Told++
			return
		}
	}
	l.add(r)
}

func (l *Ledger) add(r Recorded) {
	r.Told = max(r.Told, 1)
	l.all = append(l.all, &r)
	k := key{r.Destination, r.OrderID}
	l.byKey[k] = append(l.byKey[k], &r)
}

// All returns every conversion in the order in which they were first told.
func (l *Ledger) All() []Recorded {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copies()
}

func (l *Ledger) copies() []Recorded {
	out := make([]Recorded, len(l.all))
	for i, r := range l.all {
		out[i] = *r
		out[i].Identifiers = slices.Clone(r.Identifiers)
	}
	return out
}

// ByOrder returns every conversion by its order, more than one where an order is
// counted more than once.
func (l *Ledger) ByOrder() map[string][]Recorded {
	out := map[string][]Recorded{}
	for _, r := range l.All() {
		out[r.OrderID] = append(out[r.OrderID], r)
	}
	return out
}

// MarshalJSON writes the conversions, for a sandbox that is to go on later.
func (l *Ledger) MarshalJSON() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil {
		var err error
		if l.text, err = json.Marshal(l.copies()); err != nil {
			return nil, err
		}
	}
	return l.text, nil
}

// UnmarshalJSON replaces everything by what MarshalJSON wrote.
func (l *Ledger) UnmarshalJSON(b []byte) error {
	var all []Recorded
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.byKey, l.text = nil, map[key][]*Recorded{}, nil
	for _, r := range all {
		l.add(r)
	}
	return nil
}
