// Package lists keeps the audience lists of the emulated platforms: what is on
// them and how they are called. The Google Ads emulator makes lists in it, the
// Data Manager emulator fills them; the Graph emulator has a registry of its
// own. It knows no protocol.
package lists

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"adsteward/internal/civil"
)

// Kind says what a list holds.
type Kind string

const (
	CRM       Kind = "crm"       // people uploaded by the advertiser
	Value     Kind = "value"     // the same, with a value for each
	Lookalike Kind = "lookalike" // people like those of the seed; takes no members
)

// List describes one list. The ID is given by Create.
type List struct {
	ID             int64    `json:"id"`
	Name           string   `json:"name"`
	Description    string   `json:"description,omitempty"`
	Kind           Kind     `json:"kind"`
	MembershipDays int      `json:"membership_days,omitempty"`
	Seed           int64    `json:"seed,omitempty"`      // Lookalike: the list it grew from
	Countries      []string `json:"countries,omitempty"` // Lookalike
	Ratio          float64  `json:"ratio,omitempty"`     // Lookalike: share of the country, or 0
}

// Person is one member: everything it can be recognised by, and its value.
type Person struct {
	Identifiers []string `json:"identifiers"`
	Value       float64  `json:"value,omitempty"`
	// Added is when it was last put on the list, where the platform keeps that.
	Added time.Time `json:"added,omitzero"`
	// Day is the market's day then; membership days count from it.
	Day civil.Date `json:"day,omitzero"`
}

type entry struct {
	list    List
	persons map[int]*Person
	byID    map[string]int // identifier -> key of persons
	next    int
	text    []byte // of full, as it was last written; nil: changed since
}

// Lists is a registry of lists, safe for concurrent use.
type Lists struct {
	mu      sync.Mutex
	nextID  int64
	entries map[int64]*entry
}

// New returns an empty registry whose first list gets the id first.
func New(first int64) *Lists {
	return &Lists{nextID: first, entries: map[int64]*entry{}}
}

// Create adds a list and returns it with its id. A name that another list has
// is an error.
func (l *Lists) Create(list List) (List, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.list.Name == list.Name {
			return List{}, fmt.Errorf("a list named %q exists already", list.Name)
		}
	}
	return l.create(list), nil
}

// CreateNamesake is Create for a platform where two lists may have one name.
func (l *Lists) CreateNamesake(list List) List {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.create(list)
}

func (l *Lists) create(list List) List {
	list.ID = l.nextID
	l.nextID++
	l.entries[list.ID] = newEntry(list)
	return list
}

func newEntry(list List) *entry {
	return &entry{list: list, persons: map[int]*Person{}, byID: map[string]int{}}
}

// Get returns the list with the id.
func (l *Lists) Get(id int64) (List, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return List{}, false
	}
	return e.list, true
}

// All returns every list in the order of their ids.
func (l *Lists) All() []List {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]List, 0, len(l.entries))
	for _, id := range slices.Sorted(maps.Keys(l.entries)) {
		out = append(out, l.entries[id].list)
	}
	return out
}

// Delete removes a list and says whether there was one.
func (l *Lists) Delete(id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.entries[id]
	delete(l.entries, id)
	return ok
}

// Size returns the number of people on the list.
func (l *Lists) Size(id int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[id]; ok {
		return len(e.persons)
	}
	return 0
}

// Members returns the people on the list in the order they were added.
func (l *Lists) Members(id int64) []Person {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return nil
	}
	return e.all()
}

func (e *entry) all() []Person {
	out := make([]Person, 0, len(e.persons))
	for _, k := range slices.Sorted(maps.Keys(e.persons)) {
		p := e.persons[k]
		out = append(out, Person{Identifiers: slices.Clone(p.Identifiers), Value: p.Value, Added: p.Added, Day: p.Day})
	}
	return out
}

// Add puts people on the list. One who shares an identifier with a member is
// that member, who then has the identifiers of both and the newer value.
func (l *Lists) Add(id int64, persons ...Person) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return fmt.Errorf("there is no list %d", id)
	}
	for _, p := range persons {
		e.add(p)
	}
	return nil
}

func (e *entry) add(p Person) {
	e.text = nil
	key := e.next
	for _, ident := range p.Identifiers {
		if k, ok := e.byID[ident]; ok {
			key = k
			break
		}
	}
	member := e.persons[key]
	if member == nil {
		member = &Person{}
		e.persons[key] = member
		e.next++
	}
	member.Value, member.Added, member.Day = p.Value, p.Added, p.Day
	for _, ident := range p.Identifiers {
		if _, ok := e.byID[ident]; !ok {
			e.byID[ident] = key
			member.Identifiers = append(member.Identifiers, ident)
		}
	}
}

// Remove takes off the list every member who has one of the identifiers, and
// returns how many those were.
func (l *Lists) Remove(id int64, identifiers ...string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return 0, fmt.Errorf("there is no list %d", id)
	}
	removed := 0
	for _, ident := range identifiers {
		if key, ok := e.byID[ident]; ok {
			e.remove(key)
			removed++
		}
	}
	return removed, nil
}

func (e *entry) remove(key int) {
	e.text = nil
	for _, ident := range e.persons[key].Identifiers {
		delete(e.byID, ident)
	}
	delete(e.persons, key)
}

// RemoveOlder takes off the list everybody last added before t, and returns how
// many those were.
func (l *Lists) RemoveOlder(id int64, t time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if !ok {
		return 0, fmt.Errorf("there is no list %d", id)
	}
	removed := 0
	for key, p := range e.persons {
		if p.Added.Before(t) {
			e.remove(key)
			removed++
		}
	}
	return removed, nil
}

// Expire takes off every list those whose membership days have passed by today.
func (l *Lists) Expire(today civil.Date) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		for key, p := range e.persons {
			if days := e.list.MembershipDays; days > 0 && !p.Day.IsZero() && today.Sub(p.Day) > days {
				e.remove(key)
			}
		}
	}
}

type snapshot struct {
	NextID int64  `json:"next_id"`
	Lists  []full `json:"lists"`
}

type full struct {
	List
	Members []Person `json:"members"`
}

// MarshalJSON writes the lists and their members, for a sandbox that is to go
// on later. What has not changed since is not written anew.
func (l *Lists) MarshalJSON() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, between := fmt.Appendf(nil, `{"next_id":%d,"lists":[`, l.nextID), ""
	for _, id := range slices.Sorted(maps.Keys(l.entries)) {
		e := l.entries[id]
		if e.text == nil {
			var err error
			if e.text, err = json.Marshal(full{List: e.list, Members: e.all()}); err != nil {
				return nil, err
			}
		}
		out, between = append(append(out, between...), e.text...), ","
	}
	return append(out, "]}"...), nil
}

// UnmarshalJSON replaces everything by what MarshalJSON wrote.
func (l *Lists) UnmarshalJSON(b []byte) error {
	var s snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextID, l.entries = s.NextID, map[int64]*entry{}
	for _, f := range s.Lists {
		e := newEntry(f.List)
		for _, p := range f.Members {
			e.add(p)
		}
		l.entries[f.ID] = e
	}
	return nil
}
