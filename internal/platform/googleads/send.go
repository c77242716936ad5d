package googleads

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/shenzhencenter/google-ads-pb/services"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

// core is the one place that sends: it adds credentials, limits the rate,
// counts operations, sets deadlines and repeats what is safe to repeat.
type core struct {
	conn        *grpc.ClientConn
	credentials oauth2.TokenSource
	fixed       map[string]string // metadata of every request
	timeout     time.Duration
	retry       pace.Policy
	limiter     *rate.Limiter
	limit       int64
	operations  atomic.Int64
	log         *slog.Logger
}

// renewable is what *googleauth.Source has beyond an oauth2.TokenSource.
type renewable interface {
	TokenContext(context.Context) (*oauth2.Token, error)
	Expire(accessToken string)
}

// attempt runs op under the retry policy. op is called with credentials in its
// context, and once more with fresh ones if the platform refuses the first:
// it then did nothing.
func attempt[T any](ctx context.Context, c *core, op func(context.Context) (T, error)) (T, error) {
	policy := c.retry
	policy.Notify = func(err error, pause time.Duration) {
		c.log.Warn("a request will be repeated", "error", err, "pause", pause)
		if c.retry.Notify != nil {
			c.retry.Notify(err, pause)
		}
	}
	return pace.Do(ctx, policy, c.limiter, func(ctx context.Context) (T, error) {
		var none T
		authorized, token, err := c.authorize(ctx)
		if err != nil {
			return none, err
		}
		result, err := op(authorized)
		source, ok := c.credentials.(renewable)
		if !ok || !isUnauthenticated(err) {
			return result, err
		}
		c.log.Info("the access token was refused and is renewed")
		source.Expire(token)
		if authorized, _, err = c.authorize(ctx); err != nil {
			return none, err
		}
		return op(authorized)
	})
}

func isUnauthenticated(err error) bool {
	e, ok := errors.AsType[*platform.Error](err)
	return ok && status.Code(e.Err) == codes.Unauthenticated
}

// authorize adds the metadata of a request. It is sent in the clear to a
// loopback address only, since dial uses TLS for all others.
func (c *core) authorize(ctx context.Context) (context.Context, string, error) {
	var (
		token *oauth2.Token
		err   error
	)
	if source, ok := c.credentials.(renewable); ok {
		token, err = source.TokenContext(ctx)
	} else {
		token, err = c.credentials.Token()
	}
	if err != nil {
		if _, typed := errors.AsType[*platform.Error](err); !typed {
			err = finish(&platform.Error{Kind: platform.Authentication, Code: "UNAUTHENTICATED",
				Message: "no access token: " + err.Error(), Err: err}, "UNAUTHENTICATED")
		}
		return nil, "", err
	}
	md := metadata.New(c.fixed)
	md.Set("authorization", "Bearer "+token.AccessToken)
	return metadata.NewOutgoingContext(ctx, md), token.AccessToken, nil
}

// rows asks a query and returns all of its rows.
func (c *core) rows(ctx context.Context, customer, query string) ([]*services.GoogleAdsRow, error) {
	return attempt(ctx, c, func(ctx context.Context) ([]*services.GoogleAdsRow, error) {
		var rows []*services.GoogleAdsRow
		err := c.stream(ctx, customer, query, func(part []*services.GoogleAdsRow) error {
			rows = append(rows, part...)
			return nil
		})
		return rows, err
	})
}

// stream asks a query once and hands the parts of the answer to each, whose
// error ends it. A silence longer than the timeout ends it too.
func (c *core) stream(ctx context.Context, customer, query string, each func([]*services.GoogleAdsRow) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.timeout, func() { cancel(context.DeadlineExceeded) })
	defer silence.Stop()

	c.operations.Add(1)
	var header, trailer metadata.MD
	stream, err := services.NewGoogleAdsServiceClient(c.conn).SearchStream(ctx,
		&services.SearchGoogleAdsStreamRequest{CustomerId: customer, Query: query}, grpc.Header(&header), grpc.Trailer(&trailer))
	var id string
	for err == nil {
		var part *services.SearchGoogleAdsStreamResponse
		if part, err = stream.Recv(); err != nil {
			break
		}
		id = part.GetRequestId()
		if !silence.Stop() {
			err = context.DeadlineExceeded
			break
		}
		if err := each(part.GetResults()); err != nil {
			return err
		}
		silence.Reset(c.timeout)
	}
	id = cmp.Or(requestID(header, trailer), id)
	c.log.Debug("searched", "request_id", id, "query", query)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if context.Cause(ctx) == context.DeadlineExceeded {
		err = status.FromContextError(context.DeadlineExceeded).Err()
	}
	return failure(err, id, false)
}

// mutateResponse is what the answers of all mutates have in common.
type mutateResponse interface {
	GetPartialFailureError() *rpcstatus.Status
}

// send sends one mutate request of n changes, once, and returns the error of
// each change, or one error for all of them.
func (c *core) send(ctx context.Context, request proto.Message, n int, effect bool) (string, []*platform.Error, error) {
	if err := c.connected(ctx); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	c.operations.Add(int64(n))
	var header, trailer metadata.MD
	response, err := c.mutate(ctx, request, grpc.Header(&header), grpc.Trailer(&trailer))
	id := requestID(header, trailer)
	c.log.Debug("mutated", "request_id", id, "type", request.ProtoReflect().Descriptor().Name(), "changes", n, "effect", effect)
	if err != nil {
		e := failure(err, id, effect)
		return e.RequestID, nil, e
	}
	return id, partial(response.GetPartialFailureError(), n, id, effect), nil
}

func (c *core) mutate(ctx context.Context, request proto.Message, options ...grpc.CallOption) (mutateResponse, error) {
	switch r := request.(type) {
	case *services.MutateCampaignBudgetsRequest:
		return services.NewCampaignBudgetServiceClient(c.conn).MutateCampaignBudgets(ctx, r, options...)
	case *services.MutateCampaignsRequest:
		return services.NewCampaignServiceClient(c.conn).MutateCampaigns(ctx, r, options...)
	case *services.MutateBiddingStrategiesRequest:
		return services.NewBiddingStrategyServiceClient(c.conn).MutateBiddingStrategies(ctx, r, options...)
	case *services.MutateAdGroupsRequest:
		return services.NewAdGroupServiceClient(c.conn).MutateAdGroups(ctx, r, options...)
	case *services.MutateGoogleAdsRequest:
		return services.NewGoogleAdsServiceClient(c.conn).Mutate(ctx, r, options...)
	case *services.MutateGoalsRequest:
		return services.NewGoalServiceClient(c.conn).MutateGoals(ctx, r, options...)
	}
	return nil, status.Errorf(codes.Unimplemented, "no service takes a %T", request)
}

// connected waits until there is a connection, so that a change that could not
// leave this machine is known not to have been made.
func (c *core) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for {
		state := c.conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			c.conn.ResetConnectBackoff() // the retry policy paces the tries
			return notSent("no connection to Google Ads")
		}
		c.conn.Connect()
		if !c.conn.WaitForStateChange(ctx, state) {
			return notSent("no connection to Google Ads in time")
		}
	}
}

func notSent(message string) error {
	return finish(&platform.Error{Kind: platform.Retryable, Code: "NOT_SENT", Message: message + "; nothing was sent"}, "UNAVAILABLE")
}

// requestID is in the trailer, or in the header where an answer has no more.
func requestID(header, trailer metadata.MD) string {
	for _, md := range []metadata.MD{trailer, header} {
		if ids := md.Get("request-id"); len(ids) > 0 {
			return ids[0]
		}
	}
	return ""
}
