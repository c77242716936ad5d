package lift

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

func TestReadPanel(t *testing.T) {
	t.Parallel()
	p, absent, err := ReadPanel(strings.NewReader("\ufeffDate,geo,extra,Revenue,cost\n2026-01-02,10,x,5.5,1\n2026-01-01,9,,-3,0\n2026-01-03,9,,7,2\n2026-01-02,b,,1,0\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Geos, []string{"9", "10", "b"}) || absent != 5 || p.Days() != 3 || p.First != civil.MustParse("2026-01-01") ||
		!slices.Equal(p.Response[0], []float64{-3, 0, 7}) || !slices.Equal(p.Response[1], []float64{0, 5.5, 0}) || !slices.Equal(p.Cost[0], []float64{0, 0, 2}) {
		t.Errorf("%+v, %d absent", p, absent)
	}
	arms, strata, err := ReadAssignment(strings.NewReader("\ufeff\"pair\",\"group\",\"geo\"\np,treatment,b\nq,1,9\n"), p)
	if err != nil || !slices.Equal(arms, []Arm{Control, LeftOut, Treated}) || strata[2] == strata[0] {
		t.Error(arms, strata, err)
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	panel := func(s string) error { _, _, err := ReadPanel(strings.NewReader(s)); return err }
	p, _, err := ReadPanel(strings.NewReader("date,geo,sales\n2026-01-01,a,1\n2026-01-01,b,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	assign := func(s string) error { _, _, err := ReadAssignment(strings.NewReader(s), p); return err }
	people := func(s string) error { _, err := ReadHoldout(strings.NewReader(s), Holdout{}); return err }
	salted := func(s string) error {
		_, err := ReadHoldout(strings.NewReader(s), Holdout{Salt: "s", BasisPoints: 500})
		return err
	}
	days := func(s string) error { _, err := ReadSwitchback(strings.NewReader(s), 0); return err }
	const head, switches = "date,geo,sales,cost\n", "date,block,pair,on,revenue\n2026-01-01,1,1,1,5\n"
	for _, c := range []struct {
		read       func(string) error
		text, want string
	}{
		{panel, "", "is empty"},
		{panel, head, "holds no row"},
		{panel, "date,sales\n", "line 1: column geo: the header does not have it"},
		{panel, "date,geo,sales,sales\n", "line 1: column sales: the header has it twice"},
		{panel, head + "2026-1-1,a,1,1\n", `line 2: column date: "2026-1-1" is not a date`},
		{panel, head + "2026-01-01,,1,1\n", "line 2: column geo: is empty"},
		{panel, head + "2026-01-01,a,NaN,1\n", `line 2: column sales: "NaN" is not a number`},
		{panel, head + "2026-01-01,a,1e300,1\n", "line 2: column sales:"},
		{panel, head + "2026-01-01,a,1,-1\n", "line 2: column cost: -1 is negative"},
		{panel, head + "2026-01-01,a,1\n", "line 2: column cost: the row is too short"},
		{panel, head + "2026-01-01,a,1,1\n2026-01-01,a,1,1\n", "line 3: column geo: a has a second row for 2026-01-01"},
		{panel, head + "2026-01-01,a,1,1\n2206-01-01,a,1,1\n", "line 3: column date: 2206-01-01 makes the data span"},
		{panel, head + "2026-01-01,\"a,1,1\n2026-01-02,a,1,1\n", "line 2: extraneous or missing \" in quoted-field; quote the cell"},
		{panel, head + "2026-01-01,a,1,50,1\n", "line 2: has 5 cells and the header 4; quote values that hold a comma"},
		{assign, "geo,group\nz,1\n", `line 2: column geo: "z" is not in the data`},
		{assign, "geo,group\na,1\na,2\n", `line 3: column geo: "a" has a second row`},
		{assign, "geo,group\na,3\n", `line 2: column group: "3" is no group`},
		{assign, "geo,group,pair\na,1,\n", "line 2: column pair: is empty"},
		{people, "revenue\n", "column group"},
		{people, "group,revenue\n", "holds no row"},
		{people, "group,revenue\nx,1\n", `line 2: column group: "x" is no group`},
		{people, "id,group,revenue\n1,control,1\n1,control,1\n", "line 3: column id: 1 has a second row"},
		{people, "group,revenue,claimed\ncontrol,1,-1\n", "line 2: column claimed: -1 is negative"},
		{salted, "group,revenue\n", "column id"},
		{days, switches + "2026-01-03,2,1,0,5\n", "line 3: column date: 2026-01-03 does not follow 2026-01-01"},
		{days, switches + "2026-01-02,2,1,yes,5\n", `line 3: column on: "yes" is neither 1 nor 0`},
		{days, switches + "2026-01-02,1,1,0,5\n", "line 3: column on: block 1 changes its state"},
		{days, switches + "2026-01-02,2,1,1,5\n", "line 3: column pair: pair 1 has two blocks in the same state"},
		{days, switches + "2026-01-02,2,1,0,5\n2026-01-03,1,1,1,5\n", "line 4: column block: block 1 goes on after"},
		{days, "date,block,pair,on,revenue\n", "holds no row"},
	} {
		err := c.read(c.text)
		var bad *BadInput
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// The schedule comes back as the plan it was written from; days to come are in it
// and not counted.
func TestReadSwitchbackIsThePlan(t *testing.T) {
	t.Parallel()
	plan, err := PlanSwitchback(civil.MustParse("2026-03-03"), 28, 2, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	text := "date,block,pair,on,revenue,cost\n"
	for i, b := range plan.Blocks {
		for d := range b.Days {
			revenue := "12.5"
			if i >= 10 {
				revenue = ""
			}
			text += fmt.Sprintf("%v,%d,%d,%d,%s,3\n", b.From.AddDays(d), i, b.Pair, int(indicator(b.On)), revenue)
		}
	}
	got, err := ReadSwitchback(strings.NewReader(text), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Plan.Blocks, plan.Blocks) || got.Plan.Washout != 1 || len(got.Days) != 20 || got.Days[19].Cost != 3 {
		t.Errorf("%+v", got)
	}
}

func TestReadHoldout(t *testing.T) {
	t.Parallel()
	got, err := ReadHoldout(strings.NewReader("id,group,revenue,before,claimed\n1,control,2,1,0\n2,Treatment,4,3,1\n3,held out,-1,0,0\n"), Holdout{})
	if err != nil || got.Held.N != 2 || got.Treated.N != 1 || got.Treated.Mean != [3]float64{4, 3, 1} || got.Held.Mean != [3]float64{0.5, 0.5, 0} {
		t.Errorf("%+v, %v", got, err)
	}
	by := Holdout{Salt: "s", BasisPoints: 5000}
	got, err = ReadHoldout(strings.NewReader("id,revenue\n0,1\n4,2\n6,3\n"), by) // as TestHeldOut draws them
	if err != nil || got.Held.N != 2 || got.Treated.Mean[revenue] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
