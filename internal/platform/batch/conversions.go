package batch

import (
	"context"

	"adsteward/internal/platform"
)

// Conversions sends conversions in requests of at most limit, as
// platform.Conversions.Send promises: one result for each, in order. write makes
// a platform's form of one, or says why it must not be sent; send sends some in
// one request and returns its id. Where a request fails for all of them, no
// further one is made, and those not decided yet carry its error; where nothing
// at all was decided by the platform, the error is returned alone.
func Conversions[T any](ctx context.Context, cs []platform.Conversion, limit int,
	write func(platform.Conversion) (T, error), send func(context.Context, []T) (requestID string, err error)) ([]platform.ConversionResult, error) {
	results := make([]platform.ConversionResult, len(cs))
	var events []T
	var of []int // the conversions of the events
	for i, c := range cs {
		e, err := write(c)
		if err != nil {
			results[i].Err = err
			continue
		}
		events, of = append(events, e), append(of, i)
	}
	decided := make([]bool, len(events))
	answered := false
	for from := 0; from < len(events); from += limit {
		chunk := events[from:min(from+limit, len(events))]
		parts, err := Send(ctx, chunk, send)
		for _, p := range parts {
			for _, k := range p.At {
				answered, decided[from+k] = true, true
				r := &results[of[from+k]]
				r.RequestID = p.RequestID
				if reason := p.Refused[k]; reason != nil {
					r.Err = reason
				}
			}
		}
		if err == nil {
			continue
		}
		if !answered {
			return nil, err
		}
		for k, done := range decided {
			if !done {
				results[of[k]].Err = err
			}
		}
		break
	}
	return results, nil
}
