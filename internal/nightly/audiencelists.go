package nightly

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/audiences"
	"adsteward/bidding/ltv"
	"adsteward/internal/platform"
	"adsteward/store"
)

// listKind is a list that can be kept: what it is called in the configuration and on the
// platforms, and what it is there for.
type listKind struct {
	key, name, about string
	kind             platform.ListKind
}

var listKinds = []listKind{
	{audiences.ListCartAbandoners, "cart abandoners", "Carts left behind", platform.Retargeting},
	{audiences.ListCartReminder, "cart reminder", "Carts just left behind: remind them", platform.Retargeting},
	{audiences.ListCartProof, "cart proof", "Carts left behind for days: show them what others say", platform.Retargeting},
	{audiences.ListCartIncentive, "cart incentive", "Carts left behind for longer: make an offer", platform.Retargeting},
	{audiences.ListPurchasers, "purchasers", "Purchasers, to be left out of ads for new customers", platform.Exclusion},
	{audiences.ListAtRisk, "customers at risk", "Repeat customers who may be leaving", platform.WinBack},
	{audiences.ListHighLTV, "high-LTV purchasers", "Purchasers of highest predicted lifetime value", platform.Seed},
}

// keeps reports whether a list is to be kept.
func (a AudienceSettings) keeps(list string) bool {
	if a.Lists == nil {
		return slices.Contains(audiences.DefaultLists, list)
	}
	return slices.Contains(a.Lists, list)
}

func kindOf(list string) listKind {
	return listKinds[slices.IndexFunc(listKinds, func(k listKind) bool { return k.key == list })]
}

// listName is what a list is called on the platforms.
func listName(account, list string) string { return "adsteward " + account + " " + kindOf(list).name }

// wantedList is one list and who belongs on it.
type wantedList struct {
	platform.List
	key     string // of listKinds
	members []audiences.Membership
	heldBy  string            // the list whose holdout keeps people off it
	held    map[string]string // by subject: the experiment that keeps them off it
	// agreed, where not nil, has whoever is on it stay while they agree, and nobody come.
	agreed *audiences.Consents
}

// list is a list without people.
func (n *night) list(k listKind) wantedList {
	a := n.shop.Audience
	l := wantedList{List: platform.List{Name: listName(n.shop.Name, k.key), Description: k.about + ", kept by adsteward", Kind: k.kind,
		MembershipDays: a.membershipDays(k.key)}, key: k.key, heldBy: k.key}
	if _, part := a.cartWindow(k.key); part { // whoever is held off the carts is on no part of them
		l.heldBy = audiences.ListCartAbandoners
	}
	return l
}

// wantedLists are the lists that are kept, in the order of listKinds, and those that no
// longer are but are known to the store, without anybody. Where a list needs a lifetime model and there is none,
// whoever is on it stays.
func (n *night) wantedLists(ctx context.Context, known []store.AudienceList, people map[string]audiences.Person, consents audiences.Consents) ([]wantedList, error) {
	in, err := n.listInput(ctx, people)
	if err != nil {
		return nil, err
	}
	a := n.shop.Audience
	var lists, valued []wantedList
	for _, k := range listKinds {
		l := n.list(k)
		judged := in.scores != nil || k.key != audiences.ListHighLTV && k.key != audiences.ListAtRisk
		there := slices.ContainsFunc(known, func(o store.AudienceList) bool { return o.Name == l.Name })
		switch {
		case !there && (!a.keeps(k.key) || !judged):
			continue
		case !a.keeps(k.key): // everybody comes off it
		case !judged:
			l.agreed = &consents
		default:
			l.members = n.belong(k.key, in, consents)
		}
		if k.key == audiences.ListCartAbandoners || k.kind == platform.Seed { // value rules are about these: the others overlap them
			valued = append(valued, l)
		}
		lists = append(lists, l)
	}
	if in.scores != nil {
		err = n.storeAudienceValues(ctx, in.scores, valued)
	}
	return lists, err
}

// withdrawnFrom are the lists kept once on which somebody is who agrees no longer: that
// no list is kept leaves nobody there.
func (n *night) withdrawnFrom(ctx context.Context, known []store.AudienceList, people map[string]audiences.Person, consents audiences.Consents) ([]wantedList, error) {
	var lists []wantedList
	for _, k := range listKinds {
		l := n.list(k)
		l.agreed = &consents
		for _, o := range known {
			if o.Name != l.Name {
				continue
			}
			rows, err := n.Store.Members(ctx, n.shop.Name, o.Platform, l.Name)
			if err != nil {
				return nil, err
			}
			agreeing, err := n.agreeing(ctx, rows, people, consents)
			if err != nil {
				return nil, err
			}
			if len(agreeing) < len(onList(rows)) {
				lists = append(lists, l)
				break
			}
		}
	}
	return lists, nil
}

// agreeing are the people on a list who agree to it still.
func (n *night) agreeing(ctx context.Context, rows []store.AudienceMember, people map[string]audiences.Person, consents audiences.Consents) ([]audiences.Membership, error) {
	on := onList(rows)
	found, err := n.peopleBySubject(ctx, people, on)
	var out []audiences.Membership
	for _, subject := range on {
		p, ok := found[subject]
		if !ok {
			p = audiences.Named(subject)
		}
		if consents.Allows(p) {
			out = append(out, audiences.Membership{Subject: subject, Person: p})
		}
	}
	return out, err
}

// onList are the names of those who are on a list.
func onList(rows []store.AudienceMember) (subjects []string) {
	for _, m := range rows {
		if m.State != memberRemoved {
			subjects = append(subjects, m.Person)
		}
	}
	return subjects
}

// listInput is what memberships are judged by.
type listInput struct {
	carts  []audiences.Cart
	bought []audiences.Purchase
	buyers []audiences.Buyer
	scores *scores // nil: there is no lifetime model
}

