package meta_test

import (
	"errors"
	"testing"

	"adsteward/internal/platform"
)

// TestCheckTellsNothing: the check knows a data set from one that is none, and
// leaves nothing behind.
func TestCheckTellsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	for id, good := range map[string]bool{"310": true, "311": false} {
		c, err := w.client.Conversions(id)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Check(t.Context(), noon)
		e, ok := errors.AsType[*platform.Error](err)
		if good && err != nil || !good && (!ok || e.Kind != platform.Rejected || e.Remedy == "") {
			t.Errorf("data set %s: %v", id, err)
		}
	}
	if n := len(w.ledger.ByOrder()); n > 0 {
		t.Errorf("the check left %d orders", n)
	}
}
