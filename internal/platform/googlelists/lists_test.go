package googlelists_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"adsteward/internal/platform"
	"adsteward/internal/platform/googleads"
	"adsteward/internal/platform/googlelists"
	"adsteward/internal/sandbox/faults"
	emulator "adsteward/internal/sandbox/googleads"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	addr   string
	lists  *lists.Lists
	faults *faults.Table
	seed   string
	ads    *googleads.Client
}

func setup(t *testing.T) *world {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(`{"start":"2026-03-01","campaigns":[{"id":"g1","platform":"google"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{lists: lists.New(500), faults: faults.NewTable()}
	seed, err := w.lists.Create(lists.List{Name: "Best", Kind: lists.CRM, MembershipDays: 180})
	if err != nil {
		t.Fatal(err)
	}
	w.seed = fmt.Sprint(seed.ID)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := emulator.New(emulator.Options{Market: m, Faults: w.faults, CustomerID: 1234567890, Lists: w.lists,
		AccessTokens: func(s string) bool { return s == "TOKEN" }})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.addr = listener.Addr().String()
	w.ads, err = googleads.Open(googleads.Config{Endpoint: w.addr, CustomerID: "123-456-7890", Timeout: 20 * time.Second,
		Credentials: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "TOKEN"})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.ads.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestALookalikeIsMadeOnce(t *testing.T) {
	t.Parallel()
	for ratio, want := range map[float64]float64{0.01: 0.025, 0.025: 0.025, 0.03: 0.05, 0.05: 0.05, 0.06: 0.1, 0.2: 0.1} {
		w := setup(t)
		s := googlelists.New(w.ads.Conn(), w.ads.CustomerID())
		const name = `Like the "best" of Ada's`
		id, err := s.EnsureLookalikeList(t.Context(), name, w.seed, "DE", ratio)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.EnsureLookalikeList(t.Context(), name, w.seed, "DE", ratio)
		if err != nil || again != id {
			t.Errorf("the list is %q the second time, %v, want %q", again, err, id)
		}
		all := w.lists.All()
		if len(all) != 2 || all[1].Kind != lists.Lookalike || fmt.Sprint(all[1].Seed) != w.seed || all[1].Ratio != want || fmt.Sprint(all[1].ID) != id {
			t.Errorf("ratio %v made %+v", ratio, all)
		}
	}
}

func kindOf(t *testing.T, err error, want platform.Kind) {
	t.Helper()
	if e, ok := errors.AsType[*platform.Error](err); !ok || e.Kind != want || e.Platform != platform.Google {
		t.Errorf("error %v (%T), want one of Google of kind %s", err, err, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := googlelists.New(w.ads.Conn(), w.ads.CustomerID())
	for name, tc := range map[string]struct {
		seed, country string
		ratio         float64
	}{
		"a seed that is no number": {"best", "DE", 0.01},
		"a seed that is not there": {"4711", "DE", 0.01},
		"a country that is none":   {w.seed, "Germany", 0.01},
		"no ratio":                 {w.seed, "DE", 0},
		"too large a ratio":        {w.seed, "DE", 0.21},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.EnsureLookalikeList(t.Context(), name, tc.seed, tc.country, tc.ratio)
			kindOf(t, err, platform.Rejected)
		})
	}
	if n := len(w.lists.All()); n != 1 {
		t.Errorf("%d lists, want the seed alone", n)
	}
}

// TestOverAPlainConnection: where the connection does not type its errors, they
// are typed here.
func TestOverAPlainConnection(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		search, mutate codes.Code
		want           platform.Kind
	}{
		{codes.Unavailable, codes.OK, platform.Retryable},
		{codes.Unauthenticated, codes.OK, platform.Authentication},
		{codes.ResourceExhausted, codes.OK, platform.Quota},
		{codes.OK, codes.Unavailable, platform.Unknown},
		{codes.OK, codes.DeadlineExceeded, platform.Unknown},
		{codes.OK, codes.InvalidArgument, platform.Rejected},
		{codes.OK, codes.PermissionDenied, platform.Authentication},
		{codes.OK, codes.OK, platform.Unknown}, // an answer that names no list
	} {
		s := googlelists.New(answering{search: tc.search, mutate: tc.mutate}, "1")
		_, err := s.EnsureLookalikeList(t.Context(), "L", "5", "DE", 0.01)
		kindOf(t, err, tc.want)
	}
	plain, err := grpc.NewClient("127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	_, err = googlelists.New(plain, "1").EnsureLookalikeList(t.Context(), "L", "5", "DE", 0.01)
	kindOf(t, err, platform.Retryable)
}

// answering is a connection that answers searches and mutations with a code and
// nothing else.
type answering struct {
	grpc.ClientConnInterface
	search, mutate codes.Code
}

func (a answering) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	code := a.search
	if strings.HasSuffix(method, "MutateUserLists") {
		code = a.mutate
	}
	if code == codes.OK {
		return nil
	}
	return status.Error(code, "said so")
}
