package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"adsteward/store"
)

func testAudiences(t *testing.T, s *store.Store) {
	ctx := t.Context()
	l := store.AudienceList{Account: acc, Platform: "google", Name: "carts", Kind: "retargeting", RemoteID: "1", Summary: "s", UpdatedAt: stored(at)}
	check(t, s.PutList(ctx, l))
	l.RemoteID = "2"
	check(t, s.PutList(ctx, l))
	same(t, "lists", must(s.Lists(ctx, acc))(t), []store.AudienceList{l})

	m := func(person, state string) store.AudienceMember {
		return store.AudienceMember{Account: acc, Platform: "google", List: "carts", Person: person, State: state, Why: "w", RequestID: "r", ChangedAt: stored(at)}
	}
	check(t, s.SetMembers(ctx, []store.AudienceMember{m("c:2", "present"), m("c:1", "present")}))
	check(t, s.SetMembers(ctx, []store.AudienceMember{m("c:2", "removed")}))
	same(t, "members", must(s.Members(ctx, acc, "google", "carts"))(t), []store.AudienceMember{m("c:1", "present"), m("c:2", "removed")})
	buyers := m("c:1", "removing")
	buyers.List = "buyers"
	meta := m("c:1", "present")
	meta.Platform = "meta"
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "3", Email: "ann@example.com"}, {Account: acc, CustomerID: "4"}, {Account: "other", CustomerID: "0", Email: "ann@example.com"}}))(t)
	guest := m("e:"+s.EmailKeyOf("ann@example.com"), "present") // a cart left without logging in
	guest.List = "buyers"
	check(t, s.SetMembers(ctx, []store.AudienceMember{m("c:3", "present"), buyers, meta, guest, m("e:", "present")}))
	// As the customer and by the e-mail alike, whichever is asked for; who has no e-mail shares none.
	for _, subject := range []string{"c:3", guest.Person} {
		same(t, "members by "+subject, must(s.MembersBy(ctx, acc, subject))(t), []store.AudienceMember{guest, m("c:3", "present")})
	}
	same(t, "members by the removed", must(s.MembersBy(ctx, acc, "c:2"))(t), []store.AudienceMember{m("c:2", "removed")})
	same(t, "members by no e-mail", must(s.MembersBy(ctx, acc, "c:4"))(t), []store.AudienceMember(nil))
	same(t, "members of another account", must(s.MembersBy(ctx, "other", "c:0"))(t), []store.AudienceMember(nil))
	var on []string
	check(t, s.EachOnLists(ctx, acc, func(platform, person string, lists []string) error {
		slices.Sort(lists)
		on = append(on, fmt.Sprint(platform, person, lists))
		return nil
	}))
	same(t, "on lists", on, []string{"googlec:1[buyers carts]", "googlec:3[buyers carts]", "googlee:[carts]", "metac:1[carts]"})
	is(t, s.EachOnLists(ctx, acc, func(string, string, []string) error { return store.ErrNotFound }), store.ErrNotFound)
	check(t, s.EachOnLists(ctx, "nobody", func(string, string, []string) error { return store.ErrNotFound }))
	same(t, "another list", must(s.Members(ctx, acc, "meta", "buyers"))(t), []store.AudienceMember(nil))
}

func testUsers(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ann := store.User{Name: "ann", Role: "admin", CreatedAt: stored(at)}
	check(t, s.PutUser(ctx, ann))
	ann.PasswordHash = "argon2id"
	again := ann
	again.CreatedAt = at.Add(time.Hour)
	check(t, s.PutUser(ctx, again))
	same(t, "user", must(s.User(ctx, "ann"))(t), ann)
	same(t, "users", must(s.Users(ctx))(t), []store.User{ann})
	_, err := s.User(ctx, "bob")
	is(t, err, store.ErrNotFound)

	session := store.Session{TokenHash: "h", UserName: "ann", CreatedAt: stored(at), SeenAt: stored(at)}
	check(t, s.PutSession(ctx, session))
	is(t, s.PutSession(ctx, session), store.ErrConflict)
	check(t, s.TouchSession(ctx, "h", at.Add(time.Minute)))
	session.SeenAt = stored(at.Add(time.Minute))
	same(t, "session", must(s.Session(ctx, "h"))(t), session)
	is(t, s.TouchSession(ctx, "none", at), store.ErrNotFound)

	old := store.Session{TokenHash: "old", UserName: "ann", CreatedAt: at.AddDate(0, 0, -30), SeenAt: at}
	idle := store.Session{TokenHash: "idle", UserName: "ann", CreatedAt: at, SeenAt: at.Add(-time.Hour)}
	check(t, s.PutSession(ctx, old))
	check(t, s.PutSession(ctx, idle))
	check(t, s.DeleteSessionsBefore(ctx, at.Add(-time.Minute), at.AddDate(0, 0, -7)))
	for token, want := range map[string]error{"h": nil, "old": store.ErrNotFound, "idle": store.ErrNotFound} {
		_, err := s.Session(ctx, token)
		is(t, err, want)
	}
	check(t, s.DeleteUser(ctx, "ann")) // and the sessions with them
	_, err = s.Session(ctx, "h")
	is(t, err, store.ErrNotFound)
	check(t, s.DeleteSession(ctx, "h"))
	is(t, s.DeleteUser(ctx, "ann"), store.ErrNotFound)
}

func testLoginLinks(t *testing.T, s *store.Store) {
	ctx := t.Context()
	check(t, s.PutUser(ctx, store.User{Name: "ann", Role: "admin", CreatedAt: at}))
	check(t, s.PutLoginLink(ctx, "once", "ann", at.Add(time.Hour)))
	check(t, s.PutLoginLink(ctx, "late", "ann", at))

	used := make(chan string)
	for range 8 {
		go func() {
			user, err := s.UseLoginLink(ctx, "once", at)
			if err != nil {
				user = ""
			}
			used <- user
		}()
	}
	logins := 0
	for range 8 {
		if <-used == "ann" {
			logins++
		}
	}
	same(t, "logins", logins, 1)
	for _, token := range []string{"once", "late", "unknown"} {
		_, err := s.UseLoginLink(ctx, token, at)
		is(t, err, store.ErrNotFound)
	}
}
