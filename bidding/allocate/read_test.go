package allocate_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding/allocate"
)

const whole = `{"total": 100, "spend_all": false, "items": [
  {"id": "a", "min": 1, "max": 90, "worth": 0.5, "curve": {"type": "hill", "coef": 200, "alpha": 2, "gamma": 30, "shift": 1}},
  {"id": "b", "min": 0, "max": 80, "worth": 1, "curve": {"type": "power", "coef": 9, "elasticity": 0.5}},
  {"id": "c", "worth": 1, "curve": {"type": "binormal", "cap_spend": 40, "cap_value": 90, "sigma": 0.5}},
  {"id": "d", "max": null, "worth": 1, "curve": {"type": "points", "spend": [0, 5, 9], "value": [0, 10, 12]}}
 ],
 "groups": [{"ids": ["a", "b"], "min": 5, "max": 70}, {"name": "rest", "ids": ["c"]}]}`

func TestReadsAllThereIs(t *testing.T) {
	t.Parallel()
	p, err := allocate.Read([]byte("\ufeff" + whole))
	if err != nil {
		t.Fatal(err)
	}
	if *p.Total != 100 || p.SpendAll || len(p.Items) != 4 || len(p.Groups) != 2 {
		t.Fatalf("read %+v", p)
	}
	if got := p.Items[0]; got.Curve != (allocate.Hill{Coef: 200, Alpha: 2, Gamma: 30, Shift: 1}) || got.Min != 1 || got.Max != 90 || got.Worth != 0.5 {
		t.Errorf("read %+v", got)
	}
	if got := p.Items[3]; got.Min != 0 || !math.IsInf(got.Max, 1) {
		t.Errorf("bounds that are missing are read as %v and %v", got.Min, got.Max)
	}
	if got := p.Groups[0]; got.Name != "groups[0] (a, b)" || got.Min != 5 || got.Max != 70 {
		t.Errorf("read %+v", got)
	}
	sol, err := allocate.Solve(p)
	if err != nil || sol.Status != allocate.Optimal {
		t.Errorf("%+v, %v", sol, err)
	}
}

