package googleads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"adsteward/internal/sandbox/faults"
)

const anyQuery = "SELECT customer.id FROM customer"

func (r *rig) search(ctx context.Context, opts ...grpc.CallOption) (*services.SearchGoogleAdsResponse, error) {
	return r.ads().Search(ctx, &services.SearchGoogleAdsRequest{CustomerId: testCustomer, Query: anyQuery}, opts...)
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	with := func(pairs ...string) context.Context {
		return metadata.NewOutgoingContext(r.ctx, metadata.Pairs(pairs...))
	}
	good := []string{"authorization", "Bearer " + testToken}
	for name, tc := range map[string]struct {
		ctx  context.Context
		code codes.Code
		want protoreflect.Enum
	}{
		"token":                {with(good...), codes.OK, nil},
		"login-customer-id":    {with(append(good, "login-customer-id", "5555555555")...), codes.OK, nil},
		"developer-token":      {with(append(good, "developer-token", "old")...), codes.OK, nil},
		"no header":            {with(), codes.Unauthenticated, adserrors.AuthenticationErrorEnum_AUTHENTICATION_ERROR},
		"another scheme":       {with("authorization", "Basic abc"), codes.Unauthenticated, adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_HEADER_INVALID},
		"wrong token":          {with("authorization", "Bearer other"), codes.Unauthenticated, adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_INVALID},
		"login id with dashes": {with(append(good, "login-customer-id", "555-555-5555")...), codes.InvalidArgument, adserrors.HeaderErrorEnum_INVALID_LOGIN_CUSTOMER_ID},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.search(tc.ctx)
			if tc.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tc.code, tc.want)
		})
	}
	_, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: "42", Query: anyQuery})
	wantError(t, err, codes.PermissionDenied, adserrors.AuthorizationErrorEnum_USER_PERMISSION_DENIED)
	_, err = r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: "123-456-7890", Query: anyQuery})
	wantError(t, err, codes.InvalidArgument, adserrors.RequestErrorEnum_INVALID_CUSTOMER_ID)
	_, err = r.budgets(&services.MutateCampaignBudgetsRequest{CustomerId: "42", Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 1, "amount_micros")}})
	wantError(t, err, codes.PermissionDenied, adserrors.AuthorizationErrorEnum_USER_PERMISSION_DENIED)

	list, err := services.NewCustomerServiceClient(r.conn).ListAccessibleCustomers(r.ctx, &services.ListAccessibleCustomersRequest{})
	if err != nil || len(list.GetResourceNames()) != 1 || list.GetResourceNames()[0] != customerRes {
		t.Errorf("accessible customers %v, %v", list, err)
	}
}

