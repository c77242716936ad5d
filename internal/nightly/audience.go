package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/audiences"
	"adsteward/internal/platform"
	"adsteward/store"
)

// syncAudiences computes who belongs on which list, tells every platform the
// difference, and keeps the platforms' request ids as the proof of it.
func syncAudiences(ctx context.Context, n *night) (report, error) {
	// As of an older night, whoever came since would be taken off the lists.
	if newer, err := n.newer(ctx); err != nil || !newer.IsZero() {
		return report{Summary: fmt.Sprintf("no list is changed: the night of %s is newer", newer)}, err
	}
	known, err := n.Store.Lists(ctx, n.shop.Name)
	if err != nil {
		return report{}, err
	}
	const off = "no list is kept: audiences.enabled is false"
	enabled := n.shop.Audience.Enabled
	if !enabled && len(known) == 0 { // there is nobody to look for
		return report{Summary: off}, nil
	}
	people, consents, err := n.people(ctx)
	if err != nil {
		return report{}, err
	}
	find, sizes := n.wantedLists, ""
	if !enabled {
		find, sizes = n.withdrawnFrom, off
	}
	lists, err := find(ctx, known, people, consents)
	if err != nil || !enabled && len(lists) == 0 {
		return report{Summary: sizes}, err
	}
	if enabled {
		sizes = n.sizes(lists)
	}
	held, err := n.holdOut(ctx, lists)
	if err != nil {
		return report{}, err // nobody is put on a list who may have to be held out
	}
	conns, err := n.shop.Connect(ctx)
	defer n.closeAll(conns)
	faults := []error{err}
	var all synced
	for _, c := range conns {
		if c.Audiences == nil {
			continue
		}
		for _, l := range lists {
			did, err := n.syncList(ctx, c.Audiences, l, people)
			all = synced{all.added + did.added, all.removed + did.removed, all.refused + did.refused}
			if err != nil {
				faults = append(faults, fmt.Errorf("list %q on %s: %w", l.Name, c.Audiences.Platform(), err))
			}
		}
		faults = append(faults, n.countUsage(ctx, c))
	}
	summary := fmt.Sprintf("%s; %d added, %d removed over all platforms", sizes, all.added, all.removed)
	if all.refused > 0 {
		summary += fmt.Sprintf("; %d of those added were refused as unreadable", all.refused)
	}
	if held > 0 {
		summary += fmt.Sprintf("; %d held out by experiments", held)
	}
	return report{Summary: summary, Partial: errors.Join(faults...)}, nil
}

// people are the shop's customers by id, and what they agreed to.
func (n *night) people(ctx context.Context) (map[string]audiences.Person, audiences.Consents, error) {
	out := map[string]audiences.Person{}
	err := n.Store.EachCustomer(ctx, n.shop.Name, func(c store.Customer) error {
		out[c.CustomerID] = audiences.Person{CustomerID: c.CustomerID, EmailKey: c.EmailKey, Email: c.Email, Phone: c.Phone, Country: c.Country}
		return nil
	})
	if err != nil {
		return nil, audiences.Consents{}, err
	}
	cs, err := n.consents(ctx, n.shop.Name)
	return out, cs, err
}

// consents are what the people of a shop agreed to.
func (s *Steward) consents(ctx context.Context, account string) (audiences.Consents, error) {
	said, err := s.Store.Consents(ctx, account)
	return audiences.Consents{UserData: said[audiences.PurposeUserData], Personalization: said[audiences.PurposePersonalization],
		Ads: said[audiences.PurposeAds]}, err
}

// synced is what was done to lists: of those added, the platform refused some.
type synced struct{ added, removed, refused int }

// syncList brings one list on one platform in step with who belongs on it; people are
// the shop's customers.
func (n *night) syncList(ctx context.Context, api platform.Audiences, l wantedList, people map[string]audiences.Person) (did synced, err error) {
	p := string(api.Platform())
	id, err := api.EnsureList(ctx, l.List)
	if err != nil {
		return did, err
	}
	rows, err := n.Store.Members(ctx, n.shop.Name, p, l.Name)
	if err != nil {
		return did, err
	}
	if l.agreed != nil {
		if l.members, err = n.agreeing(ctx, rows, people, *l.agreed); err != nil {
			return did, err
		}
	}
	current, stays := map[string]store.AudienceMember{}, map[string]bool{}
	for _, m := range l.members {
		stays[m.Subject] = true
	}
	var names []string
	for _, m := range rows {
		if m.State == memberRemoved {
			continue
		}
		current[m.Person] = m
		// Platforms drop people after the list's days: who stays is added anew
		// well before.
		if n.Now().Sub(m.ChangedAt) < time.Duration(l.MembershipDays)*12*time.Hour || !stays[m.Person] || l.agreed != nil {
			names = append(names, m.Person)
		}
	}
	add, remove := audiences.Diff(names, l.members)
	if did.removed, err = n.removeMembers(ctx, api, l, id, remove, current, people); err != nil {
		return did, err
	}
	if did.added, did.refused, err = n.addMembers(ctx, api, l, id, add); err != nil {
		return did, err
	}
	if err := n.putList(ctx, p, l.Name, string(l.Kind), id, len(l.members)); err != nil {
		return did, err
	}
	return did, n.lookalike(ctx, api, l, id)
}

func (n *night) putList(ctx context.Context, p, name, kind, id string, size int) error {
	return n.Store.PutList(ctx, store.AudienceList{Account: n.shop.Name, Platform: p, Name: name, Kind: kind, RemoteID: id,
		Summary: fmt.Sprintf("%d people", size), UpdatedAt: n.Now()})
}

// States of a membership.
const (
	memberPresent  = "present"
	memberRemoving = "removing" // asked for, not confirmed
	memberRemoved  = "removed"
)

