package sandbox_test

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/market"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = civil.MustParse("2026-10-01")

func run(t *testing.T, opts sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	sc, err := sandbox.DemoScenario(start, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	opts.Scenario = sc
	s, err := sandbox.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call makes an HTTP request of its own connection and returns status and body.
func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestEveryPlatformAnswers(t *testing.T) {
	t.Parallel()
	s := run(t, sandbox.Options{})
	info := s.Info()

	conn, err := grpc.NewClient(info.GoogleAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	search := func(token string) (*services.SearchGoogleAdsResponse, error) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		return services.NewGoogleAdsServiceClient(conn).Search(ctx, &services.SearchGoogleAdsRequest{CustomerId: info.CustomerID, Query: "SELECT campaign.id FROM campaign"})
	}
	if got, err := search(info.AccessToken); err != nil || len(got.GetResults()) != 7 {
		t.Errorf("google answers %d campaigns, error %v", len(got.GetResults()), err)
	}
	if _, err := search("wrong"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("google and a wrong token: %v", err)
	}
	code, body := call(t, "GET", "http://"+info.MetaAddr+"/v26.0/act_"+info.AdAccountID+"/campaigns?fields=name&access_token="+info.AccessToken, "")
	if code != 200 || strings.Count(body, `"name"`) != 5 {
		t.Errorf("meta answers %d %s", code, body)
	}
	if code, _ := call(t, "POST", "http://"+info.DataManagerAddr+"/v1/audienceMembers:ingest", "{}"); code != 401 {
		t.Errorf("data manager without a token answers %d", code)
	}
	if code, body := call(t, "POST", info.TokenURL, ""); code != 400 || !strings.Contains(body, "unsupported_grant_type") {
		t.Errorf("the token endpoint answers %d %s", code, body)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", info.MetaAddr); err == nil {
		t.Error("still listening after Stop")
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := run(t, sandbox.Options{})
	base := "http://" + s.Info().ControlAddr
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/state", "", 200, `"today":"2026-10-01"`},
		{"POST", "/advance", `{"days": 2}`, 200, `"today":"2026-10-03"`},
		{"POST", "/advance", `{"to": "2026-10-05"}`, 200, `"today":"2026-10-05"`},
		{"POST", "/advance", `{"to": "2026-10-01"}`, 400, "forward only"},
		{"POST", "/advance", `{"day": 2}`, 400, "unknown field"},
		{"POST", "/faults", `[{"kind": "rate_limit", "service": "oauth"}]`, 204, ""},
		{"POST", "/faults", `[{"kind": "flood"}]`, 400, `"flood"`},
		{"GET", "/shop/2026-10-04/orders.csv", "", 200, "order_id,customer_id,ordered_at"},
		{"GET", "/shop/2026-10-04/costs.csv", "", 200, "RUNNING-001,"},
		{"GET", "/shop/2026-10-04/secrets.csv", "", 404, "ask for"},
		{"GET", "/shop/feed.xml", "", 200, "<g:id>"},
	} {
		if code, body := call(t, tc.method, base+tc.path, tc.body); code != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s %s: %d %.200s", tc.method, tc.path, tc.body, code, body)
		}
	}
	if rule, ok := s.Faults().Next("oauth", "POST /token"); !ok || rule.Kind != faults.RateLimit {
		t.Error("the rule is not on the table")
	}
}

func TestGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "market.json")
	s := run(t, sandbox.Options{StateFile: file})
	if err := s.Market().SetBudget("generic", 200*money.One, "ann", "api"); err != nil {
		t.Fatal(err)
	}
	s.Advance(start + 2)
	if err := s.Market().SetBudget("brand", 300*money.One, "ann", "api"); err != nil {
		t.Fatal(err)
	}
	if err := makeGoal(t, s); err != nil {
		t.Fatal(err)
	}
	want, wantList := s.Market().Campaigns(""), s.Info().UserListID
	if got, err := sandbox.TodayOf(file); err != nil || got != start+2 {
		t.Errorf("the state stands at %s, error %v", got, err)
	}
	// A second sandbox finds everything without the first having been stopped.
	again := run(t, sandbox.Options{StateFile: file})
	if diff := cmp.Diff(want, again.Market().Campaigns("")); diff != "" || again.Market().Today() != start+2 {
		t.Errorf("on %s:\n%s", again.Market().Today(), diff)
	}
	if got := again.Info().UserListID; got != wantList {
		t.Errorf("the user list is %s, was %s", got, wantList)
	}
	if err := makeGoal(t, again); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the goal that is there is made again: %v", err)
	}
	if err := again.Stop(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	sc, err := sandbox.DemoScenario(start, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.Start(sandbox.Options{Scenario: sc, StateFile: file}); err == nil || !strings.Contains(err.Error(), "market.json") {
		t.Errorf("a broken state file: %v", err)
	}
}

// makeGoal makes the Google account's goal of winning new customers, of which
// there is one.
func makeGoal(t *testing.T, s *sandbox.Sandbox) error {
	t.Helper()
	conn, err := grpc.NewClient(s.Info().GoogleAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.Info().AccessToken)
	_, err = services.NewGoalServiceClient(conn).MutateGoals(ctx, &services.MutateGoalsRequest{CustomerId: s.Info().CustomerID,
		Operations: []*services.GoalOperation{{Operation: &services.GoalOperation_Create{Create: &resources.Goal{
			GoalSettings: &resources.Goal_NewCustomerAcquisitionGoalSettings{NewCustomerAcquisitionGoalSettings: &common.GoalSetting_NewCustomerAcquisitionGoal{}}}}}}})
	return err
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := run(t, sandbox.Options{})
	sc, err := sandbox.DemoScenario(start, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.Start(sandbox.Options{Scenario: sc, MetaAddr: s.Info().GoogleAddr}); err == nil || !strings.Contains(err.Error(), s.Info().GoogleAddr) {
		t.Errorf("an address in use: %v", err)
	}
}

// TestKeepsWhatOrdersItWasTold: both accounts record at the ids of the first
// line, apart from each other, and a later sandbox still knows.
func TestKeepsWhatOrdersItWasTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "market.json")
	s := run(t, sandbox.Options{StateFile: file})
	info, when := s.Info(), s.Market().Today().Time().Add(time.Hour)
	post := func(url, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+info.AccessToken)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			data, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s: %s", resp.Status, data)
		}
	}
	post("http://"+info.DataManagerAddr+"/v1/events:ingest", fmt.Sprintf(`{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":%q},
		"productDestinationId":%q}],"events":[{"transactionId":"g","eventTimestamp":%q,"conversionValue":1.5,"currency":"EUR","adIdentifiers":{"gclid":"x"}}]}`,
		info.CustomerID, info.ConversionActionID, when.Format(time.RFC3339)))
	post("http://"+info.MetaAddr+"/v26.0/"+info.DataSetID+"/events", fmt.Sprintf(`{"data":[{"event_name":"Purchase","event_time":%d,"event_id":"m",
		"action_source":"website","user_data":{"external_id":"c"},"custom_data":{"value":2.5,"currency":"EUR"}}]}`, when.Unix()))

	again := run(t, sandbox.Options{StateFile: file})
	for p, want := range map[platform.Name]string{platform.Google: "g 1.5 " + info.ConversionActionID, platform.Meta: "m 2.5 " + info.DataSetID + "/Purchase"} {
		for _, box := range []*sandbox.Sandbox{s, again} {
			all := box.Conversions(p).All()
			if len(all) != 1 || fmt.Sprint(all[0].OrderID, " ", all[0].Value.Decimal(), " ", all[0].Destination) != want {
				t.Errorf("%s: %+v, want %s", p, all, want)
			}
		}
	}
}