func TestBadTextIsNamedAndPlaced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to     string
		line, column int
		says         string
	}{
		{whole, ``, 1, 1, "ends before"},
		{`"ids": ["c"]}]}`, `"ids": ["c"]}`, 7, 85, "ends before"},
		{whole, `[1]`, 1, 0, "JSON object"},
		{whole, `null`, 1, 1, "there are no items"},
		{whole, `{"total": 5}`, 1, 1, "there are no items"},
		{`["c"]}]}`, `["c"]}]} {}`, 7, 88, "follows"},
		{`"worth": 0.5`, `"worth": NaN`, 2, 45, "NaN"},
		{`"worth": 0.5`, `"worth": -Infinity`, 2, 0, "Infinity"},
		{`"worth": 0.5`, `"worth": -0.5`, 2, 36, "items[0].worth"},
		{`"worth": 0.5, `, ``, 2, 3, "no worth"},
		{`"worth": 0.5`, `"worth": "much"`, 2, 0, "string"},
		{`"worth": 0.5`, `"wörth": 0.5`, 2, 36, "items[0].wörth"},
		{`"gamma"`, `"gama"`, 2, 0, "items[0].curve.gama"},
		{`"min": 1`, `"min": -1`, 2, 15, "items[0].min"},
		{`"min": 1`, `"min": 1e999`, 2, 0, "1e999"},
		{`"max": 80`, `"max": -1`, 3, 25, `item "b": max -1 is below min 0`},
		{`"id": "b"`, `"id": "a"`, 3, 4, "items[0] already"},
		{`"id": "b", `, ``, 3, 3, "no id"},
		{`"id": "b"`, `"id": 7`, 3, 0, "number"},
		{`"total": 100`, `"total": -100`, 1, 2, "total"},
		{`"total": 100, "spend_all": false`, `"spend_all": true`, 1, 2, "there is no total"},
		{`"total": 100`, `"total": null`, 4, 3, `item "c" has no max`},
		{`"power"`, `"powr"`, 3, 48, "hill, power, binormal or points"},
		{`"type": "power", `, ``, 3, 48, "hill, power, binormal or points"},
		{`, "elasticity": 0.5`, ``, 3, 48, "needs elasticity"},
		{`"elasticity": 0.5`, `"elasticity": 0`, 3, 0, "above 0"},
		{`"elasticity": 0.5`, `"elasticity": 0.5, "sigma": 1`, 3, 0, "no sigma"},
		{`"gamma": 30`, `"gamma": 0`, 2, 0, "items[0].curve.gamma"},
		{`"cap_spend": 40`, `"cap_spend": 0`, 4, 0, "cap_spend"},
		{`[0, 5, 9]`, `[0, 9, 9]`, 5, 84, "curve.spend[2]"},
		{`[0, 5, 9]`, `[0, 5]`, 5, 0, "as many"},
		{`[0, 5, 9]`, `[0, null, 9]`, 5, 0, "null"},
		{`"curve": {"type": "points", "spend": [0, 5, 9], "value": [0, 10, 12]}`, `"curve": null`, 5, 3, "no curve"},
		{`"ids": ["c"]`, `"ids": ["x"]`, 7, 80, `no item "x"`},
		{`"ids": ["c"]`, `"ids": ["c", "a"]`, 7, 85, "groups[0] already"},
		{`"min": 5, "max": 70`, `"min": 5, "max": 4`, 7, 43, "max 4 is below min 5"},
		{`"total": 100`, `"total": 50, "total": 20`, 1, 15, "total: this field is in line 1, column 2 already"},
		{`"min": 1`, `"min": 10, "Min": 30`, 2, 26, "items[0].Min: this field is in line 2, column 15 already, capitals aside"},
		{`["c"]}]}`, `["c"]}], "items": []}`, 7, 88, "items: this field is in line 1, column 36 already"},
		{`"shift": 1`, `"shift": 1, "gamma": 3`, 2, 0, "items[0].curve.gamma: this field is in line 2"},
		{`"max": 70`, `"max": 70, "\u006dax": 7`, 7, 54, "groups[0].max: this field is in line 7, column 43 already"},
		{whole, "\xff\xfe{\x00}\x00", 1, 1, "save the file as UTF-8"},
		{whole, "\xfe\xff\x00{\x00}", 1, 1, "save the file as UTF-8"},
		{whole, "{\x00}\x00", 1, 1, "save the file as UTF-8"},
	} {
		text := strings.Replace(whole, c.from, c.to, 1)
		if text == whole {
			t.Fatalf("%s is not there", c.from)
		}
		_, err := allocate.Read([]byte(text))
		var bad *allocate.BadInput
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a *BadInput", c.to, err)
			continue
		}
		if bad.Line != c.line || c.column > 0 && bad.Column != c.column || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, want line %d, column %d and %q", c.to, err, c.line, c.column, c.says)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q is not one line", c.to, err)
		}
	}
}