func TestEveryAnswerHasARequestID(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	var header, trailer metadata.MD
	if _, err := r.search(r.ctx, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	first := trailer.Get("request-id")
	if len(first) != 1 || first[0] == "" || header.Get("request-id")[0] != first[0] {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
	_, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: "42", Query: anyQuery}, grpc.Trailer(&trailer))
	f := failureOf(t, err)
	if ids := trailer.Get("request-id"); len(ids) != 1 || ids[0] == first[0] || ids[0] != f.GetRequestId() {
		t.Errorf("trailer %v, failure %s", ids, f.GetRequestId())
	}
	inTrailer := &adserrors.GoogleAdsFailure{}
	if b := trailer.Get(failureTrailer); len(b) != 1 || proto.Unmarshal([]byte(b[0]), inTrailer) != nil || !proto.Equal(inTrailer, f) {
		t.Errorf("failure in the trailer: %v", inTrailer)
	}
	stream, err := r.ads().SearchStream(r.ctx, &services.SearchGoogleAdsStreamRequest{CustomerId: testCustomer, Query: anyQuery})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if ids := stream.Trailer().Get("request-id"); len(ids) != 1 || ids[0] != msg.GetRequestId() {
		t.Errorf("trailer %v, message %s", ids, msg.GetRequestId())
	}
	_, err = services.NewLabelServiceClient(r.conn).MutateLabels(r.ctx, &services.MutateLabelsRequest{CustomerId: testCustomer}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unimplemented || len(trailer.Get("request-id")) != 1 {
		t.Errorf("a service that is not emulated: %v, %v", err, trailer)
	}
	_, err = services.NewCustomerServiceClient(r.conn).MutateCustomer(r.ctx, &services.MutateCustomerRequest{CustomerId: testCustomer}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unimplemented || len(trailer.Get("request-id")) != 1 {
		t.Errorf("a method that is not emulated: %v, %v", err, trailer)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, func(o *Options) { o.DailyOperations = 5 })
	for range 2 {
		if _, err := r.search(r.ctx); err != nil {
			t.Fatal(err)
		}
	}
	r.query("SELECT campaign.id FROM campaign")
	ops := []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 101_000_000, "amount_micros"), budgetUpdate(sharedBudget, 99_000_000, "amount_micros"), budgetUpdate(customerRes+"/campaignBudgets/8000000003", 1_000_000, "amount_micros")}
	_, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops})
	e := wantError(t, err, codes.ResourceExhausted, adserrors.QuotaErrorEnum_RESOURCE_EXHAUSTED)
	if d := e.GetDetails().GetQuotaErrorDetails(); d.GetRetryDelay().AsDuration() <= 0 || d.GetRateName() == "" {
		t.Errorf("details %v", d)
	}
	if got := r.settings("g1"); got != "100 3.5 0" {
		t.Errorf("beyond the quota the market has %s", got)
	}
	if _, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops[:2]}); err != nil {
		t.Errorf("the last two operations: %v", err)
	}
	_, err = r.search(r.ctx)
	wantError(t, err, codes.ResourceExhausted, adserrors.QuotaErrorEnum_RESOURCE_EXHAUSTED)
	r.market.AdvanceTo(r.market.Today() + 1)
	if _, err := r.search(r.ctx); err != nil {
		t.Errorf("the next day: %v", err)
	}
	if used := r.server.OperationsUsed(); used != 1 {
		t.Errorf("%d operations the next day", used)
	}
}

