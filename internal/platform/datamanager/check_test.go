package datamanager_test

import (
	"errors"
	"testing"

	"adsteward/internal/platform"
)

// TestCheckTellsNothing: the check knows a conversion action from one that is
// none, and leaves nothing behind.
func TestCheckTellsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if err := conversionsOf(t, w).Check(t.Context(), today); err != nil {
		t.Error(err)
	}
	none, err := w.client.Conversions("999")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*platform.Error](none.Check(t.Context(), today)); !ok || e.Kind != platform.Rejected || e.Remedy == "" {
		t.Errorf("an action that is none: %v", e)
	}
	if n := len(w.ledger.ByOrder()); n > 0 {
		t.Errorf("the check left %d orders", n)
	}
}