// What cannot be met names the total, the group or the item, and min or max.
func TestInfeasibleTextNamesTheConstraint(t *testing.T) {
	t.Parallel()
	for to, wants := range map[string][]string{
		`"min": 171, "max": 180`: {`group "groups[0] (a, b)"`, "min"},
		`"min": 0, "max": 0.5`:   {`group "groups[0] (a, b)"`, "max"},
		`"min": 101, "max": 120`: {"total", "max"},
	} {
		p, err := allocate.Read([]byte(strings.Replace(whole, `"min": 5, "max": 70`, to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = allocate.Solve(p)
		var not *allocate.Infeasible
		if !errors.As(err, &not) || not.Bound != wants[1] || !strings.Contains(not.Constraint, wants[0]) {
			t.Errorf("%s: %v, want %v", to, err, wants)
		}
	}
}

// FuzzRead: whatever the text, Read and Solve end, and what they accept is
// solved within its bounds.
func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(strings.Replace(whole, `"spend_all": false`, `"spend_all": true`, 1))
	f.Add(`{"items": [], "total": null}`)
	f.Add(`{"total":1,"spend_all":true,"items":[{"id":"a","worth":1,"curve":{"type":"points","spend":[0,1],"value":[3,-2]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := allocate.Read([]byte(text))
		if err != nil {
			var bad *allocate.BadInput
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Column < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		sol, err := allocate.Solve(p)
		if err != nil {
			return
		}
		total, groups := amounts(p, sol.Spend)
		near := func(amount float64) float64 { return 1e-9 * (1e-300 + math.Abs(amount)) }
		for i, it := range p.Items {
			if x := sol.Spend[i]; !(x >= it.Min-near(it.Min) && x <= it.Max+near(it.Max)) {
				t.Fatalf("item %d spends %v of %v to %v in %s", i, x, it.Min, it.Max, text)
			}
		}
		for k, g := range p.Groups {
			if !(groups[k] >= g.Min-near(g.Min) && groups[k] <= g.Max+near(g.Max)) {
				t.Fatalf("group %d spends %v of %v to %v in %s", k, groups[k], g.Min, g.Max, text)
			}
		}
		if p.Total != nil && (total > *p.Total+near(*p.Total) || p.SpendAll && total < *p.Total-near(*p.Total)) {
			t.Fatalf("%v spent of %v in %s", total, *p.Total, text)
		}
	})
}

const withDraws = `{"risk": {"objective": "cvar", "level": 0.25}, "items": [
  {"id": "a", "max": 90, "worth": 0.5, "curve": {"type": "power", "coef": 9, "elasticity": 0.5, "draws": [{"coef": 8}, {"elasticity": 0.6, "worth": 0.4}, {}]}},
  {"id": "b", "max": 80, "worth": 1, "curve": {"type": "hill", "coef": 90, "alpha": 0.9, "gamma": 30}}]}`

func TestReadsDraws(t *testing.T) {
	t.Parallel()
	p, err := allocate.Read([]byte(withDraws))
	if err != nil {
		t.Fatal(err)
	}
	want := []allocate.Draw{{Worth: 0.5, Curve: allocate.Power{Coef: 8, Elasticity: 0.5}}, {Worth: 0.4, Curve: allocate.Power{Coef: 9, Elasticity: 0.6}},
		{Worth: 0.5, Curve: allocate.Power{Coef: 9, Elasticity: 0.5}}}
	if !slices.Equal(p.Items[0].Draws, want) || p.Items[1].Draws != nil || p.Risk != (allocate.Risk{Objective: allocate.CVaR, Level: 0.25}) {
		t.Errorf("read %+v, %+v", p.Items, p.Risk)
	}
	for from, c := range map[string][2]string{
		`"cvar"`:             {`"median"`, "line 1, column 2: risk: there is no objective"},
		`0.25`:               {`0`, "risk.level: 0 is no share"},
		`"level"`:            {`"leval"`, "risk.leval: this field is not known"},
		`{"coef": 8}`:        {`{"coef": -8}`, "items[0].curve.draws[0].coef: must be"},
		`"worth": 0.4`:       {`"worth": -1`, "line 2, column 140: items[0].curve.draws[1].worth: worth -1 is below 0"},
		`{"coef": 8},`:       {`{"gamma": 8},`, "draws[0].gamma: a power curve has no gamma"},
		`{}]`:                {`{"min": 1}]`, "draws[2].min: this field is not known"},
		`"gamma": 30}`:       {`"gamma": 30, "draws": [{}]}`, `items[1].curve.draws: item "b" has 1 draws and item "a" has 3`},
		`"coef": 9, "elasti`: {`"coef": 9, "draws": 1, "elasti`, "cannot stand here"},
	} {
		if _, err := allocate.Read([]byte(strings.Replace(withDraws, from, c[0], 1))); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: got %v, want %q", c[0], err, c[1])
		}
	}
}
