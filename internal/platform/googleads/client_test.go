package googleads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

func budgetChange(id int) platform.Change {
	return platform.Change{Entity: ref(platform.Budget, int64(id)), Field: platform.DailyBudget, Seen: 100 * money.One, Value: 115 * money.One}
}

func rowsOf(rows ...*services.GoogleAdsRow) *services.SearchGoogleAdsStreamResponse {
	return &services.SearchGoogleAdsStreamResponse{Results: rows}
}

func dayRow(campaign int64, day civil.Date) *services.GoogleAdsRow {
	return &services.GoogleAdsRow{
		Campaign: &resources.Campaign{Id: proto.Int64(campaign)},
		Segments: &common.Segments{Date: proto.String(day.String())},
		Metrics:  &common.Metrics{Clicks: proto.Int64(1)},
	}
}

func query(c *call) string { return c.request.(*services.SearchGoogleAdsStreamRequest).GetQuery() }

// until holds a call until the client gives it up.
func until(c *call) error {
	<-c.ctx.Done()
	return status.FromContextError(c.ctx.Err()).Err()
}

func TestApplyWithoutAnAnswerIsUnknownAndSentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		client := serve(t, func(c *call) error { calls.Add(1); return until(c) })
		start := time.Now()
		results, err := client.Apply(t.Context(), []platform.Change{budgetChange(1)})
		if err != nil || platform.KindOf(results[0].Err) != platform.Unknown {
			t.Errorf("%v, %v; want unknown", results, err)
		}
		if calls.Load() != 1 || time.Since(start) != time.Minute {
			t.Errorf("%d requests in %v, want one that is given up after a minute", calls.Load(), time.Since(start))
		}
	})
}

func TestApplyCancelledUnderWayIsUnknown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := serve(t, func(c *call) error { cancel(); return until(c) })
	results, err := client.Apply(ctx, []platform.Change{budgetChange(1)})
	if err != nil || platform.KindOf(results[0].Err) != platform.Unknown {
		t.Errorf("%v, %v; want unknown", results, err)
	}
}

func TestApplyAfterCancellationWasNotSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := serve(t, func(c *call) error { t.Error("a request was sent"); return nil })
	results, err := client.Apply(ctx, []platform.Change{budgetChange(1)})
	if err != nil || platform.KindOf(results[0].Err) != platform.Retryable || client.Usage().Operations != 0 {
		t.Errorf("%v, %v", results, err)
	}
}

func TestApplyWithoutAConnectionWasNotSent(t *testing.T) {
	t.Parallel()
	cfg := Config{Endpoint: "127.0.0.1:1", CustomerID: "1", Credentials: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"}),
		Retry: pace.Policy{Sleep: func(context.Context, time.Duration) error { return nil }}}
	client, err := open(cfg, grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		return nil, errors.New("refused")
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	results, err := client.Apply(t.Context(), []platform.Change{budgetChange(1)})
	if err != nil || platform.KindOf(results[0].Err) != platform.Retryable || client.Usage().Operations != 0 {
		t.Errorf("%v, %v; want a change that was not sent", results, err)
	}
}

func TestSilentReadsAreGivenUpAndRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		client := serve(t, func(c *call) error { calls.Add(1); return until(c) })
		start := time.Now()
		_, err := client.Structure(t.Context())
		e, _ := errors.AsType[*platform.Error](err)
		if e == nil || e.Kind != platform.Retryable || e.Code != "DEADLINE_EXCEEDED" {
			t.Errorf("got %v", err)
		}
		if calls.Load() != 5 || time.Since(start) != 5*time.Minute {
			t.Errorf("%d requests in %v", calls.Load(), time.Since(start))
		}
	})
}

func TestSlowStreamsAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := civil.MustParse("2026-01-01")
		client := serve(t, func(c *call) error {
			for i := range 5 {
				time.Sleep(40 * time.Second) // of the bubble's clock
				c.send(t, rowsOf(dayRow(1, from.AddDays(i))))
			}
			return nil
		})
		start, n := time.Now(), 0
		err := client.Performance(t.Context(), from, from.AddDays(4), func(p []platform.Performance) error {
			n += len(p)
			return nil
		})
		if err != nil || n != 5 || time.Since(start) != 200*time.Second {
			t.Errorf("%d rows in %v: %v", n, time.Since(start), err)
		}
	})
}

func TestRequestsKeepTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, func(c *call) error { return nil }, func(cfg *Config) { cfg.RequestsPerSecond = 1 })
		start := time.Now()
		if _, err := client.Structure(t.Context()); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("three requests at one a second took %v: %v", time.Since(start), err)
		}
	})
}

func TestPerformanceResumesAtTheFirstUnfinishedDay(t *testing.T) {
	t.Parallel()
	from := civil.MustParse("2026-01-01")
	var queries []string
	client := serve(t, func(c *call) error {
		queries = append(queries, query(c))
		if len(queries) == 1 {
			for part := range 6 { // a first day of more rows than are kept
				var rows []*services.GoogleAdsRow
				for i := range 1000 {
					rows = append(rows, dayRow(int64(part*1000+i), from))
				}
				c.send(t, rowsOf(rows...))
			}
			c.send(t, rowsOf(dayRow(1, from.AddDays(1))))
			return status.Error(codes.Unavailable, "connection reset")
		}
		c.send(t, rowsOf(dayRow(1, from.AddDays(1)), dayRow(2, from.AddDays(1)), dayRow(1, from.AddDays(2))))
		return nil
	})
	seen := map[platform.Performance]int{}
	err := client.Performance(t.Context(), from, from.AddDays(2), func(p []platform.Performance) error {
		for _, day := range p {
			seen[day]++
		}
		return nil
	})
	if err != nil || len(seen) != 6003 {
		t.Fatalf("%d rows: %v", len(seen), err)
	}
	for day, n := range seen {
		if n != 1 {
			t.Errorf("%v came %d times", day, n)
		}
	}
	if len(queries) != 2 || !strings.Contains(queries[1], "BETWEEN '2026-01-02' AND '2026-01-03'") {
		t.Errorf("queries %q", queries)
	}
}

func TestPerformanceStopsAtTheFirstErrorOfYield(t *testing.T) {
	t.Parallel()
	from := civil.MustParse("2026-01-01")
	client := serve(t, func(c *call) error { c.send(t, rowsOf(dayRow(1, from))); return nil })
	full := &platform.Error{Kind: platform.Retryable, Message: "whatever its kind"}
	var calls atomic.Int64
	err := client.Performance(t.Context(), from, from, func([]platform.Performance) error { calls.Add(1); return full })
	if err != error(full) || calls.Load() != 1 {
		t.Errorf("%d calls, error %v", calls.Load(), err)
	}
}

func TestChangesArePagedUnderTheRowLimit(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)
	event := func(i int) *services.GoogleAdsRow { // one each second, pairs at one moment
		return &services.GoogleAdsRow{ChangeEvent: &resources.ChangeEvent{
			ResourceName:       fmt.Sprint("customers/1234567890/changeEvents/", i),
			ChangeDateTime:     start.Add(time.Duration(i/2) * time.Second).Format(dateTime),
			ChangeResourceType: enums.ChangeEventResourceTypeEnum_CAMPAIGN_BUDGET,
			ChangeResourceName: "customers/1234567890/campaignBudgets/1",
		}}
	}
	const total = 15_001
	client := serve(t, func(c *call) error {
		q := query(c)
		switch {
		case strings.Contains(q, "FROM customer"):
			c.send(t, rowsOf(&services.GoogleAdsRow{Customer: &resources.Customer{Id: proto.Int64(1), CurrencyCode: proto.String("EUR"), TimeZone: proto.String("UTC")}}))
			return nil
		case strings.Contains(q, "FROM currency_constant"):
			return nil
		}
		_, after, _ := strings.Cut(q, ">= '")
		since, _, _ := strings.Cut(after, "'")
		var rows []*services.GoogleAdsRow
		for i := 0; i < total && len(rows) < 10_000; i++ {
			if e := event(i); e.GetChangeEvent().GetChangeDateTime() >= since {
				rows = append(rows, e)
			}
		}
		for part := range slices.Chunk(rows, 1000) {
			c.send(t, rowsOf(part...))
		}
		return nil
	})
	events, err := client.Changes(t.Context(), start)
	if err != nil || len(events) != total {
		t.Fatalf("%d events, want %d: %v", len(events), total, err)
	}
	if !slices.IsSortedFunc(events, func(a, b platform.ChangeEvent) int { return a.At.Compare(b.At) }) {
		t.Error("not oldest first")
	}
	if n := client.Usage().Operations; n != 4 {
		t.Errorf("%d operations, want 2 for the zone and 2 pages", n)
	}
}

