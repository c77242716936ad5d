package conversions_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/conversions"
)

func told(order string, value money.Micros, day civil.Date) conversions.Recorded {
	return conversions.Recorded{Destination: "9", OrderID: order, At: time.Unix(1, 0).UTC(), Value: value, Currency: "EUR", Day: day}
}

func TestAnAdjustmentReplacesTheValueAndCountsNothing(t *testing.T) {
	t.Parallel()
	l, day := conversions.New(), civil.Date(20_000)
	l.Adjust(told("a", 5, day), true)
	l.Adjust(told("a", 0, day+9), true)
	late := told("a", 7, day+10)
	late.Identifiers = []string{"email:1"}
	l.Adjust(late, false)
	other := told("a", 3, day)
	other.Destination = "8"
	l.Adjust(other, true)

	want := told("a", 0, day)
	want.Told, want.Identifiers, other.Told = 3, []string{"email:1"}, 1
	if diff := cmp.Diff([]conversions.Recorded{want, other}, l.All()); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstStaysForTwoDays(t *testing.T) {
	t.Parallel()
	l, day := conversions.New(), civil.Date(20_000)
	for i, value := range []money.Micros{5, 6, 7, 8} {
		l.Once(told("a", value, day.AddDays(i)), 2)
	}
	first, second := told("a", 5, day), told("a", 8, day+3)
	first.Told, second.Told = 3, 1
	want := map[string][]conversions.Recorded{"a": {first, second}}
	if diff := cmp.Diff(want, l.ByOrder()); diff != "" {
		t.Error(diff)
	}

	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	again := conversions.New()
	if err := json.Unmarshal(data, again); err != nil {
		t.Fatal(err)
	}
	again.Once(told("a", 9, day+4), 2)
	want["a"][1].Told = 2
	if diff := cmp.Diff(want, again.ByOrder()); diff != "" {
		t.Error(diff)
	}
}