// A call that is held by a fault must not hold Stop.
func TestStopEndsSilence(t *testing.T) {
	t.Parallel()
	held := faults.NewTable(faults.Rule{Kind: faults.TimeoutBefore, Service: "oauth"})
	s := run(t, sandbox.Options{Faults: held})
	sent := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Info().TokenURL, strings.NewReader("grant_type=refresh_token"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	<-sent
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("the held call was answered")
	}
}

func TestDemoScenario(t *testing.T) {
	t.Parallel()
	s := run(t, sandbox.Options{})
	m := s.Market()
	if n, k := len(m.Campaigns(platform.Google)), len(m.Campaigns(platform.Meta)); n != 7 || k != 5 {
		t.Errorf("%d Google and %d Meta campaigns, want 7 and 5", n, k)
	}
	conversions := map[string]float64{}
	for _, p := range m.Report("", start-30, start-1) {
		conversions[p.Entity.ID] += p.Conversions
		if p.Cost == 0 {
			t.Errorf("%s spent nothing on %s", p.Entity.ID, p.Date)
		}
	}
	thin := 0
	for id, n := range conversions {
		if n < 120 {
			thin++
			t.Logf("%s has %v conversions in 30 days", id, n)
		}
	}
	if thin < 1 || thin > 2 {
		t.Errorf("%d campaigns have few conversions, want one or two", thin)
	}
	// There is profit to be found: the best budgets earn clearly more than the first.
	var now, best float64
	for i, c := range m.Scenario().Campaigns {
		profit := func(s float64) float64 { return m.Worth(i, start)*m.ExpectedValue(i, start, s) - s }
		now += profit(min(c.Budget, c.N*c.P))
		most := profit(0)
		for s := 1.0; s <= c.MaxBudget; s++ {
			most = max(most, profit(s))
		}
		best += most
	}
	if best < now*1.1 {
		t.Errorf("profit %v a day, at best %v", now, best)
	}
}