func TestApplyKeepsOrderOverBatchesAndPartialFailures(t *testing.T) {
	t.Parallel()
	var sizes []int
	client := serve(t, func(c *call) error {
		request := c.request.(*services.MutateCampaignBudgetsRequest)
		sizes = append(sizes, len(request.GetOperations()))
		failure := &adserrors.GoogleAdsFailure{}
		for i, op := range request.GetOperations() {
			var id int
			fmt.Sscanf(op.GetUpdate().GetResourceName(), "customers/1234567890/campaignBudgets/%d", &id)
			if id%7 == 0 {
				failure.Errors = append(failure.Errors, &adserrors.GoogleAdsError{
					Message:   fmt.Sprint("refused ", id),
					ErrorCode: &adserrors.ErrorCode{ErrorCode: &adserrors.ErrorCode_CampaignBudgetError{CampaignBudgetError: adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_TOO_LARGE}},
					Location:  &adserrors.ErrorLocation{FieldPathElements: []*adserrors.ErrorLocation_FieldPathElement{{FieldName: "operations", Index: proto.Int32(int32(i))}}},
				})
			}
		}
		st, err := status.New(codes.InvalidArgument, "partial").WithDetails(failure)
		if err != nil {
			return err
		}
		c.answerID(fmt.Sprint("req-", len(sizes)))
		c.send(t, &services.MutateCampaignBudgetsResponse{PartialFailureError: st.Proto()})
		return nil
	})
	var changes []platform.Change
	for id := range 250 {
		changes = append(changes, budgetChange(id+1))
	}
	results, err := client.Apply(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := ""
		if (i+1)%7 == 0 {
			want = fmt.Sprint("refused ", i+1)
		}
		got := ""
		if v := view(r.Err); v != nil {
			got = v.Message
		}
		if got != want || r.RequestID != fmt.Sprint("req-", i/100+1) {
			t.Errorf("result %d: %q of %s, want %q", i, got, r.RequestID, want)
		}
	}
	if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" {
		t.Error(diff)
	}
}

// renewing hands out token-1, token-2, ... as each is expired.
type renewing struct {
	mu sync.Mutex
	n  int
}

