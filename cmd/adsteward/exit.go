package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"adsteward/feeds"
	"adsteward/internal/config"
	"adsteward/internal/feedsource"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/internal/storefront"
	"adsteward/store"
)

// Exit codes, as README promises them.
const (
	codeDone        = 0
	codeFindings    = 1 // done, and what was checked has findings
	codeUsage       = 2 // usage or bad input
	codeUnreachable = 3 // a platform or the database could not be reached
	codeRefused     = 4 // by a guardrail, the policy or the kill switch
)

// usageError is bad input: one line that says what to do.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// findings says that the work was done and something was found. Its text is
// empty where the findings have been printed already.
type findings struct{ msg string }

func (e *findings) Error() string { return e.msg }

// unreachable wraps what could not be spoken to.
type unreachable struct{ error }

func (e *unreachable) Unwrap() error { return e.error }

// oneLine joins the parts of an error that came together; of many it names the
// first few.
func oneLine(err error) string {
	const most = 5
	parts := strings.Split(err.Error(), "\n")
	if len(parts) > most {
		parts = append(parts[:most], fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, "; ")
}

// exitCode maps an error to the code scripts rest on.
func exitCode(err error) int {
	if err == nil {
		return codeDone
	}
	var u *usageError
	var c *config.Error
	var b *storefront.BadInput
	var f *feeds.NotAFeed
	if errors.As(err, &u) || errors.As(err, &c) || errors.As(err, &b) || errors.As(err, &f) ||
		errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAmbiguous) || errors.Is(err, store.ErrWrongKey) {
		return codeUsage
	}
	if nightly.IsRefused(err) {
		return codeRefused
	}
	var x *findings
	if errors.As(err, &x) {
		return codeFindings
	}
	var p *platform.Error
	var n *unreachable
	var o *net.OpError // a connection that broke, whosever
	if errors.As(err, &p) && p.Kind != platform.Rejected || errors.As(err, &n) || errors.Is(err, feedsource.ErrUnreachable) ||
		errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrNotMigrated) || store.IsUnusable(err) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &o) {
		return codeUnreachable
	}
	return codeFindings
}