// largeScenario has n Google campaigns and five days of history without noise.
func largeScenario(t testing.TB, n int) string {
	t.Helper()
	type campaign map[string]any
	var cs []campaign
	for i := range n {
		cs = append(cs, campaign{"id": fmt.Sprint("c", i), "platform": "google", "noise": 0})
	}
	b, err := json.Marshal(map[string]any{"name": "large", "start": "2026-03-18", "history_days": 5, "campaigns": cs})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	r := newRig(t, largeScenario(t, 2500), nil)
	req := &services.SearchGoogleAdsRequest{CustomerId: testCustomer,
		Query:          "SELECT campaign.id, segments.date, metrics.clicks FROM campaign WHERE segments.date DURING LAST_7_DAYS",
		SearchSettings: &services.SearchSettings{ReturnTotalResultsCount: true, ReturnSummaryRow: true}}
	var sizes []int
	var clicks int64
	seen := map[string]bool{}
	for {
		resp, err := r.ads().Search(r.ctx, req, grpc.MaxCallRecvMsgSize(64<<20))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(resp.GetResults()))
		for _, row := range resp.GetResults() {
			seen[fmt.Sprint(row.GetCampaign().GetId(), row.GetSegments().GetDate())] = true
			clicks += row.GetMetrics().GetClicks()
		}
		if resp.GetTotalResultsCount() != 12500 {
			t.Errorf("total %d", resp.GetTotalResultsCount())
		}
		req.PageToken = resp.GetNextPageToken()
		if req.PageToken == "" {
			if got := resp.GetSummaryRow().GetMetrics().GetClicks(); got != clicks {
				t.Errorf("summary has %d clicks; the rows have %d", got, clicks)
			}
			break
		}
	}
	if fmt.Sprint(sizes) != "[10000 2500]" || len(seen) != 12500 {
		t.Errorf("pages %v, %d rows", sizes, len(seen))
	}
	if used := r.server.OperationsUsed(); used != 1 {
		t.Errorf("%d operations for one query", used)
	}
	for token, req := range map[string]*services.SearchGoogleAdsRequest{
		"garbage":       {CustomerId: testCustomer, Query: anyQuery, PageToken: "x"},
		"another query": {CustomerId: testCustomer, Query: anyQuery, PageToken: pageToken(10_000, "SELECT campaign.id FROM campaign")},
	} {
		_, err := r.ads().Search(r.ctx, req)
		t.Log(token)
		wantError(t, err, codes.InvalidArgument, adserrors.RequestErrorEnum_INVALID_PAGE_TOKEN)
	}
	_, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: testCustomer, Query: anyQuery, PageSize: 100})
	wantError(t, err, codes.InvalidArgument, adserrors.RequestErrorEnum_PAGE_SIZE_NOT_SUPPORTED)
	resp, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: testCustomer, Query: anyQuery, ValidateOnly: true})
	if err != nil || len(resp.GetResults()) != 0 {
		t.Errorf("validating a query: %v, %v", resp, err)
	}

	stream, err := r.ads().SearchStream(r.ctx, &services.SearchGoogleAdsStreamRequest{CustomerId: testCustomer, Query: "SELECT campaign.id FROM campaign LIMIT 2100"})
	if err != nil {
		t.Fatal(err)
	}
	sizes = nil
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(msg.GetResults()))
	}
	if fmt.Sprint(sizes) != "[1000 1000 100]" {
		t.Errorf("chunks %v", sizes)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	table := faults.NewTable()
	r := newRig(t, testScenario, func(o *Options) { o.Faults = table })
	ops := []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 120_000_000, "amount_micros"), budgetUpdate(sharedBudget, 80_000_000, "amount_micros")}
	short := func() (context.Context, context.CancelFunc) { return context.WithTimeout(r.ctx, 100*time.Millisecond) }

	table.Add(faults.Rule{Kind: faults.RateLimit, Service: "google", DelayMS: 2000})
	_, err := r.search(r.ctx)
	e := wantError(t, err, codes.ResourceExhausted, adserrors.QuotaErrorEnum_RESOURCE_TEMPORARILY_EXHAUSTED)
	if d := e.GetDetails().GetQuotaErrorDetails().GetRetryDelay().AsDuration(); d != 2*time.Second {
		t.Errorf("retry delay %v", d)
	}
	table.Add(faults.Rule{Kind: faults.Unavailable, Service: "google", Method: "GoogleAdsService/Search"})
	if _, err := r.search(r.ctx); status.Code(err) != codes.Unavailable {
		t.Errorf("unavailable: %v", err)
	}
	table.Add(faults.Rule{Kind: faults.ExpiredToken, Service: "google"})
	_, err = r.search(r.ctx)
	wantError(t, err, codes.Unauthenticated, adserrors.AuthenticationErrorEnum_OAUTH_TOKEN_EXPIRED)
	table.Add(faults.Rule{Kind: faults.Unavailable, Service: "meta", Times: -1})
	if _, err := r.search(r.ctx); err != nil {
		t.Errorf("a fault of another platform: %v", err)
	}

	table.Add(faults.Rule{Kind: faults.TimeoutBefore, Service: "google", Method: "CampaignBudgetService"})
	ctx, cancel := short()
	_, err = services.NewCampaignBudgetServiceClient(r.conn).MutateCampaignBudgets(ctx, &services.MutateCampaignBudgetsRequest{CustomerId: testCustomer, Operations: ops})
	cancel()
	if status.Code(err) != codes.DeadlineExceeded || r.settings("g1") != "100 3.5 0" {
		t.Errorf("timeout_before: %v, the market has %s", err, r.settings("g1"))
	}
	table.Add(faults.Rule{Kind: faults.TimeoutAfter, Service: "google", Method: "CampaignBudgetService"})
	ctx, cancel = short()
	_, err = services.NewCampaignBudgetServiceClient(r.conn).MutateCampaignBudgets(ctx, &services.MutateCampaignBudgetsRequest{CustomerId: testCustomer, Operations: ops})
	cancel()
	if status.Code(err) != codes.DeadlineExceeded || r.settings("g1") != "120 3.5 0" {
		t.Errorf("timeout_after: %v, the market has %s", err, r.settings("g1"))
	}

	table.Add(faults.Rule{Kind: faults.StaleRead, Service: "google"})
	const amounts = "SELECT campaign_budget.amount_micros FROM campaign_budget WHERE campaign_budget.id IN (8000000001, 8000000004)"
	stale, fresh := fmt.Sprint(r.query(amounts)), fmt.Sprint(r.query(amounts))
	if !strings.Contains(stale, "120000000") || !strings.Contains(stale, ":100000000") || !strings.Contains(fresh, ":80000000") {
		t.Errorf("stale %s, fresh %s", stale, fresh)
	}

	table.Add(faults.Rule{Kind: faults.PartialFailure, Service: "google", Method: "Mutate", Times: 2})
	ops[0].GetUpdate().AmountMicros, ops[1].GetUpdate().AmountMicros = proto.Int64(130_000_000), proto.Int64(70_000_000)
	_, err = r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops})
	wantError(t, err, codes.InvalidArgument, adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED)
	resp, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops, PartialFailure: true})
	if err != nil {
		t.Fatal(err)
	}
	if f := failureIn(t, resp.GetPartialFailureError().GetDetails()); len(f.GetErrors()) != 1 || place(f.GetErrors()[0]) != "operations[0]" {
		t.Errorf("failure %v", f)
	}
	if got := r.settings("g1") + ", " + r.settings("g3"); got != "120 3.5 0, 70 0 0" {
		t.Errorf("the market has %s", got)
	}

	table.Add(faults.Rule{Kind: faults.SlowStream, Service: "google", Method: "SearchStream", DelayMS: 30})
	start := time.Now()
	r.query(amounts)
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("a slow stream took %v", d)
	}
}

