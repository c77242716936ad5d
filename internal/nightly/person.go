package nightly

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"adsteward/attribution/identity"
	"adsteward/store"
)

const (
	// mostPerson is how many identifiers of one person are looked up at most.
	mostPerson = 5000
	// mostNeighbours of an identifier are read from each source: more than any limit,
	// so that what is shared is seen to be.
	mostNeighbours = 200
)

// NamedID reads an identifier as people write it: kind:value, an e-mail address or a
// phone number in the clear where the store knows its hash.
func (s *Steward) NamedID(text string) (identity.ID, error) {
	id, err := identity.ParseID(text)
	if err != nil {
		return id, err
	}
	switch {
	case id.Kind == identity.Email && strings.Contains(id.Value, "@"):
		id.Value = s.Store.EmailKeyOf(id.Value)
	case id.Kind == identity.Phone && len(id.Value) < 32:
		id.Value = s.Store.PhoneKeyOf(id.Value)
	}
	if id.Value == "" {
		return id, fmt.Errorf("%q holds no digit", text)
	}
	return id, nil
}

// Person tells who is behind an identifier and why, of all that was ever stored. What
// is told is what a night finds, but for what lies before the days it looks at.
func (s *Steward) Person(ctx context.Context, account string, of identity.ID) (identity.Person, error) {
	limits := identity.DefaultLimits()
	var evidence []identity.Evidence
	seen := map[identity.ID]bool{of: true}
	for layer := []identity.ID{of}; len(layer) > 0; {
		found, err := s.seenWith(ctx, account, layer)
		if err != nil {
			return identity.Person{}, err
		}
		var next []identity.ID
		for _, at := range layer {
			near := map[identity.ID]bool{}
			customers, visitors := 0, 0
			for _, e := range found[at] {
				evidence = append(evidence, e)
				if near[e.B] {
					continue
				}
				near[e.B] = true
				switch e.B.Kind {
				case identity.Customer:
					customers++
				case identity.Visitor:
					visitors++
				}
			}
			if limits.Over(at.Kind, customers, visitors) != "" { // it joins nobody
				continue
			}
			for to := range near {
				if !seen[to] && len(seen) < mostPerson {
					seen[to] = true
					next = append(next, to)
				}
			}
		}
		layer = next
	}
	splits, err := s.splits(ctx, account)
	if err != nil {
		return identity.Person{}, err
	}
	return identity.Explain(of, evidence, limits, splits), nil
}

// seenWith looks up what each of some identifiers was seen with.
func (s *Steward) seenWith(ctx context.Context, account string, of []identity.ID) (map[identity.ID][]identity.Evidence, error) {
	values := map[identity.Kind][]string{}
	for _, id := range of {
		values[id.Kind] = append(values[id.Kind], id.Value)
	}
	found := map[identity.ID][]identity.Evidence{}
	for kind, list := range values {
		var bad error
		err := s.Store.EachSeenWith(ctx, account, kind.String(), list, mostNeighbours, func(value string, f store.Seen) {
			to, err := identity.ParseID(f.Kind + ":" + f.Value)
			bad = errors.Join(bad, err)
			at := identity.ID{Kind: kind, Value: value}
			found[at] = append(found[at], identity.Evidence{A: at, B: to, Seen: f.Where, First: f.At})
		})
		if err = errors.Join(err, bad); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// SplitPersons keeps two identifiers from being taken for one person from now on; where
// b is the zero ID, a joins nobody. The reason goes into the audit log.
func (s *Steward) SplitPersons(ctx context.Context, actor, account string, a, b identity.ID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return refused("a split wants a reason; give --reason TEXT")
	}
	if a == b {
		return refused("%s cannot be split from itself", a)
	}
	split := store.Split{Account: account, A: a.String(), Reason: reason, Actor: actor, At: s.Now()}
	if b.Value != "" {
		split.B = b.String()
	}
	return s.onSplit(ctx, split, "person_split", func(q *store.Queries) error { return q.PutSplit(ctx, split) })
}

// UnsplitPersons takes a split back; store.ErrNotFound where there is none.
func (s *Steward) UnsplitPersons(ctx context.Context, actor, account string, a, b identity.ID, reason string) error {
	split := store.Split{Account: account, A: a.String(), Reason: reason, Actor: actor, At: s.Now()}
	if b.Value != "" {
		split.B = b.String()
	}
	return s.onSplit(ctx, split, "person_unsplit", func(q *store.Queries) error { return q.DropSplit(ctx, account, split.A, split.B) })
}

func (s *Steward) onSplit(ctx context.Context, split store.Split, action string, change func(*store.Queries) error) error {
	return s.Store.InTx(ctx, func(q *store.Queries) error {
		if err := change(q); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: split.At, Account: split.Account, Actor: split.Actor, Action: action,
			Reason: strings.TrimSpace(split.A+" "+split.B) + ": " + split.Reason})
		return err
	})
}
