package guard

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestTemplateSaysTheDefaults keeps the commented file and the code in step.
func TestTemplateSaysTheDefaults(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(Template))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), p, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("policy.yaml differs from Default:\n%s", d)
	}
}