// While one request is changing a budget, another that would change it too is
// refused, and may be made again afterwards.
func TestConcurrentModification(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, func(o *Options) {
		o.Faults = faults.NewTable(faults.Rule{Kind: faults.SlowStream, Service: "google", Method: "MutateCampaignBudgets", DelayMS: 60_000})
	})
	slow, cancel := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		req := &services.MutateCampaignBudgetsRequest{CustomerId: testCustomer, Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 110_000_000, "amount_micros")}}
		if _, err := services.NewCampaignBudgetServiceClient(r.conn).MutateCampaignBudgets(slow, req); status.Code(err) != codes.Canceled {
			t.Errorf("the slow request: %v", err)
		}
	})
	again := func(ctx context.Context) error { // by a method the fault does not match
		_, err := r.ads().Mutate(ctx, &services.MutateGoogleAdsRequest{CustomerId: testCustomer, ValidateOnly: true, MutateOperations: []*services.MutateOperation{
			{Operation: &services.MutateOperation_CampaignBudgetOperation{CampaignBudgetOperation: budgetUpdate(g1Budget, 120_000_000, "amount_micros")}}}})
		return err
	}
	var err error
	for err == nil { // until the slow request is there
		err = again(r.ctx)
	}
	wantError(t, err, codes.InvalidArgument, adserrors.DatabaseErrorEnum_CONCURRENT_MODIFICATION)
	cancel()
	wg.Wait()
	for err != nil && r.ctx.Err() == nil { // until the server has seen the cancellation
		err = again(r.ctx)
	}
	if err != nil {
		t.Error(err)
	}
	if got := r.settings("g1"); got != "100 3.5 0" {
		t.Errorf("a cancelled request changed the market: %s", got)
	}
}
