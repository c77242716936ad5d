// Package faults is the table of failures the emulated platforms can be told to
// produce: which kind, on which calls, how often. It decides when; how a failure
// looks is, but for silence and slowness over HTTP, the business of each emulator.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is a way to fail.
type Kind string

const (
	// TimeoutBefore: nothing happens, and no answer comes.
	TimeoutBefore Kind = "timeout_before"
	// TimeoutAfter: the call takes effect, and no answer comes.
	TimeoutAfter Kind = "timeout_after"
	// RateLimit: RESOURCE_EXHAUSTED, HTTP 429, or Meta's code 17 or 80004.
	RateLimit Kind = "rate_limit"
	// Unavailable: UNAVAILABLE or HTTP 503.
	Unavailable Kind = "unavailable"
	// PartialFailure: the first item of a batch is refused.
	PartialFailure Kind = "partial_failure"
	// StaleRead: a read answers the values before the newest change.
	StaleRead Kind = "stale_read"
	// ExpiredToken: UNAUTHENTICATED, HTTP 401, or Meta's code 190.
	ExpiredToken Kind = "expired_token"
	// SlowStream: each chunk of a stream is delayed by DelayMS.
	SlowStream Kind = "slow_stream"
)

var kinds = map[Kind]bool{TimeoutBefore: true, TimeoutAfter: true, RateLimit: true, Unavailable: true,
	PartialFailure: true, StaleRead: true, ExpiredToken: true, SlowStream: true}

var services = map[string]bool{"": true, "google": true, "meta": true, "datamanager": true, "merchant": true, "oauth": true}

// Rule makes matching calls fail.
type Rule struct {
	Kind Kind `json:"kind"`
	// Service is google, meta, datamanager, merchant or oauth; empty means any.
	Service string `json:"service,omitempty"`
	// Method is a part of the full gRPC method or of "POST /v26.0/123"; empty means any.
	Method string `json:"method,omitempty"`
	// After matching calls pass before the rule holds.
	After int `json:"after,omitempty"`
	// Times the rule holds: 0 is once, -1 for ever.
	Times int `json:"times,omitempty"`
	// DelayMS is the delay of a chunk, or the longest silence of a timeout
	// (default and at most 60 s).
	DelayMS int `json:"delay_ms,omitempty"`
}

// Check returns an error for a rule that can never hold.
func (r Rule) Check() error {
	switch {
	case !kinds[r.Kind]:
		return fmt.Errorf("the kind %q is not known", r.Kind)
	case !services[r.Service]:
		return fmt.Errorf("the service %q is none of google, meta, datamanager, merchant, oauth", r.Service)
	case r.After < 0 || r.Times < -1 || r.DelayMS < 0:
		return fmt.Errorf("after and delay_ms must be at least 0 and times at least -1")
	}
	return nil
}

// Delay is DelayMS as a duration.
func (r Rule) Delay() time.Duration { return time.Duration(r.DelayMS) * time.Millisecond }

const longestSilence = time.Minute

// Silence blocks until ctx is done or the rule's longest silence has passed.
func (r Rule) Silence(ctx context.Context) {
	d := r.Delay()
	if d <= 0 || d > longestSilence {
		d = longestSilence
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// HangUp answers a request nothing, as long as the rule says, and drops the connection.
func (r Rule) HangUp(req *http.Request) {
	r.Silence(req.Context())
	panic(http.ErrAbortHandler) // net/http's own way to close without an answer
}

// WriteSlowly writes an answer in four chunks with a pause before each, or at once.
func WriteSlowly(w http.ResponseWriter, data []byte, delay time.Duration) {
	if delay == 0 {
		w.Write(data)
		return
	}
	flusher := http.NewResponseController(w)
	size := len(data)/4 + 1
	for len(data) > 0 {
		n := min(size, len(data))
		time.Sleep(delay)
		if _, err := w.Write(data[:n]); err != nil {
			return
		}
		flusher.Flush()
		data = data[n:]
	}
}

// Table is a list of rules with their counts. A nil Table has none. It is safe
// for concurrent use.
type Table struct {
	mu    sync.Mutex
	rules []*counted
}

type counted struct {
	Rule
	seen, held int
}

// NewTable returns a table of the given rules.
func NewTable(rules ...Rule) *Table {
	t := &Table{}
	for _, r := range rules {
		t.Add(r)
	}
	return t
}

// Read reads a table of a JSON array of rules.
func Read(r io.Reader) (*Table, error) {
	rules, err := ReadRules(r)
	if err != nil {
		return nil, err
	}
	return NewTable(rules...), nil
}

// ReadRules reads a JSON array of rules and checks each.
func ReadRules(r io.Reader) ([]Rule, error) {
	var rules []Rule
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&rules); err != nil {
		return nil, fmt.Errorf("faults: not a JSON array of rules: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	for i, rule := range rules {
		if err := rule.Check(); err != nil {
			return nil, fmt.Errorf("faults: rule %d: %w", i+1, err)
		}
	}
	return rules, nil
}

// Next counts one call of a service's method and returns the first rule that
// holds for it, if any.
func (t *Table) Next(service, method string) (Rule, bool) {
	if t == nil {
		return Rule{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.rules {
		c := t.rules[i]
		if c.Service != "" && c.Service != service || !strings.Contains(method, c.Method) {
			continue
		}
		if c.Times >= 0 && c.held >= max(c.Times, 1) {
			continue
		}
		if c.seen++; c.seen <= c.After {
			continue
		}
		c.held++
		return c.Rule, true
	}
	return Rule{}, false
}

// Add appends a rule and returns what removes it again.
func (t *Table) Add(r Rule) (remove func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &counted{Rule: r}
	t.rules = append(t.rules, c)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rules = slices.DeleteFunc(t.rules, func(other *counted) bool { return other == c })
	}
}

// Clear removes all rules.
func (t *Table) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = nil
}