func (n *night) listInput(ctx context.Context, people map[string]audiences.Person) (in listInput, err error) {
	if in.carts, in.bought, err = n.carts(ctx, people); err != nil {
		return in, err
	}
	if n.shop.Audience.keeps(audiences.ListPurchasers) {
		if in.buyers, err = n.buyers(ctx, people); err != nil {
			return in, err
		}
	}
	in.scores, err = n.score(ctx, people)
	return in, err
}

// belong are the people who belong on a list.
func (n *night) belong(list string, in listInput, consents audiences.Consents) []audiences.Membership {
	a := n.shop.Audience
	switch list {
	case audiences.ListPurchasers:
		return audiences.Purchasers(in.buyers, consents, n.asOf(), days(a.PurchaserDays))
	case audiences.ListAtRisk:
		return audiences.AtRisk(in.scores.all, consents, a.AtRiskBelow)
	case audiences.ListHighLTV:
		return audiences.TopLTV(in.scores.all, consents, a.TopLTVShare)
	}
	window, _ := a.cartWindow(list)
	return audiences.CartAbandoners(in.carts, in.bought, consents, n.asOf(), window)
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// cartWindow is how old the carts of a list are; ok is false for a list that is not of
// carts. The three parts touch and do not overlap.
func (a AudienceSettings) cartWindow(list string) (w audiences.Window, ok bool) {
	reminded, proven, end := days(a.CartSteps[0]), days(a.CartSteps[1]), days(a.CartWindowDays)
	const begin = time.Hour // before that it is not left behind yet
	w, ok = map[string]audiences.Window{audiences.ListCartAbandoners: {From: begin, To: end}, audiences.ListCartReminder: {From: begin, To: reminded},
		audiences.ListCartProof: {From: reminded, To: proven}, audiences.ListCartIncentive: {From: proven, To: end}}[list]
	return w, ok
}

// membershipDays is how long the platforms keep people on a list who are not added anew.
func (a AudienceSettings) membershipDays(list string) int {
	if w, cart := a.cartWindow(list); cart {
		return max(int(w.To/days(1)), 1)
	}
	if list == audiences.ListPurchasers {
		return min(max(a.PurchaserDays, 1), longestMembership)
	}
	return longestMembership
}

// longestMembership is the most that platforms take, in days.
const longestMembership = 540

// sizes says how many people belong on each list that is kept.
func (n *night) sizes(lists []wantedList) string {
	var out []string
	for _, l := range lists {
		if n.shop.Audience.keeps(l.key) && l.agreed == nil {
			out = append(out, fmt.Sprintf("%d %s", len(l.members), kindOf(l.key).name))
		}
	}
	if len(out) == 0 {
		return "nobody can be judged before there is a lifetime model"
	}
	return strings.Join(out, ", ")
}

// carts are the carts of the window, and the orders that may have ended them.
func (n *night) carts(ctx context.Context, people map[string]audiences.Person) (carts []audiences.Cart, bought []audiences.Purchase, err error) {
	now := n.asOf()
	rows, err := n.Store.Carts(ctx, n.shop.Name, now.Add(-days(n.shop.Audience.CartWindowDays)), now)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range rows {
		p := people[c.CustomerID]
		p.CustomerID = c.CustomerID
		if p.Email == "" {
			p.Email, p.EmailKey = c.Email, c.EmailKey
		}
		carts = append(carts, audiences.Cart{Person: p, UpdatedAt: c.UpdatedAt, Value: c.Value})
	}
	err = n.Store.EachOrderHead(ctx, n.shop.Name, n.date.AddDays(-n.shop.Audience.CartWindowDays-1), n.date, func(o store.Order) error {
		bought = append(bought, audiences.Purchase{CustomerID: o.CustomerID, EmailKey: people[o.CustomerID].EmailKey, At: o.OrderedAt})
		return nil
	})
	return carts, bought, err
}

// buyers are the customers who ordered lately, each with their newest order.
func (n *night) buyers(ctx context.Context, people map[string]audiences.Person) ([]audiences.Buyer, error) {
	last := map[string]time.Time{}
	err := n.Store.EachOrderHead(ctx, n.shop.Name, n.date.AddDays(-n.shop.Audience.PurchaserDays-1), n.date, func(o store.Order) error {
		if o.OrderedAt.After(last[o.CustomerID]) {
			last[o.CustomerID] = o.OrderedAt
		}
		return nil
	})
	out := make([]audiences.Buyer, 0, len(last))
	for id, at := range last {
		if p, known := people[id]; known {
			out = append(out, audiences.Buyer{Person: p, Last: at})
		}
	}
	return out, err
}

// score judges every customer by the run's lifetime model; without one there are no
// scores.
func (n *night) score(ctx context.Context, people map[string]audiences.Person) (*scores, error) {
	rows, err := n.Store.Models(ctx, n.runID, "ltv")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	of := &scores{}
	if err := json.Unmarshal([]byte(rows[0].Body), &of.fit); err != nil {
		return nil, err
	}
	histories := ltv.NewHistories(n.date, func(h ltv.History) error {
		if p, ok := people[h.CustomerID]; ok {
			of.all = append(of.all, audiences.Customer{Person: p, MeanOrder: max(h.MeanValue, 0), Value: of.fit.Score(h), Orders: h.Orders,
				Alive: of.fit.Alive(h), Explain: func() string { return of.fit.Explain(h) }})
		}
		return nil
	})
	err = n.Store.EachCustomerDay(ctx, n.shop.Name, n.date, func(d store.CustomerDay) error {
		return histories.Add(d.CustomerID, d.Date, d.Revenue.Float())
	})
	if err == nil {
		err = histories.Flush()
	}
	return of, err
}
