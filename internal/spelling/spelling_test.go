package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"budget", "max_budget", "min_budget", "basket", "v"}
	for name, want := range map[string]string{
		"bugdet": "budget", "mx_budget": "max_budget", "m_budget": "budget", "baskets": "basket", "w": "", "colour": "", "": "", strings.Repeat("budget", 20): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q is taken for %q, want %q", name, got, want)
		}
	}
}
