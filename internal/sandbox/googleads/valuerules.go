package googleads

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/shenzhencenter/google-ads-pb/resources"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// ValueRules keeps what an account says that sales are worth: its conversion
// value rules, the sets they work in, and its goals. It is safe for concurrent
// use and is kept as JSON.
type ValueRules struct {
	mu       sync.Mutex
	nextID   int64
	now      worthState
	before   worthState // without the newest change
	onChange func()
}

// worthState is one state of the account. Its resources are never changed, only
// replaced.
type worthState struct {
	rules []*resources.ConversionValueRule
	sets  []*resources.ConversionValueRuleSet
	goals []*resources.Goal
}

// NewValueRules returns an account without rules.
func NewValueRules() *ValueRules { return &ValueRules{nextID: 1} }

// OnChange makes v call f after each change.
func (v *ValueRules) OnChange(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.onChange = f
}

// state returns the account now; a stale one is without its newest change.
func (v *ValueRules) state(stale bool) worthState {
	v.mu.Lock()
	defer v.mu.Unlock()
	if stale {
		return v.before
	}
	return v.now
}

// change replaces the state by what f makes of a copy, to which it may give ids.
func (v *ValueRules) change(f func(s *worthState, id func() int64)) {
	v.mu.Lock()
	next := worthState{slices.Clone(v.now.rules), slices.Clone(v.now.sets), slices.Clone(v.now.goals)}
	f(&next, func() int64 {
		v.nextID++
		return v.nextID - 1
	})
	v.before, v.now = v.now, next
	tell := v.onChange
	v.mu.Unlock()
	if tell != nil {
		tell()
	}
}

// kept is the form in which rules are kept.
type kept struct {
	NextID int64             `json:"next_id"`
	Rules  []json.RawMessage `json:"rules"`
	Sets   []json.RawMessage `json:"sets"`
	Goals  []json.RawMessage `json:"goals"`
}

// MarshalJSON writes the rules, sets and goals as the API's own JSON.
func (v *ValueRules) MarshalJSON() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := kept{NextID: v.nextID}
	var err error
	if k.Rules, err = toJSON(v.now.rules); err != nil {
		return nil, err
	}
	if k.Sets, err = toJSON(v.now.sets); err != nil {
		return nil, err
	}
	if k.Goals, err = toJSON(v.now.goals); err != nil {
		return nil, err
	}
	return json.Marshal(k)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *ValueRules) UnmarshalJSON(data []byte) error {
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return err
	}
	var s worthState
	var err error
	if s.rules, err = fromJSON(k.Rules, func() *resources.ConversionValueRule { return &resources.ConversionValueRule{} }); err != nil {
		return err
	}
	if s.sets, err = fromJSON(k.Sets, func() *resources.ConversionValueRuleSet { return &resources.ConversionValueRuleSet{} }); err != nil {
		return err
	}
	if s.goals, err = fromJSON(k.Goals, func() *resources.Goal { return &resources.Goal{} }); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.nextID, v.now, v.before = max(k.NextID, 1), s, s
	return nil
}

func toJSON[M proto.Message](list []M) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(list))
	for i, m := range list {
		b, err := protojson.Marshal(m)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

func fromJSON[M proto.Message](list []json.RawMessage, empty func() M) ([]M, error) {
	out := make([]M, len(list))
	for i, raw := range list {
		out[i] = empty()
		if err := protojson.Unmarshal(raw, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// put replaces the resource of the same name or adds it.
func put[M interface{ GetResourceName() string }](list []M, m M) []M {
	if i := named(list, m.GetResourceName()); i >= 0 {
		list[i] = m
		return list
	}
	return append(list, m)
}

// named is the index of the resource of that name, or -1.
func named[M interface{ GetResourceName() string }](list []M, name string) int {
	return slices.IndexFunc(list, func(m M) bool { return m.GetResourceName() == name })
}

// without is the list without the resource of that name.
func without[M interface{ GetResourceName() string }](list []M, name string) []M {
	return slices.DeleteFunc(list, func(m M) bool { return m.GetResourceName() == name })
}

// worthEntities lists the rows of conversion_value_rule,
// conversion_value_rule_set or goal.
func (a *account) worthEntities(resource string) []entity {
	var out []entity
	switch resource {
	case "conversion_value_rule":
		for _, r := range a.worth.rules {
			row := a.base()
			row.ConversionValueRule = r
			out = append(out, entity{row: row})
		}
	case "conversion_value_rule_set":
		for _, set := range a.worth.sets {
			row := a.base()
			row.ConversionValueRuleSet = set
			out = append(out, entity{row: row})
		}
	case "goal":
		for _, g := range a.worth.goals {
			row := a.base()
			row.Goal = g
			out = append(out, entity{row: row})
		}
	}
	return out
}

// findWorth returns the rule, set or goal with the name, or nil.
func (a *account) findWorth(name string) proto.Message {
	if i := named(a.worth.rules, name); i >= 0 {
		return a.worth.rules[i]
	}
	if i := named(a.worth.sets, name); i >= 0 {
		return a.worth.sets[i]
	}
	if i := named(a.worth.goals, name); i >= 0 {
		return a.worth.goals[i]
	}
	return nil
}
