package googleads

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/sandbox/faults"
)

// defaultRetryDelay is what a rate_limit fault without a delay asks for.
const defaultRetryDelay = 5 * time.Second

// call is one request under way: its id and the fault that befalls it.
type call struct {
	s      *Server
	ctx    context.Context
	id     string
	method string
	fault  faults.Rule // zero: none
}

func (s *Server) newCall(ctx context.Context) *call {
	method, _ := grpc.Method(ctx)
	var b [16]byte
	rand.Read(b[:]) // never fails
	c := &call{s: s, ctx: ctx, method: method, id: base64.RawURLEncoding.EncodeToString(b[:])}
	md := metadata.Pairs("request-id", c.id)
	// Both fail only where the answer has begun, which it has not.
	_ = grpc.SetHeader(ctx, md)
	_ = grpc.SetTrailer(ctx, md)
	return c
}

// answer runs one call: who asks, what fails, the work, the request id.
func answer[R any](s *Server, ctx context.Context, work func(*call) (R, error)) (R, error) {
	c := s.newCall(ctx)
	r, err := func() (R, error) {
		var none R
		if err := c.admit(); err != nil {
			return none, err
		}
		r, err := work(c)
		if err == nil {
			err = c.swallow()
		}
		return r, err
	}()
	return r, c.finish(err)
}

// admit checks who asks, then lets the faults befall that precede any effect.
func (c *call) admit() error {
	if err := c.authenticate(); err != nil {
		return err
	}
	c.fault, _ = c.s.opts.Faults.Next("google", c.method)
	switch c.fault.Kind {
	case faults.TimeoutBefore:
		c.fault.Silence(c.ctx)
		return status.Error(codes.DeadlineExceeded, "Deadline exceeded.")
	case faults.Unavailable:
		return status.Error(codes.Unavailable, "The service is currently unavailable.")
	case faults.ExpiredToken:
		return refuse(adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_EXPIRED, "OAuth token in the header has expired.")
	case faults.RateLimit:
		delay := c.fault.Delay()
		if delay <= 0 {
			delay = defaultRetryDelay
		}
		return quotaError(adserrors.QuotaErrorEnum_RESOURCE_TEMPORARILY_EXHAUSTED, "Requests per service per method", delay)
	}
	return nil
}

// delay holds back an answer, or a chunk of one, under a slow_stream fault.
func (c *call) delay() error {
	if c.fault.Kind == faults.SlowStream && c.fault.DelayMS > 0 {
		c.fault.Silence(c.ctx)
		return status.FromContextError(c.ctx.Err()).Err()
	}
	return nil
}

// swallow keeps back the answer to work that was done, under a timeout_after fault.
func (c *call) swallow() error {
	if c.fault.Kind == faults.TimeoutAfter {
		c.fault.Silence(c.ctx)
		return status.Error(codes.DeadlineExceeded, "Deadline exceeded.")
	}
	return nil
}

// finish turns a failure into a status that carries it, and logs the call.
func (c *call) finish(err error) error {
	if f, ok := errors.AsType[failure](err); ok {
		if b, merr := proto.Marshal(f.proto(c.id)); merr == nil {
			_ = grpc.SetTrailer(c.ctx, metadata.Pairs(failureTrailer, string(b)))
		}
		err = f.status(c.id).Err()
	}
	c.s.opts.Log.Debug("google ads call", "method", c.method, "request_id", c.id, "code", status.Code(err).String())
	return err
}

func (c *call) authenticate() error {
	md, _ := metadata.FromIncomingContext(c.ctx)
	for _, v := range md.Get("login-customer-id") {
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n <= 0 {
			return refuse(adserrors.HeaderErrorEnum_INVALID_LOGIN_CUSTOMER_ID, "The login customer ID %q is not a number of digits without hyphens.", v)
		}
	}
	auth := md.Get("authorization")
	if len(auth) == 0 {
		return refuse(adserrors.AuthenticationErrorEnum_AUTHENTICATION_ERROR, "The request has no authorization header.")
	}
	scheme, token, ok := strings.Cut(auth[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return refuse(adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_HEADER_INVALID, "The authorization header is not of the form Bearer TOKEN.")
	}
	if valid := c.s.opts.AccessTokens; valid != nil && !valid(token) {
		return refuse(adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_INVALID, "OAuth token in the header is not valid.")
	}
	return nil
}

// customer checks the account a request is for.
func (c *call) customer(id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	switch {
	case err != nil || n <= 0:
		return refuse(adserrors.RequestErrorEnum_INVALID_CUSTOMER_ID, "The customer ID %q is not valid; write its digits without hyphens.", id)
	case n != c.s.opts.CustomerID:
		return refuse(adserrors.AuthorizationErrorEnum_USER_PERMISSION_DENIED,
			"User doesn't have permission to access customer. Note: If you're accessing a client customer, the manager's customer id must be set in the 'login-customer-id' header.")
	}
	return nil
}

// charge counts operations as the API does: one for a query, however it is
// streamed or paged, one for each mutated resource, one for any other request.
func (c *call) charge(operations int) error {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rollQuota()
	limit := s.opts.DailyOperations
	if limit > 0 && s.used+int64(operations) > limit {
		return quotaError(adserrors.QuotaErrorEnum_RESOURCE_EXHAUSTED, "Number of operations for basic access", 24*time.Hour)
	}
	s.used += int64(operations)
	return nil
}

// rollQuota starts the count anew on a new day of the market; s.mu is held.
func (s *Server) rollQuota() {
	if today := s.opts.Market.Today(); today != s.quotaDay {
		s.quotaDay, s.used = today, 0
	}
}
