package pace_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

func failing(kind platform.Kind, after time.Duration) error {
	return &platform.Error{Platform: platform.Meta, Kind: kind, RetryAfter: after}
}

func TestDoRepeatsOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		errs  []error // of the tries in turn; nil succeeds
		tries int
		kind  platform.Kind // of the final error; "" where it succeeds
	}{
		"first try":           {[]error{nil}, 1, ""},
		"retryable":           {[]error{failing(platform.Retryable, 0), nil}, 2, ""},
		"quota":               {[]error{failing(platform.Quota, time.Second), nil}, 2, ""},
		"wrapped":             {[]error{errors.Join(failing(platform.Retryable, 0)), nil}, 2, ""},
		"unknown":             {[]error{failing(platform.Unknown, 0), nil}, 1, platform.Unknown},
		"not a platform's":    {[]error{errors.New("?"), nil}, 1, platform.Unknown},
		"rejected":            {[]error{failing(platform.Rejected, 0), nil}, 1, platform.Rejected},
		"authentication":      {[]error{failing(platform.Authentication, 0), nil}, 1, platform.Authentication},
		"turns unknown":       {[]error{failing(platform.Quota, 0), failing(platform.Unknown, 0), nil}, 2, platform.Unknown},
		"too many tries":      {[]error{failing(platform.Retryable, 0), failing(platform.Retryable, 0), failing(platform.Retryable, 0), nil}, 3, platform.Retryable},
		"longer than MaxWait": {[]error{failing(platform.Quota, 2*time.Hour), nil}, 1, platform.Quota},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			p := pace.Policy{MaxTries: 3, MaxWait: time.Hour, Sleep: func(context.Context, time.Duration) error { return nil }}
			got, err := pace.Do(t.Context(), p, nil, func(context.Context) (int, error) {
				tries++
				return tries, tc.errs[tries-1]
			})
			if got != tc.tries || tries != tc.tries {
				t.Errorf("%d tries, result %d; want %d", tries, got, tc.tries)
			}
			if tc.kind == "" && err != nil || tc.kind != "" && (err == nil || platform.KindOf(err) != tc.kind) {
				t.Errorf("error %v, want kind %q", err, tc.kind)
			}
		})
	}
}

func TestDoPausesWithinBoundsAndAsThePlatformAsks(t *testing.T) {
	t.Parallel()
	var pauses []time.Duration
	p := pace.Policy{Initial: time.Second, Max: 4 * time.Second, MaxTries: 7, Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	_, err := pace.Do(t.Context(), p, nil, func(context.Context) (int, error) {
		if len(pauses) == 5 {
			return 0, failing(platform.Quota, 17*time.Second)
		}
		return 0, failing(platform.Retryable, 0)
	})
	if err == nil || len(pauses) != 6 {
		t.Fatalf("%d pauses, error %v", len(pauses), err)
	}
	for i, mean := range []time.Duration{1, 2, 4, 4, 4} {
		mean *= time.Second
		if pauses[i] < mean/2 || pauses[i] > mean*3/2+1 {
			t.Errorf("pause %d is %v, want %v to %v", i, pauses[i], mean/2, mean*3/2)
		}
	}
	if pauses[5] != 17*time.Second {
		t.Errorf("the platform asked for 17s, the pause was %v", pauses[5])
	}
}

func TestDoGivesUpAtOnceWhereTheDeadlineComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := pace.Do(ctx, pace.Policy{MaxWait: time.Hour}, nil, func(context.Context) (int, error) {
			return 0, failing(platform.Quota, 61*time.Second)
		})
		if platform.KindOf(err) != platform.Quota || time.Since(start) != 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestDoStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		_, err := pace.Do(ctx, pace.Policy{MaxWait: time.Hour}, nil, func(context.Context) (int, error) {
			time.AfterFunc(time.Second, cancel)
			return 0, failing(platform.Quota, time.Minute)
		})
		if platform.KindOf(err) != platform.Quota || time.Since(start) != time.Second {
			t.Errorf("after %v: %v; want the platform's error at the cancellation", time.Since(start), err)
		}
	})
}

func TestDoKeepsTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := rate.NewLimiter(2, 1)
		start := time.Now()
		for range 5 {
			if _, err := pace.Do(t.Context(), pace.Policy{}, limiter, func(context.Context) (int, error) { return 0, nil }); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("five calls at two a second took %v, want 2s", took)
		}
	})
}

func TestDoSaysWhenNothingWasSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pace.Do(ctx, pace.Policy{Platform: platform.Google}, rate.NewLimiter(1, 1), func(context.Context) (int, error) {
		t.Error("called after the context was done")
		return 0, nil
	})
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Kind != platform.Retryable || e.Code != "NOT_SENT" || e.Platform != platform.Google || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDoSaysWhenTheRateLeavesNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		limiter := rate.NewLimiter(0.1, 1)
		limiter.Allow()
		_, err := pace.Do(ctx, pace.Policy{}, limiter, func(context.Context) (int, error) {
			t.Error("called")
			return 0, nil
		})
		if platform.KindOf(err) != platform.Retryable || !strings.Contains(err.Error(), "rate limit") {
			t.Errorf("got %v", err)
		}
	})
}
