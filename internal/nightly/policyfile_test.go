package nightly

import (
	"errors"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store/storetest"
)

// What somebody writes into the policy file while the program runs holds at once; while
// the file cannot be read nothing is pushed or edited, and the stage says why.
func TestThePolicyFileAsItIsNow(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	today := civil.Of(testNow)
	d.history(60, today)
	policy, id, broken := d.Shops[0].Policy, "p1", error(nil)
	d.Shops[0].ReadPolicy = func() (guard.Policy, string, string, error) { return policy, id, "text of " + id, broken }
	d.mustApprove(t, d.ids...)

	broken = badInput("line 3: field stepp is no key of this file")
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 3 || !errors.Is(o[0].Err, broken) || d.state(t, d.ids[0]) != bidding.Approved {
		t.Errorf("pushed without a policy: %+v, %s", o, d.state(t, d.ids[0]))
	}
	if o := d.Edit(t.Context(), "ann", d.ids[2], 105*money.One, "less"); !errors.Is(o.Err, broken) {
		t.Errorf("edited without a policy: %+v", o)
	}
	if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull}); !errors.Is(err, broken) {
		t.Errorf("a stage without a policy: %v", err)
	}
	if row, err := d.stageRow(t.Context(), RunID("shop", today), Pull); err != nil || row.State != Failed || row.Fault != FaultInput || row.Error != broken.Error() {
		t.Errorf("%+v, %v", row, err)
	}

	broken, id = nil, "p2"
	policy.Protected = []string{"Campaign 1"}
	d.Apply(t.Context(), "ann", nil)
	for i, want := range []bidding.State{bidding.Applied, bidding.Approved, bidding.Applied} {
		if got := d.state(t, d.ids[i]); got != want {
			t.Errorf("change %d is %s, want %s", i, got, want)
		}
	}
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	run, err := d.Store.Run(t.Context(), RunID("shop", today))
	if err != nil || run.PolicyID != "p2" {
		t.Errorf("%+v, %v", run, err)
	}
	if text, err := d.Store.Policy(t.Context(), run.PolicyID); text != "text of p2" {
		t.Errorf("kept with the run: %q, %v", text, err)
	}
}

// A marketer who edits a value is not to be mistaken for the plan: the row says whose
// value it is, and what was planned.
func TestAnEditedValueSaysSo(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	today := civil.Of(testNow)
	d.history(60, today)
	d.Shops[0].Policy.Risk.Doubt = 0
	d.Shops[0].Policy.TotalDailyCap = 1e6
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	p := open(t, d.Store)[0]
	planned := draftOf(p)
	for _, value := range []money.Micros{101 * money.One, 103 * money.One} {
		if o := d.Edit(t.Context(), "ann", p.ProposalID, value, "careful"); o.Err != nil {
			t.Fatal(o.Err)
		}
		p, err := d.Store.Proposal(t.Context(), p.ProposalID)
		if err != nil {
			t.Fatal(err)
		}
		want := "Edited by ann: " + money.Format(value, "EUR") + " instead of " + money.Format(planned.Proposed, "EUR") + ", which the reasons below are for."
		if got := draftOf(p).Reasons; len(got) != len(planned.Reasons)+1 || got[0] != want {
			t.Errorf("it says %q, want %q first", got, want)
		}
	}
	if o := d.Edit(t.Context(), "ann", p.ProposalID, planned.Proposed, "after all"); o.Err != nil {
		t.Fatal(o.Err)
	}
	if p, err := d.Store.Proposal(t.Context(), p.ProposalID); err != nil || len(draftOf(p).Reasons) != len(planned.Reasons) {
		t.Errorf("back at the planned value: %q, %v", draftOf(p).Reasons, err)
	}
}
