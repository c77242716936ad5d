package nightly

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Meta tells a campaign's days by campaign where that owns the budget, else by ad set,
// and somebody may move the budget. Days that are stored at the one level are then told
// at the other, and count once: at the level that owns the budget now, unless it tells of
// less spend, as it does where an ad set is gone that had a share in it. The other level's
// days are part of them from then on: no sum counts them, and curves still see them.

// level is where in a campaign days are stored: its own row, or those of its ad groups or
// ad sets.
type level int

const (
	byCampaign level = iota
	byParts
)

func levelOf(r platform.Ref) level {
	if r.Type == platform.Campaign {
		return byCampaign
	}
	return byParts
}

// levels is what is stored of a campaign.
type levels struct {
	told   level          // where its platform tells its days now
	spans  [2]store.Span  // days with spend, whether sums count them or not
	counts [2]bool        // sums count some of them
	of     []platform.Ref // itself and what lies in it
}

// lacks reports whether days of a level were never read, or not for long: none is newer
// than the days that are read every night, from on, though the campaign has spent before
// these and since.
func (l *levels) lacks(at level, from civil.Date) bool {
	own, other := l.spans[at], l.spans[1-at]
	return !other.Oldest.IsZero() && other.Oldest < from && own.Newest < min(other.Newest, from)
}

// storedLevels is what is stored of every campaign of an ad account in which something
// lies, by campaign. What is gone from its structure lies where it last did.
func (n *pulling) storedLevels(ctx context.Context, p *pulled) (map[platform.Ref]*levels, error) {
	out, campaignOf := map[platform.Ref]*levels{}, map[platform.Ref]platform.Ref{}
	for _, e := range p.structure {
		if e.Parent.ID == "" {
			continue
		}
		l := out[e.Parent]
		if l == nil {
			l = &levels{of: []platform.Ref{e.Parent}}
			out[e.Parent], campaignOf[e.Parent] = l, e.Parent
		}
		if e.Budget == e.Ref {
			l.told = byParts
		}
		l.of, campaignOf[e.Ref] = append(l.of, e.Ref), e.Parent
	}
	if len(out) == 0 {
		return nil, nil
	}
	spans, err := n.Store.Spans(ctx, n.shop.Name, p.account.Platform, p.account.AdAccount, p.oldest(), p.today.AddDays(-1))
	if err != nil {
		return nil, err
	}
	for _, s := range spans {
		r := platform.Ref{Type: platform.EntityType(s.EntityType), ID: s.EntityID}
		campaign, ok := campaignOf[r]
		if !ok && levelOf(r) == byParts {
			if campaign, err = n.lastParent(ctx, p, r); err != nil {
				return nil, err
			}
		}
		if l := out[campaign]; l != nil {
			l.add(r, s)
		}
	}
	return out, nil
}

func (l *levels) add(r platform.Ref, s store.Span) {
	at := levelOf(r)
	all := &l.spans[at]
	if all.Oldest.IsZero() || s.Oldest < all.Oldest {
		all.Oldest = s.Oldest
	}
	all.Newest = max(all.Newest, s.Newest)
	l.counts[at] = l.counts[at] || !s.Part
	if !slices.Contains(l.of, r) {
		l.of = append(l.of, r)
	}
}

// lastParent is the campaign of an ad set or ad group that is there no more; zero where it
// never was.
func (n *pulling) lastParent(ctx context.Context, p *pulled, r platform.Ref) (platform.Ref, error) {
	rows, err := n.Store.EntityHistory(ctx, p.account.Platform, p.account.AdAccount, string(r.Type), r.ID)
	if err != nil || len(rows) == 0 {
		return platform.Ref{}, err
	}
	var e platform.Entity
	if err := json.Unmarshal([]byte(rows[len(rows)-1].Detail), &e); err != nil {
		return platform.Ref{}, fmt.Errorf("the stored history of %s %s: %w", r.Type, r.ID, err)
	}
	return e.Parent, nil
}

// moved is each campaign of which days count at the level that does not own the budget
// any more, by itself and by what lies in it.
type moved map[platform.Ref]*levels

func movedBudgets(stored map[platform.Ref]*levels) moved {
	m := moved{}
	for _, l := range stored {
		if l.counts[1-l.told] {
			for _, r := range l.of {
				m[r] = l
			}
		}
	}
	return m
}

func (m moved) ids() []string {
	ids := make([]string, 0, len(m))
	for r := range m {
		ids = append(ids, r.ID)
	}
	return ids
}

// leastTold is how much of what the other level tells of a day's spend, in hundredths, the
// level that owns the budget has to tell for the day to count there: ad sets are rounded
// one by one, and a little is credited later.
const leastTold = 99

// once says of rows to be stored, and of those stored already, which count, so that each
// day of a moved campaign counts once. It returns what is to be written.
func (m moved) once(rows, stored []store.Performance) []store.Performance {
	type day struct {
		platform.Ref
		civil.Date
	}
	fresh := map[day]bool{}
	for _, r := range rows {
		fresh[day{entityRef(r), r.Date}] = true
	}
	stored = slices.DeleteFunc(stored, func(r store.Performance) bool {
		return fresh[day{entityRef(r), r.Date}] || m[entityRef(r)] == nil
	})
	counts := m.counting(slices.Concat(rows, stored))
	out := make([]store.Performance, 0, len(rows))
	for _, r := range rows {
		if l := m[entityRef(r)]; l != nil {
			r.Part = counts[campaignDay{l, r.Date}] != levelOf(entityRef(r))
		}
		out = append(out, r)
	}
	for _, r := range stored {
		if part := counts[campaignDay{m[entityRef(r)], r.Date}] != levelOf(entityRef(r)); part != r.Part {
			r.Part = part
			out = append(out, r)
		}
	}
	return out
}

type campaignDay struct {
	*levels
	civil.Date
}

// counting is where each day of the moved campaigns among rows counts.
func (m moved) counting(rows []store.Performance) map[campaignDay]level {
	var days [2]map[campaignDay]money.Micros // what is told of them at each level
	for i := range days {
		days[i] = map[campaignDay]money.Micros{}
	}
	for _, r := range rows {
		if l := m[entityRef(r)]; l != nil {
			days[levelOf(entityRef(r))][campaignDay{l, r.Date}] += r.Cost
		}
	}
	out := map[campaignDay]level{}
	for _, told := range days {
		for d := range told {
			now := d.told
			spend, ok := days[now][d]
			if !ok || 100*spend < leastTold*days[1-now][d] {
				now = 1 - now
			}
			out[d] = now
		}
	}
	return out
}

func entityRef(r store.Performance) platform.Ref {
	return platform.Ref{Type: platform.EntityType(r.EntityType), ID: r.EntityID}
}