func TestWriteShop(t *testing.T) {
	t.Parallel()
	s := run(t, sandbox.Options{})
	dir := filepath.Join(t.TempDir(), "shop")
	if err := s.WriteShop(dir, start-2, start+5); err != nil {
		t.Fatal(err)
	}
	for name, columns := range map[string]int{"orders-2026-09-30.csv": 14, "carts-2026-09-30.csv": 7, "touches-2026-09-30.csv": 6, "consents-2026-09-30.csv": 5, "costs.csv": 3} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil || len(rows) < 5 || len(rows[0]) != columns {
			t.Errorf("%s: %d rows, error %v", name, len(rows), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "orders-2026-10-01.csv")); err == nil {
		t.Error("the day under way was written")
	}
	items, noImage, noGTIN := flaws(t, dir)
	if items < 36 || noImage == 0 || noGTIN == 0 || noImage+noGTIN > items/3 {
		t.Errorf("%d items, %d without image, %d without GTIN", items, noImage, noGTIN)
	}
}

// Where the market alone is to decide, nothing is wrong with the feed.
func TestSoundFeed(t *testing.T) {
	t.Parallel()
	s, dir := run(t, sandbox.Options{SoundFeed: true}), t.TempDir()
	if err := s.WriteShop(dir, s.Market().Today().AddDays(-1), s.Market().Today().AddDays(-1)); err != nil {
		t.Fatal(err)
	}
	if items, noImage, noGTIN := flaws(t, dir); items < 36 || noImage+noGTIN > 0 {
		t.Errorf("%d items, %d without image, %d without GTIN", items, noImage, noGTIN)
	}
}

// flaws counts what a feed's items lack.
func flaws(t *testing.T, dir string) (items, noImage, noGTIN int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "feed.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var feed struct {
		Items []struct {
			ID    string `xml:"id"`
			Image string `xml:"image_link"`
			GTIN  string `xml:"gtin"`
			Price string `xml:"price"`
		} `xml:"channel>item"`
	}
	if err := xml.Unmarshal(data, &feed); err != nil {
		t.Fatal(err)
	}
	for _, it := range feed.Items {
		if it.Image == "" {
			noImage++
		}
		if it.GTIN == "" {
			noGTIN++
		}
		if it.ID == "" || !strings.HasSuffix(it.Price, " EUR") {
			t.Errorf("odd item %+v", it)
		}
	}
	return len(feed.Items), noImage, noGTIN
}

// TestAPIFaultsEndWithTheirDay: calls that were to fail and were never made do
// not fail on the next day.
func TestAPIFaultsEndWithTheirDay(t *testing.T) {
	t.Parallel()
	sc, err := sandbox.DemoScenario(start, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	sc.Events = []market.ScenarioEvent{{Date: start.AddDays(1), Kind: market.APIFault, Days: 2, Value: 50}}
	s, err := sandbox.Start(sandbox.Options{Scenario: sc})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s.Faults().Add(faults.Rule{Kind: faults.RateLimit, Service: "google", Method: "kept"})
	for day, want := range []bool{false, true, true, false} {
		s.Advance(start.AddDays(day))
		for _, service := range []string{"google", "meta"} {
			if rule, failing := s.Faults().Next(service, "call"); failing != want || failing && rule.Kind != faults.Unavailable {
				t.Errorf("day %d, %s: %v fails: %v", day, service, rule, failing)
			}
		}
	}
	if _, failing := s.Faults().Next("google", "kept"); !failing {
		t.Error("the other rules are gone too")
	}
}

// A shop whose records put costs too high shows a part of the true margin, in its
// orders as in its list of costs, and sells what the other sells.
func TestRecordedMargin(t *testing.T) {
	t.Parallel()
	costs := func(share float64) (rows [][]string) {
		sc, err := sandbox.DemoScenario(start, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		sc.RecordedMargin = share
		s, err := sandbox.Start(sandbox.Options{Scenario: sc})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}()
		dir := t.TempDir()
		if err := s.WriteShop(dir, start-1, start-1); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "orders-"+(start-1).String()+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if rows, err = csv.NewReader(f).ReadAll(); err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	truth, recorded := costs(1), costs(0.7)
	if len(truth) < 5 || len(recorded) != len(truth) {
		t.Fatalf("%d and %d lines", len(truth), len(recorded))
	}
	for i, r := range truth {
		price, cost, said := number(r[12]), number(r[13]), number(recorded[i][13])
		if r[0] != recorded[i][0] || math.Abs(price-said-0.7*(price-cost)) > 0.0051 {
			t.Errorf("order %s: price %v, cost %v, recorded %v", r[0], price, cost, said)
		}
	}
}
