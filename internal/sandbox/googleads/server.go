// Package googleads emulates the Google Ads API v25 around a simulated market:
// the generated gRPC services for searching, for changing budgets, targets and
// bids, for audience lists, and for value rules and goals. It enforces what the
// real service enforces (query grammar and field compatibility, field masks,
// billable units, tokens, quotas, validate-only and partial failure) and fails
// when the fault table says so. Any client of the published protocol can talk
// to it. What a campaign earns is the business of package market; nothing here
// knows of the product.
package googleads

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

// basicOperations is the daily limit of the test and basic access levels.
const basicOperations = 15_000

// Options say what is emulated.
type Options struct {
	Market *market.Market
	// Faults may be nil: then nothing fails.
	Faults *faults.Table
	// CustomerID is the ad account's id.
	CustomerID int64
	// CustomerName is the ad account's name; empty takes the scenario's.
	CustomerName string
	// Lists holds the account's audience lists; nil makes an empty registry.
	Lists *lists.Lists
	// ValueRules holds what the account says that sales are worth; nil makes it
	// say nothing.
	ValueRules *ValueRules
	// AccessTokens says whether a bearer token is valid; nil takes every token.
	AccessTokens func(token string) bool
	// DailyOperations is the quota of the access level per day of the market:
	// 2,880 is Explorer, 0 takes 15,000 (Test and Basic), below 0 is no limit.
	DailyOperations int64
	// Log gets one debug line for each call; nil is silent.
	Log *slog.Logger
}

// Server is one emulated ad account. All methods are safe for concurrent use.
type Server struct {
	opts Options
	loc  *time.Location
	grpc *grpc.Server

	mu       sync.Mutex
	quotaDay civil.Date
	used     int64           // operations on quotaDay
	busy     map[string]bool // resource names under change
	overlay  overlay
}

// New returns a server that is not yet listening. The scenario's time zone has
// been checked when it was read; an unknown one counts as UTC.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Lists == nil {
		opts.Lists = lists.New(1)
	}
	if opts.ValueRules == nil {
		opts.ValueRules = NewValueRules()
	}
	if opts.DailyOperations == 0 {
		opts.DailyOperations = basicOperations
	}
	sc := opts.Market.Scenario()
	if opts.CustomerName == "" {
		opts.CustomerName = sc.Name
	}
	loc, err := time.LoadLocation(sc.TimeZone)
	if err != nil {
		loc = time.UTC
	}
	s := &Server{opts: opts, loc: loc, quotaDay: opts.Market.Today(), busy: map[string]bool{}}
	s.grpc = grpc.NewServer(grpc.UnknownServiceHandler(s.unknown), grpc.UnaryInterceptor(s.unimplemented))
	s.Register(s.grpc)
	return s
}

// Register adds the emulated services to g, for use in process.
func (s *Server) Register(g *grpc.Server) {
	services.RegisterGoogleAdsServiceServer(g, adsService{s: s})
	services.RegisterCampaignBudgetServiceServer(g, budgetService{s: s})
	services.RegisterCampaignServiceServer(g, campaignService{s: s})
	services.RegisterBiddingStrategyServiceServer(g, strategyService{s: s})
	services.RegisterAdGroupServiceServer(g, adGroupService{s: s})
	services.RegisterUserListServiceServer(g, userListService{s: s})
	services.RegisterConversionValueRuleServiceServer(g, valueRuleService{s: s})
	services.RegisterConversionValueRuleSetServiceServer(g, valueRuleSetService{s: s})
	services.RegisterGoalServiceServer(g, goalService{s: s})
	services.RegisterCustomerServiceServer(g, customerService{s: s})
}

// Serve answers on lis, without TLS, until Stop, and returns nil then.
func (s *Server) Serve(lis net.Listener) error { return s.grpc.Serve(lis) }

// Stop ends Serve and every call under way.
func (s *Server) Stop() { s.grpc.Stop() }

// OperationsUsed returns the operations counted against today's quota.
func (s *Server) OperationsUsed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rollQuota()
	return s.used
}

// unknown answers calls of services that are not emulated.
func (s *Server) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	c := s.newCall(stream.Context())
	return c.finish(status.Errorf(codes.Unimplemented, "%s is not emulated", method))
}

// unimplemented gives the methods that are not emulated of services that are a
// request id; the others see to it themselves.
func (s *Server) unimplemented(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	if status.Code(err) == codes.Unimplemented {
		err = s.newCall(ctx).finish(err)
	}
	return resp, err
}

type customerService struct {
	services.UnimplementedCustomerServiceServer
	s *Server
}

// ListAccessibleCustomers names the one account there is.
func (cs customerService) ListAccessibleCustomers(ctx context.Context, _ *services.ListAccessibleCustomersRequest) (*services.ListAccessibleCustomersResponse, error) {
	return answer(cs.s, ctx, func(c *call) (*services.ListAccessibleCustomersResponse, error) {
		if err := c.charge(1); err != nil {
			return nil, err
		}
		return &services.ListAccessibleCustomersResponse{ResourceNames: []string{cs.s.customerName()}}, c.delay()
	})
}
