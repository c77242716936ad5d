package lists_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/lists"
)

func create(t *testing.T, l *lists.Lists, name string) int64 {
	t.Helper()
	made, err := l.Create(lists.List{Name: name, Kind: lists.CRM, MembershipDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func TestNamesAreUniqueWhereAsked(t *testing.T) {
	t.Parallel()
	l := lists.New(7)
	if id := create(t, l, "a"); id != 7 {
		t.Errorf("the first id is %d, want 7", id)
	}
	if _, err := l.Create(lists.List{Name: "a"}); err == nil {
		t.Error("a second list of one name was made")
	}
	if twin := l.CreateNamesake(lists.List{Name: "a"}); twin.ID != 8 || len(l.All()) != 2 {
		t.Errorf("the namesake is %d among %d lists", twin.ID, len(l.All()))
	}
	if !l.Delete(7) || l.Delete(7) {
		t.Error("a list can be deleted once")
	}
	if _, ok := l.Get(7); ok {
		t.Error("a deleted list is there")
	}
}

func TestWhoSharesAnIdentifierIsOnePerson(t *testing.T) {
	t.Parallel()
	l := lists.New(1)
	id := create(t, l, "a")
	for _, p := range []lists.Person{
		{Identifiers: []string{"mail:1"}, Value: 1},
		{Identifiers: []string{"mail:1", "phone:1"}, Value: 2},
		{Identifiers: []string{"phone:1"}, Value: 3},
		{Identifiers: []string{"mail:2"}, Value: 4},
	} {
		if err := l.Add(id, p); err != nil {
			t.Fatal(err)
		}
	}
	want := []lists.Person{{Identifiers: []string{"mail:1", "phone:1"}, Value: 3}, {Identifiers: []string{"mail:2"}, Value: 4}}
	if diff := cmp.Diff(want, l.Members(id)); diff != "" {
		t.Error(diff)
	}
	if n, err := l.Remove(id, "phone:1", "mail:1", "mail:9"); n != 1 || err != nil {
		t.Errorf("%d removed, %v, want the one person", n, err)
	}
	if l.Size(id) != 1 {
		t.Errorf("%d are left, want 1", l.Size(id))
	}
}

func TestUnknownLists(t *testing.T) {
	t.Parallel()
	l := lists.New(1)
	_, removed := l.Remove(5, "x")
	_, older := l.RemoveOlder(5, time.Now())
	for name, err := range map[string]error{"add": l.Add(5), "remove": removed, "remove older": older} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if l.Members(5) != nil || l.Size(5) != 0 {
		t.Error("a list that is not there has members")
	}
}

func TestPeopleGo(t *testing.T) {
	t.Parallel()
	l := lists.New(1)
	id := create(t, l, "a")
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	day := civil.MustParse("2026-03-01")
	if err := l.Add(id, lists.Person{Identifiers: []string{"old"}, Added: noon, Day: day}, lists.Person{Identifiers: []string{"new"}, Added: noon.Add(time.Hour), Day: day + 5},
		lists.Person{Identifiers: []string{"for ever"}, Added: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"on the last day of membership", func() { l.Expire(day + 30) }, 3},
		{"the day after", func() { l.Expire(day + 31) }, 2},
		{"removing the older, of the same time", func() { l.RemoveOlder(id, noon.Add(time.Hour)) }, 2},
		{"removing the older", func() { l.RemoveOlder(id, noon.Add(2*time.Hour)) }, 0},
	} {
		if step.do(); l.Size(id) != step.want {
			t.Errorf("%s: %d people, want %d", step.name, l.Size(id), step.want)
		}
	}
}

func TestARestoredRegistryGoesOn(t *testing.T) {
	t.Parallel()
	l := lists.New(1)
	id := create(t, l, "a")
	person := lists.Person{Identifiers: []string{"mail:1", "phone:1"}, Value: 2.5, Day: civil.MustParse("2026-03-01")}
	if err := l.Add(id, person); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	again := lists.New(99)
	if err := json.Unmarshal(data, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]lists.Person{person}, again.Members(id)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(l.All(), again.All()); diff != "" {
		t.Error(diff)
	}
	if n, _ := again.Remove(id, "phone:1"); n != 1 {
		t.Error("a restored person is not recognised")
	}
	if next := create(t, again, "b"); next != id+1 {
		t.Errorf("the next id is %d, want %d", next, id+1)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	l := lists.New(1)
	id := create(t, l, "a")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 50 {
				if err := l.Add(id, lists.Person{Identifiers: []string{fmt.Sprint(i, k)}}); err != nil {
					t.Error(err)
				}
				l.Members(id)
			}
		})
	}
	wg.Wait()
	if l.Size(id) != 400 {
		t.Errorf("%d people, want 400", l.Size(id))
	}
}
