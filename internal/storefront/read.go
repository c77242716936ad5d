package storefront

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adsteward/store"
)

// batchSize is how many rows are held before they are handed to the sink.
const batchSize = 5000

// maxProblems is how many problems a Report keeps.
const maxProblems = 100

// reader turns records of one kind into rows. row returns a *Problem for a
// record that is bad, and any other error for one the sink did not take.
type reader interface {
	row(ctx context.Context, rec record) error
	// flush hands the rest over.
	flush(ctx context.Context) error
	changed() int
}

func (p *Problem) Error() string { return p.What }

// Read streams the rows of r into sink in batches. A bad row ends it with a
// *BadInput, unless o.SkipBad; the caller then rolls back what sink was given.
// A file without a readable header is a *BadInput in any case. Memory grows
// with the number of orders by a few dozen bytes each, to find those that come
// twice, and not with anything else.
func Read(ctx context.Context, r io.Reader, o Options, sink Sink) (Report, error) {
	rep := Report{Source: o.Source, Kind: o.Kind}
	if o.Location == nil {
		o.Location = time.UTC
	}
	lay, err := layoutFor(o)
	if err != nil {
		return rep, err
	}
	src, err := openTable(r, o, lay)
	if err != nil {
		return rep, refuse(o, err)
	}
	rd := newReader(o, lay, src.currency(), sink)
	for {
		rec, err := src.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			if lay.total != nil && lay.total(rec) {
				continue
			}
			err = rd.row(ctx, rec)
		}
		rep.Rows++
		var bad *Problem
		if !errors.As(err, &bad) {
			if err != nil {
				return rep, err
			}
			continue
		}
		if bad.Line == 0 {
			bad.Line = rec.line
		}
		if !o.SkipBad {
			return rep, refuse(o, bad)
		}
		rep.Bad++
		if len(rep.Problems) < maxProblems {
			rep.Problems = append(rep.Problems, *bad)
		}
	}
	err = rd.flush(ctx)
	rep.Changed = rd.changed()
	return rep, err
}

// refuse makes the refusal of the whole file of a problem; other errors pass.
func refuse(o Options, err error) error {
	var p *Problem
	if errors.As(err, &p) {
		return &BadInput{Source: o.Source, Problem: *p}
	}
	return err
}

func newReader(o Options, lay layout, currency string, sink Sink) reader {
	if currency == "" {
		currency = o.Currency
	}
	p := parser{o: o, currency: currency}
	switch o.Kind {
	case Touches:
		return &touchReader{parser: p, out: batch[store.Touch]{upsert: sink.UpsertTouches}}
	case Carts:
		return &cartReader{parser: p, out: batch[store.Cart]{upsert: sink.UpsertCarts}}
	case Costs:
		return &costReader{parser: p, out: batch[store.Cost]{upsert: sink.UpsertCosts}}
	case Consents:
		return &consentReader{parser: p, out: batch[store.Consent]{upsert: sink.UpsertConsents}}
	case Performance:
		return newPerformanceReader(p, sink)
	}
	return newOrderReader(p, lay.unpaid, sink)
}

// batch collects rows for the sink.
type batch[T any] struct {
	upsert func(context.Context, []T) (int, error)
	rows   []T
	total  int // changed rows
}

func (b *batch[T]) add(ctx context.Context, row T) error {
	b.rows = append(b.rows, row)
	if len(b.rows) < batchSize {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch[T]) flush(ctx context.Context) error {
	if len(b.rows) == 0 {
		return nil
	}
	n, err := b.upsert(ctx, b.rows)
	b.total += n
	b.rows = b.rows[:0]
	return err
}

// layoutFor finds the layout of the options' kind and format and checks Map.
func layoutFor(o Options) (layout, error) {
	bad := func(format string, args ...any) (layout, error) {
		return layout{}, &BadInput{Source: o.Source, Problem: Problem{What: fmt.Sprintf(format, args...)}}
	}
	columns, ok := columnsOf(o.Kind)
	if !ok {
		return bad("%q is nothing that can be imported; choose one of %s", o.Kind, list(Kinds()))
	}
	lay, ok := layoutOf(o.Kind, o.Format)
	if !ok {
		return bad("there is no format %q for %s; choose one of %s", o.Format, o.Kind, list(formatsOf(o.Kind)))
	}
	for name := range o.Map {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.name == name }) {
			return bad("--map names the column %q, but %s have %s", name, o.Kind, list(names(columns)))
		}
	}
	return lay, nil
}

func list[S ~string](items []S) string {
	parts := make([]string, len(items))
	for i, s := range items {
		parts[i] = string(s)
	}
	return strings.Join(parts, ", ")
}