// addMembers uploads and records them. Adding somebody twice is harmless, so a
// crash between the two costs nothing.
func (n *night) addMembers(ctx context.Context, api platform.Audiences, l wantedList, id string, add []audiences.Membership) (added, refused int, err error) {
	var members []platform.Member
	var rows []store.AudienceMember
	for _, m := range add {
		pm, ok, err := member(api.Platform(), m)
		if err != nil {
			return 0, 0, err
		}
		if !ok {
			continue // no identifier the platform takes
		}
		members = append(members, pm)
		rows = append(rows, store.AudienceMember{Account: n.shop.Name, Platform: string(api.Platform()), List: l.Name,
			Person: m.Subject, State: memberPresent, Why: m.Why, ChangedAt: n.Now()})
	}
	if len(members) == 0 {
		return 0, 0, nil
	}
	receipts, err := api.Add(ctx, id, members)
	if err != nil {
		return 0, 0, err
	}
	for i := range rows {
		rows[i].RequestID = proof(receipts)
	}
	for _, r := range receipts {
		refused += r.Invalid
	}
	return len(rows), refused, n.Store.SetMembers(ctx, rows)
}

// proof names the requests that carried a change.
func proof(rs []platform.SyncReceipt) string {
	s := ""
	for i, r := range rs {
		if i > 0 {
			s += " "
		}
		s += r.RequestID
	}
	return s
}

// removeMembers takes people off a list: marked before, so that a crash leaves
// nobody behind, and confirmed with the platform's request id after.
func (n *night) removeMembers(ctx context.Context, api platform.Audiences, l wantedList, id string, remove []string, current map[string]store.AudienceMember, customers map[string]audiences.Person) (int, error) {
	if len(remove) == 0 {
		return 0, nil
	}
	people, err := n.peopleBySubject(ctx, customers, remove)
	if err != nil {
		return 0, err
	}
	var members []platform.Member
	rows := make([]store.AudienceMember, 0, len(remove))
	for _, subject := range remove {
		row := current[subject]
		row.State, row.ChangedAt = memberRemoving, n.Now()
		rows = append(rows, row)
		if person, ok := people[subject]; ok {
			pm, ok, err := member(api.Platform(), audiences.Membership{Subject: subject, Person: person})
			if err != nil {
				return 0, err
			}
			if ok {
				members = append(members, pm)
			}
		}
	}
	if err := n.Store.SetMembers(ctx, rows); err != nil {
		return 0, err
	}
	receipts, err := api.Remove(ctx, id, members)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		rows[i].State, rows[i].RequestID, rows[i].ChangedAt = memberRemoved, proof(receipts), n.Now()
		rows[i].Why = "left the list: consent withdrawn, or no longer one of those it is for"
		if why, ok := l.held[rows[i].Person]; ok {
			rows[i].Why = why
		}
	}
	return len(rows), n.Store.SetMembers(ctx, rows)
}

// peopleBySubject finds the persons behind the names on a list, among the customers and,
// where an e-mail is no customer's, in the carts.
func (n *night) peopleBySubject(ctx context.Context, customers map[string]audiences.Person, subjects []string) (map[string]audiences.Person, error) {
	out, mails := map[string]audiences.Person{}, map[string]bool{}
	for _, s := range subjects {
		if id, ok := strings.CutPrefix(s, "c:"); !ok {
			mails[s] = true
		} else if p, known := customers[id]; known {
			out[s] = p
		}
	}
	if len(mails) == 0 {
		return out, nil
	}
	for _, p := range customers {
		s := "e:" + p.EmailKey
		if known, twice := out[s]; mails[s] && (!twice || p.CustomerID < known.CustomerID) {
			out[s] = p
		}
	}
	carts, err := n.Store.Carts(ctx, n.shop.Name, time.Time{}, n.asOf())
	for _, c := range carts {
		s := "e:" + c.EmailKey
		if _, known := out[s]; !known && mails[s] {
			out[s] = audiences.Person{EmailKey: c.EmailKey, Email: c.Email}
		}
	}
	return out, err
}

// member normalises and hashes a person as the platform asks; ok is false
// where no identifier of theirs survives.
func member(p platform.Name, m audiences.Membership) (pm platform.Member, ok bool, err error) {
	email, err := audiences.Hash(string(p), "email", m.Person.Email, m.Person.Country)
	if err != nil {
		return pm, false, err
	}
	phone, err := audiences.Hash(string(p), "phone", m.Person.Phone, m.Person.Country)
	if err != nil {
		return pm, false, err
	}
	pm = platform.Member{EmailSHA256: email.SHA256, PhoneSHA256: phone.SHA256, Country: m.Person.Country, Value: m.Value}
	return pm, pm.EmailSHA256 != "" || pm.PhoneSHA256 != "", nil
}

// lookalikeMin is how many people a platform wants in a lookalike's source.
const lookalikeMin = 100

// lookalike sees to it that the seed has its lookalike audience.
func (n *night) lookalike(ctx context.Context, api platform.Audiences, l wantedList, seedID string) error {
	country := n.shop.Audience.LookalikeCountry
	if l.Kind != platform.Seed || country == "" {
		return nil
	}
	atHome := slices.DeleteFunc(slices.Clone(l.members), func(m audiences.Membership) bool { return m.Person.Country != country })
	if len(atHome) < lookalikeMin {
		return nil
	}
	name := l.Name + " lookalike " + country
	id, err := api.EnsureLookalike(ctx, name, seedID, country, n.shop.Audience.LookalikeRatio)
	if err != nil {
		return err
	}
	return n.putList(ctx, string(api.Platform()), name, lookalikeList, id, len(atHome))
}
