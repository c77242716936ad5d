// Package pace decides when an adapter may call its platform: a client-side
// rate limit, and exponential backoff with jitter between tries. It looks at
// the kind of an error only; what a platform's codes mean is the adapter's
// business, and so is everything about requests and answers.
package pace

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"adsteward/internal/platform"
)

// Policy says how patiently a call is repeated. The zero value is usable.
type Policy struct {
	// Platform is named in the errors that are made here.
	Platform platform.Name
	// MaxTries counts the first try too; 0 means 5.
	MaxTries uint
	// Initial is the mean of the first pause, which then doubles up to Max;
	// each is drawn from 0.5 to 1.5 times its mean. 0 means 500 ms and 30 s.
	Initial, Max time.Duration
	// MaxWait bounds the sum of the pauses; 0 means 2 minutes.
	MaxWait time.Duration
	// Sleep pauses for d or until ctx is done and then returns its error. Nil
	// means the real clock.
	Sleep func(ctx context.Context, d time.Duration) error
	// Notify is told of every try that will be repeated. It may be nil.
	Notify func(err error, pause time.Duration)
}

// Do calls op until it succeeds, fails for good or patience ends, and returns
// op's last answer and error. Each try first waits for lim, which may be nil.
// Errors of kind Retryable and Quota are tried again, after RetryAfter where
// the platform named it; other kinds never, Unknown above all. Where the pause
// would end after ctx's deadline or exceed MaxWait, Do gives up at once. If ctx
// or lim ends before the first try, nothing was called and the error is
// Retryable.
func Do[T any](ctx context.Context, p Policy, lim *rate.Limiter, op func(context.Context) (T, error)) (T, error) {
	p = p.withDefaults()
	pauses := backoff.ExponentialBackOff{
		InitialInterval:     p.Initial,
		MaxInterval:         p.Max,
		Multiplier:          2,
		RandomizationFactor: 0.5,
	}
	var (
		result T
		last   error
		waited time.Duration
	)
	for try := uint(1); ; try++ {
		if err := admit(ctx, lim); err != nil {
			if last == nil {
				last = p.unsent(err)
			}
			return result, last
		}
		result, last = op(ctx)
		if last == nil || try == p.MaxTries || !mayRepeat(last) {
			return result, last
		}
		pause := retryAfter(last)
		if pause == 0 {
			pause = pauses.NextBackOff()
		}
		deadline, limited := ctx.Deadline()
		if waited+pause > p.MaxWait || limited && time.Until(deadline) < pause {
			return result, last
		}
		waited += pause
		if p.Notify != nil {
			p.Notify(last, pause)
		}
		if p.Sleep(ctx, pause) != nil {
			return result, last
		}
	}
}

func (p Policy) withDefaults() Policy {
	if p.MaxTries == 0 {
		p.MaxTries = 5
	}
	if p.Initial == 0 {
		p.Initial = 500 * time.Millisecond
	}
	if p.Max == 0 {
		p.Max = 30 * time.Second
	}
	if p.MaxWait == 0 {
		p.MaxWait = 2 * time.Minute
	}
	if p.Sleep == nil {
		p.Sleep = Sleep
	}
	return p
}

func (p Policy) unsent(cause error) error {
	return &platform.Error{
		Platform: p.Platform,
		Kind:     platform.Retryable,
		Code:     "NOT_SENT",
		Message:  "the request was not sent: " + cause.Error(),
		Remedy:   "nothing happened; try again, with more time if this repeats",
		Err:      cause,
	}
}

// admit waits for its turn.
func admit(ctx context.Context, lim *rate.Limiter) error {
	if err := ctx.Err(); err != nil || lim == nil {
		return err
	}
	err := lim.Wait(ctx)
	if err != nil && ctx.Err() == nil { // the limiter looks ahead to the deadline
		return errNoRoom
	}
	return err
}

var errNoRoom = errors.New("the rate limit leaves no room for it before the deadline")

func mayRepeat(err error) bool {
	k := platform.KindOf(err)
	return k == platform.Retryable || k == platform.Quota
}

// Sleep pauses for d, or until ctx is done and then returns its error.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*platform.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
