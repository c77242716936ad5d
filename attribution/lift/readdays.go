package lift

import "io"

// ReadDays reads rows of date and revenue of the whole shop, and claimed and cost
// of a campaign where there are: the days before a switchback. Errors are a
// *BadInput or r's.
func ReadDays(r io.Reader) ([]SwitchDay, error) {
	t, err := open(r, "date|day", "revenue|value|sales", "claimed?", "cost|spend?")
	if err != nil {
		return nil, err
	}
	var out []SwitchDay
	for {
		if err := t.next(); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		var d SwitchDay
		if d.Date, err = t.date("date"); err != nil {
			return nil, err
		}
		if err := t.figures(&d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, &BadInput{What: "holds no row"}
	}
	return out, nil
}

// figures reads what a row says of its day.
func (t *table) figures(d *SwitchDay) (err error) {
	if d.Revenue, err = t.number("revenue"); err != nil { // refunds can make it negative
		return err
	}
	if d.Claimed, err = t.amount("claimed"); err != nil {
		return err
	}
	d.Cost, err = t.amount("cost")
	return err
}