func (s *renewing) token() string { return fmt.Sprint("token-", s.n+1) }
func (s *renewing) Token() (*oauth2.Token, error) {
	return s.TokenContext(context.Background())
}
func (s *renewing) TokenContext(context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &oauth2.Token{AccessToken: s.token()}, nil
}
func (s *renewing) Expire(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == s.token() {
		s.n++
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	from := civil.MustParse("2026-01-01")
	refused := status.Error(codes.Unauthenticated, "expired")
	var calls atomic.Int64
	client := serve(t, func(c *call) error {
		calls.Add(1)
		old := c.metadata.Get("authorization")[0] == "Bearer token-1"
		switch c.request.(type) {
		case *services.MutateCampaignBudgetsRequest:
			if old {
				return refused
			}
			c.send(t, &services.MutateCampaignBudgetsResponse{})
		default:
			c.send(t, rowsOf(dayRow(1, from))) // the token expires under way
			if old {
				return refused
			}
		}
		return nil
	}, func(cfg *Config) { cfg.Credentials = &renewing{} })

	n := 0
	err := client.Performance(t.Context(), from, from, func(p []platform.Performance) error { n += len(p); return nil })
	if err != nil || n != 1 || calls.Load() != 2 {
		t.Errorf("%d rows in %d requests: %v", n, calls.Load(), err)
	}
	client.credentials = &renewing{}
	calls.Store(0)
	results, err := client.Apply(t.Context(), []platform.Change{budgetChange(1)})
	if err != nil || results[0].Err != nil || calls.Load() != 2 {
		t.Errorf("%v in %d requests: %v", results, calls.Load(), err)
	}
}

func TestATokenRefusedTwiceIsAnError(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	client := serve(t, func(c *call) error { calls.Add(1); return status.Error(codes.Unauthenticated, "no") },
		func(cfg *Config) { cfg.Credentials = &renewing{} })
	_, err := client.Structure(t.Context())
	if platform.KindOf(err) != platform.Authentication || calls.Load() != 2 {
		t.Errorf("%d requests: %v", calls.Load(), err)
	}
}

// TestANightFitsIntoExplorerAccess counts a night in which all of 100 campaigns
// get a new budget and a new target, and each change is pushed by itself: read,
// validated, made and read back.
func TestANightFitsIntoExplorerAccess(t *testing.T) {
	t.Parallel()
	const campaigns = 100
	client := serve(t, func(c *call) error {
		search, ok := c.request.(*services.SearchGoogleAdsStreamRequest)
		switch r := c.request.(type) {
		case *services.MutateCampaignBudgetsRequest:
			c.send(t, &services.MutateCampaignBudgetsResponse{})
		case *services.MutateCampaignsRequest:
			if r.GetOperations()[0].GetUpdate().GetMaximizeConversionValue() == nil {
				t.Error("the target is written into another strategy")
			}
			c.send(t, &services.MutateCampaignsResponse{})
		}
		if !ok {
			return nil
		}
		switch {
		case strings.Contains(search.GetQuery(), "FROM customer"):
			c.send(t, rowsOf(&services.GoogleAdsRow{Customer: &resources.Customer{Id: proto.Int64(1), CurrencyCode: proto.String("EUR"), TimeZone: proto.String("UTC")}}))
		case strings.Contains(search.GetQuery(), "FROM campaign WHERE campaign.status"):
			for i := range campaigns {
				c.send(t, rowsOf(&services.GoogleAdsRow{Campaign: &resources.Campaign{
					Id: proto.Int64(int64(i + 1)), BiddingStrategyType: enums.BiddingStrategyTypeEnum_MAXIMIZE_CONVERSION_VALUE}}))
			}
		}
		return nil
	})
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.Account(ctx)
	check(err)
	_, err = client.Structure(ctx)
	check(err)
	today := civil.MustParse("2026-01-31")
	check(client.Performance(ctx, today.AddDays(-30), today.AddDays(-1), func([]platform.Performance) error { return nil }))
	_, err = client.Changes(ctx, today.AddDays(-1).Time())
	check(err)
	if n := client.Usage().Operations; n != 7 {
		t.Errorf("reading takes %d operations, want 7", n)
	}
	for i := range campaigns {
		target := platform.Change{Entity: ref(platform.Campaign, int64(i+1)), Field: platform.TargetROAS, Seen: 3 * money.One, Value: 3_300_000}
		for _, change := range []platform.Change{budgetChange(i + 1), target} {
			one := []platform.Change{change}
			_, err := client.Read(ctx, []platform.Ref{change.Entity})
			check(err)
			for _, do := range []func(context.Context, []platform.Change) ([]platform.Result, error){client.Validate, client.Apply} {
				results, err := do(ctx, one)
				check(err)
				check(results[0].Err)
			}
			_, err = client.Read(ctx, []platform.Ref{change.Entity})
			check(err)
		}
	}
	usage := client.Usage()
	if usage.Operations != 7+campaigns*(4+6) || usage.Limit != 2880 || usage.Operations > usage.Limit/2 {
		t.Errorf("a night takes %d of %d operations, want 1007", usage.Operations, usage.Limit)
	}
}

func TestSecretsStayOutOfErrorsAndLogs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client := serve(t, func(c *call) error { return status.Error(codes.Unavailable, "no") }, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Credentials = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "s3cret"})
		cfg.DeveloperToken = "s3cret-too"
	})
	_, err := client.Structure(t.Context())
	results, _ := client.Apply(t.Context(), []platform.Change{budgetChange(1)})
	all := fmt.Sprintf("%v %+v %#v %+v %s", err, err, err, results, log.String())
	if err == nil || log.Len() == 0 || strings.Contains(all, "s3cret") {
		t.Errorf("a secret, or nothing, was printed: %s", all)
	}
}

