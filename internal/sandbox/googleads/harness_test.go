package googleads

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"adsteward/internal/sandbox/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testCustomer   = "1234567890"
	testCustomerID = 1234567890
	testToken      = "token-1"
)

// testScenario has a campaign of each way of bidding, a shared budget, a
// portfolio, a campaign without target and one of another platform.
const testScenario = `{"name": "Shoe shop", "seed": 7, "start": "2026-03-18", "history_days": 40, "currency": "EUR",
 "campaigns": [
  {"id": "g1", "name": "Search shoes", "platform": "google", "type": "search", "budget": 100, "target_roas": 3.5},
  {"id": "m1", "platform": "meta", "budget": 50},
  {"id": "g2", "name": "Brand", "platform": "google", "type": "brand", "budget": 20, "bidding": "manual_cpc"},
  {"id": "g3", "name": "Shopping", "platform": "google", "type": "shopping", "budget": 60, "budget_group": "shared"},
  {"id": "g4", "name": "PMax", "platform": "google", "type": "pmax", "budget": 40, "budget_group": "shared", "portfolio": "value", "target_roas": 4},
  {"id": "g5", "name": "Prospecting", "platform": "google", "type": "prospecting", "budget": 30, "portfolio": "value", "target_roas": 4},
  {"id": "g6", "name": "Retargeting", "platform": "google", "type": "retargeting", "budget": 10}],
 "events": [{"date": "2026-03-18", "kind": "human_edit", "campaign": "g6", "value": 15}]}`

// Resource names of the scenario.
const (
	customerRes   = "customers/" + testCustomer
	g1Campaign    = customerRes + "/campaigns/2000000001"
	g1Budget      = customerRes + "/campaignBudgets/8000000001"
	g2AdGroup     = customerRes + "/adGroups/160000000003"
	g2Campaign    = customerRes + "/campaigns/2000000003"
	g3Campaign    = customerRes + "/campaigns/2000000004"
	g4Campaign    = customerRes + "/campaigns/2000000005"
	sharedBudget  = customerRes + "/campaignBudgets/8000000004"
	valueStrategy = customerRes + "/biddingStrategies/9000000005"
)

// rig is an emulator and a client that is logged in.
type rig struct {
	t      *testing.T
	market *market.Market
	server *Server
	conn   *grpc.ClientConn
	ctx    context.Context
}

// newRig serves the scenario over loopback; with may change the options.
func newRig(t *testing.T, scenario string, with func(*Options)) *rig {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(scenario))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Market: m, CustomerID: testCustomerID, AccessTokens: func(tok string) bool { return tok == testToken }}
	if with != nil {
		with(&opts)
	}
	s := New(opts)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(func() {
		cancel()
		conn.Close()
		s.Stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &rig{t: t, market: m, server: s, conn: conn, ctx: metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+testToken)}
}

func (r *rig) ads() services.GoogleAdsServiceClient {
	return services.NewGoogleAdsServiceClient(r.conn)
}

// stream runs a query by SearchStream.
func (r *rig) stream(query string) ([]*services.GoogleAdsRow, error) {
	s, err := r.ads().SearchStream(r.ctx, &services.SearchGoogleAdsStreamRequest{CustomerId: testCustomer, Query: query})
	if err != nil {
		return nil, err
	}
	var rows []*services.GoogleAdsRow
	for {
		msg, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, msg.GetResults()...)
	}
}

// query is stream that must succeed.
func (r *rig) query(query string) []*services.GoogleAdsRow {
	r.t.Helper()
	rows, err := r.stream(query)
	if err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return rows
}

// failureOf returns the GoogleAdsFailure in the details of a status error.
func failureOf(t *testing.T, err error) *adserrors.GoogleAdsFailure {
	t.Helper()
	for _, d := range status.Convert(err).Details() {
		if f, ok := d.(*adserrors.GoogleAdsFailure); ok {
			return f
		}
	}
	t.Fatalf("no GoogleAdsFailure in the details of %v", err)
	return nil
}

// wantError checks the gRPC code and the first API error code of err.
func wantError(t *testing.T, err error, code codes.Code, want protoreflect.Enum) *adserrors.GoogleAdsError {
	t.Helper()
	if status.Code(err) != code {
		t.Fatalf("error is %v; want code %s", err, code)
	}
	f := failureOf(t, err)
	if f.GetRequestId() == "" {
		t.Error("the failure has no request id")
	}
	checkCode(t, f.GetErrors()[0], want)
	return f.GetErrors()[0]
}

func checkCode(t *testing.T, e *adserrors.GoogleAdsError, want protoreflect.Enum) {
	t.Helper()
	if got := newError(want, "").GetErrorCode().String(); e.GetErrorCode().String() != got {
		t.Errorf("error code is %v (%s); want %v", e.GetErrorCode(), e.GetMessage(), got)
	}
}

// failureIn unpacks the failure of a partial_failure_error.
func failureIn(t *testing.T, details []*anypb.Any) *adserrors.GoogleAdsFailure {
	t.Helper()
	f := &adserrors.GoogleAdsFailure{}
	if len(details) != 1 || details[0].UnmarshalTo(f) != nil {
		t.Fatalf("details are not one GoogleAdsFailure: %v", details)
	}
	return f
}

// place writes where an error is: operations[0].update.amount_micros.
func place(e *adserrors.GoogleAdsError) string {
	var b strings.Builder
	for i, p := range e.GetLocation().GetFieldPathElements() {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.GetFieldName())
		if p.Index != nil {
			b.WriteString("[" + string(rune('0'+p.GetIndex())) + "]")
		}
	}
	return b.String()
}
