package lift

import (
	"io"
	"strings"

	"adsteward/internal/civil"
)

// ReadHoldout reads rows of one person each: group (treatment or control; treated
// and held out mean the same), revenue and, where there are, before and claimed
// (see Person). With a holdout whose salt is not empty the group is told by the
// column id instead. Errors are a *BadInput or r's.
func ReadHoldout(r io.Reader, by Holdout) (HoldoutTest, error) {
	var out HoldoutTest
	columns := []string{"revenue|value|sales", "before|pre?", "claimed?", "id|customer_id?"}
	if by.Salt != "" {
		columns[3] = "id|customer_id"
	} else {
		columns = append(columns, "group|arm")
	}
	t, err := open(r, columns...)
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	for {
		if err := t.next(); err == io.EOF {
			break
		} else if err != nil {
			return out, err
		}
		p, err := t.person()
		if err != nil {
			return out, err
		}
		id := ""
		if t.has("id") {
			if id, err = t.text("id"); err != nil {
				return out, err
			}
			if seen[id] {
				return out, t.fault("id", "%s has a second row; sum them into one", id)
			}
			seen[id] = true
		}
		held := by.Salt != "" && by.Held(id)
		if by.Salt == "" {
			if held, err = t.held(); err != nil {
				return out, err
			}
		}
		if held {
			out.Held.Add(p)
		} else {
			out.Treated.Add(p)
		}
	}
	if out.Held.N+out.Treated.N == 0 {
		return out, &BadInput{What: "holds no row"}
	}
	return out, nil
}

func (t *table) person() (p Person, err error) {
	if p.Revenue, err = t.number("revenue"); err != nil { // refunds can make it negative
		return p, err
	}
	if p.Before, err = t.number("before"); err != nil {
		return p, err
	}
	p.Claimed, err = t.amount("claimed")
	return p, err
}

func (t *table) held() (bool, error) {
	s, err := t.text("group")
	if err != nil {
		return false, err
	}
	switch strings.ToLower(s) {
	case "control", "held", "held out", "holdout":
		return true, nil
	case "treatment", "treated", "test":
		return false, nil
	}
	return false, t.fault("group", "%q is no group; write treatment or control", s)
}

// ReadSwitchback reads rows of one day each: date, block, pair and on (1 or 0) as
// the schedule of the plan has them, revenue of the whole shop and, where there are,
// claimed and cost of the campaign. A day without revenue yet (an empty cell)
// belongs to the plan and is not counted.
func ReadSwitchback(r io.Reader, washout int) (SwitchbackTest, error) {
	var out SwitchbackTest
	t, err := open(r, "date|day", "block", "pair", "on", "revenue|value|sales", "claimed?", "cost|spend?")
	if err != nil {
		return out, err
	}
	out.Plan.Washout = washout
	at, pairs := map[string]int{}, map[string]int{}
	var last civil.Date
	for {
		if err := t.next(); err == io.EOF {
			break
		} else if err != nil {
			return out, err
		}
		day, err := t.date("date")
		if err != nil {
			return out, err
		}
		if len(out.Plan.Blocks) > 0 && day != last.AddDays(1) {
			return out, t.fault("date", "%v does not follow %v; the days of a plan come one after the other", day, last)
		}
		last = day
		if err := t.block(&out.Plan, day, at, pairs); err != nil {
			return out, err
		}
		if i := t.at["revenue"]; i < len(t.row) && strings.TrimSpace(t.row[i]) == "" {
			continue
		}
		d := SwitchDay{Date: day}
		if err := t.figures(&d); err != nil {
			return out, err
		}
		out.Days = append(out.Days, d)
		if len(out.Days) > maxSpan {
			return out, t.fault("date", "the plan is longer than ten years")
		}
	}
	if len(out.Plan.Blocks) == 0 {
		return out, &BadInput{What: "holds no row"}
	}
	return out, nil
}

// block adds the row's day to the plan.
func (t *table) block(plan *Switchback, day civil.Date, at, pairs map[string]int) error {
	name, err := t.text("block")
	if err != nil {
		return err
	}
	pair, err := t.text("pair")
	if err != nil {
		return err
	}
	state, err := t.text("on")
	if err != nil {
		return err
	}
	if state != "0" && state != "1" {
		return t.fault("on", "%q is neither 1 nor 0", state)
	}
	if _, ok := pairs[pair]; !ok {
		pairs[pair] = len(pairs)
	}
	n := len(plan.Blocks)
	i, ok := at[name]
	switch {
	case !ok:
		at[name] = n
		plan.Blocks = append(plan.Blocks, Block{From: day, Days: 1, Pair: pairs[pair], On: state == "1"})
		for _, b := range plan.Blocks[:n] {
			if b.Pair == pairs[pair] && b.On == (state == "1") {
				return t.fault("pair", "pair %s has two blocks in the same state, so that it was not drawn as a pair; one is on, the other off", pair)
			}
		}
		return nil
	case i != n-1:
		return t.fault("block", "block %s goes on after another one; the days of a block come one after the other", name)
	case plan.Blocks[i].On != (state == "1") || plan.Blocks[i].Pair != pairs[pair]:
		return t.fault("on", "block %s changes its state or pair; a block has one of each", name)
	}
	plan.Blocks[i].Days++
	return nil
}