func TestCredentialsAreSentInTheClearToThisMachineOnly(t *testing.T) {
	t.Parallel()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		t.Error("a request was sent without TLS")
		return nil
	}))
	go server.Serve(listener)
	defer server.Stop()
	cfg := Config{Endpoint: "192.0.2.1:443", CustomerID: "1", Credentials: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"}), Retry: pace.Policy{MaxTries: 1}}
	client, err := open(cfg, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Structure(t.Context()); platform.KindOf(err) != platform.Retryable {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesABrokenConfiguration(t *testing.T) {
	t.Parallel()
	credentials := oauth2.StaticTokenSource(&oauth2.Token{})
	for name, cfg := range map[string]Config{
		"no customer":    {Credentials: credentials},
		"customer":       {CustomerID: "123-abc", Credentials: credentials},
		"login customer": {CustomerID: "1", LoginCustomerID: "manager", Credentials: credentials},
		"credentials":    {CustomerID: "1"},
	} {
		_, err := Open(cfg)
		if e, _ := errors.AsType[*platform.Error](err); e == nil || e.Code != "CONFIGURATION" || e.Remedy == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestConnCarriesCredentialsAndTypesErrors(t *testing.T) {
	t.Parallel()
	var answers []error
	var calls atomic.Int64
	client := serve(t, func(c *call) error {
		if got := strings.Join(c.metadata.Get("authorization"), ","); !strings.HasPrefix(got, "Bearer token-") {
			t.Errorf("authorization is %q", got)
		}
		c.answerID("req-1")
		if err := answers[calls.Add(1)-1]; err != nil {
			return err
		}
		if strings.HasSuffix(c.method, "/Search") {
			c.send(t, &services.SearchGoogleAdsResponse{})
		} else {
			c.send(t, &services.MutateUserListsResponse{})
		}
		return nil
	}, func(cfg *Config) { cfg.Credentials = &renewing{} })
	search := func() error {
		_, err := services.NewGoogleAdsServiceClient(client.Conn()).Search(t.Context(), &services.SearchGoogleAdsRequest{})
		return err
	}
	mutate := func() error {
		_, err := services.NewUserListServiceClient(client.Conn()).MutateUserLists(t.Context(), &services.MutateUserListsRequest{})
		return err
	}
	down, expired, busy := status.Error(codes.Unavailable, "down"), status.Error(codes.Unauthenticated, "expired"), status.Error(codes.ResourceExhausted, "busy")
	for name, tc := range map[string]struct {
		call    func() error
		answers []error
		kind    platform.Kind
	}{
		"search again":        {search, []error{down, nil}, ""},
		"mutate once":         {mutate, []error{down}, platform.Unknown},
		"quota has no effect": {mutate, []error{busy, nil}, ""},
		"token renewed":       {mutate, []error{expired, nil}, ""},
		"refused":             {mutate, []error{status.Error(codes.InvalidArgument, "no")}, platform.Rejected},
	} {
		answers = tc.answers
		calls.Store(0)
		err := tc.call()
		e, _ := errors.AsType[*platform.Error](err)
		if tc.kind == "" && err != nil || tc.kind != "" && (e == nil || e.Kind != tc.kind || e.RequestID != "req-1") {
			t.Errorf("%s: got %v", name, err)
		}
		if int(calls.Load()) != len(tc.answers) {
			t.Errorf("%s: %d requests, want %d", name, calls.Load(), len(tc.answers))
		}
	}
	if n := client.Usage().Operations; n != 8 {
		t.Errorf("%d operations, want one for each request", n)
	}
}
