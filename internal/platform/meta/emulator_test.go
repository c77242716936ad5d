package meta_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/meta"
	"adsteward/internal/platform/pace"
	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
	emulator "adsteward/internal/sandbox/meta"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	accountID = "1234567890"
	token     = "the-token"
	secret    = "the-secret"
)

const shop = `{"name": "shop", "seed": 3, "start": "2026-03-01", "nights": 30, "history_days": 40, "currency": %q,
  "time_zone": "Europe/Vienna", "campaigns": [
    {"id": "m1", "platform": "meta", "name": "Prospecting", "budget": 120, "n": 1200},
    {"id": "m2", "platform": "meta", "name": "Catalogue", "budget": 80, "target_roas": 2.5, "type": "retargeting", "lists": ["carts"], "without_lists": ["buyers"]},
    {"id": "g1", "platform": "google", "budget": 50}]}`

// world is an emulated account and a client of it whose pauses take no time.
type world struct {
	market *market.Market
	faults *faults.Table
	lists  *lists.Lists
	ledger *conversions.Ledger
	client *meta.Client
	server *httptest.Server
}

func setup(t *testing.T, currency string, adjust ...func(*meta.Config)) *world {
	t.Helper()
	return setupShop(t, fmt.Sprintf(shop, currency), adjust...)
}

func setupShop(t *testing.T, scenario string, adjust ...func(*meta.Config)) *world {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(scenario))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{market: m, faults: faults.NewTable(), lists: lists.New(emulator.FirstAudienceID), ledger: conversions.New()}
	w.server = httptest.NewServer(emulator.New(emulator.Options{Market: m, Faults: w.faults, AdAccountID: accountID,
		AccessToken: token, AppSecret: secret, Lists: w.lists, DataSetID: "310", Conversions: w.ledger}))
	cfg := meta.Config{BaseURL: w.server.URL, AdAccountID: "act_" + accountID, AccessToken: token, AppSecret: secret, CallsPerSecond: 1e6,
		HTTPClient: w.server.Client(), RequestTimeout: 20 * time.Second,
		Retry: pace.Policy{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
	for _, f := range adjust {
		f(&cfg)
	}
	if w.client, err = meta.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.client.Close()
		w.server.Close()
	})
	return w
}

func (w *world) entity(t *testing.T, typ platform.EntityType, name string) platform.Entity {
	t.Helper()
	all, err := w.client.Structure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Type == typ && strings.HasPrefix(e.Name, name) {
			return e
		}
	}
	t.Fatalf("there is no %s %q in %v", typ, name, all)
	return platform.Entity{}
}

func kindOf(t *testing.T, err error, want platform.Kind) *platform.Error {
	t.Helper()
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Kind != want {
		t.Fatalf("error %v (%T), want one of kind %s", err, err, want)
	}
	for _, s := range []string{token, secret} {
		if strings.Contains(e.Error(), s) {
			t.Fatalf("the error tells a secret: %v", e)
		}
	}
	return e
}

func TestAccount(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		currency    string
		unit, least money.Micros
	}{
		{"EUR", 10_000, 1_000_000},
		{"JPY", 1_000_000, 100_000_000},
		{"KWD", 10_000, 1_000_000}, // hundredths with Meta, though ISO 4217 has three decimals
	} {
		got, err := setup(t, tc.currency).client.Account(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := platform.Account{Platform: platform.Meta, ID: accountID, Name: "shop", Currency: tc.currency, TimeZone: "Europe/Vienna",
			BudgetUnit: tc.unit, MinBudget: tc.least}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestStructure(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.PageSize = 1 })
	got, err := w.client.Structure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Owners of a budget say how often a person saw them in a week: at least once,
	// and more than on one day of it.
	for i := range got {
		e := &got[i]
		if owner := e.Budget == e.Ref; owner != (e.Frequency > 1.2) || e.Frequency > 7 {
			t.Errorf("%s was seen %v times by each person", e.Name, e.Frequency)
		}
		e.Frequency = 0
	}
	c1 := platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(platform.Meta, 0)}
	c2 := platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(platform.Meta, 1)}
	none := map[platform.Field]money.Micros{}
	want := []platform.Entity{
		{Ref: c1, Name: "Prospecting", Status: platform.Enabled, Budget: c1, Channel: "sales", Bidding: "LOWEST_COST_WITHOUT_CAP",
			Fields: map[platform.Field]money.Micros{platform.DailyBudget: 120_000_000}},
		{Ref: c2, Name: "Catalogue", Status: platform.Enabled, Budget: c2, Channel: "sales", Bidding: "LOWEST_COST_WITH_MIN_ROAS",
			Fields: map[platform.Field]money.Micros{platform.DailyBudget: 80_000_000}},
		{Ref: platform.Ref{Type: platform.AdSet, ID: "99" + c1.ID}, Name: "Prospecting ad set", Status: platform.Enabled, Parent: c1, Budget: c1,
			Bidding: "LOWEST_COST_WITHOUT_CAP", Fields: none},
		{Ref: platform.Ref{Type: platform.AdSet, ID: "99" + c2.ID}, Name: "Catalogue ad set", Status: platform.Enabled, Parent: c2, Budget: c2,
			Bidding: "LOWEST_COST_WITH_MIN_ROAS", Fields: map[platform.Field]money.Micros{platform.ROASFloor: 2_500_000}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTargeting(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.Targeting = true })
	lists := func() []platform.Targeting { return w.entity(t, platform.AdSet, "Catalogue").Targeting }
	if got := lists(); got != nil {
		t.Errorf("before the list is made: %v", got)
	}
	carts, buyers := w.list("carts"), w.list("buyers")
	if d := cmp.Diff([]platform.Targeting{{Lists: []string{carts}, Without: []string{buyers}}}, lists()); d != "" {
		t.Error(d)
	}
	if got := w.entity(t, platform.AdSet, "Prospecting").Targeting; got != nil {
		t.Errorf("an ad set that is open to all: %v", got)
	}
}

// list makes an audience and returns its id.
func (w *world) list(name string) string {
	return strconv.FormatInt(w.lists.CreateNamesake(lists.List{Name: name, Kind: lists.CRM}).ID, 10)
}

func TestPerformanceIsWhatTheMarketReports(t *testing.T) {
	t.Parallel()
	for name, asyncRows := range map[string]int{"at once": 1 << 20, "as a report": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, "EUR", func(c *meta.Config) { c.PageSize, c.AsyncRows = 7, asyncRows })
			w.market.AdvanceTo(civil.MustParse("2026-03-05"))
			from, to := civil.MustParse("2026-02-20"), civil.MustParse("2026-03-10")
			got := map[platform.Ref]map[civil.Date]platform.Performance{}
			rows := 0
			err := w.client.Performance(t.Context(), from, to, func(batch []platform.Performance) error {
				for _, p := range batch {
					rows++
					if got[p.Entity] == nil {
						got[p.Entity] = map[civil.Date]platform.Performance{}
					}
					got[p.Entity][p.Date] = p
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if rows != 2*13 { // 20 February to 4 March
				t.Errorf("%d rows, want one for each of 2 campaigns and 13 complete days", rows)
			}
			for _, want := range w.market.Report(platform.Meta, from, to) {
				ref := platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(platform.Meta, map[string]int{"m1": 0, "m2": 1}[want.Entity.ID])}
				p := got[ref][want.Date]
				want.Entity = ref
				want.Cost, want.Value = want.Cost.RoundTo(10_000), want.Value.RoundTo(10_000) // spend is told in cents
				if diff := cmp.Diff(want, p); diff != "" {
					t.Errorf("%s %s: %s", ref.ID, want.Date, diff)
				}
			}
		})
	}
}

// The ad sets of a campaign that owns the budget have days, bids and a history of their
// own, and the campaign's days stay what they are.
func TestAdSetsUnderACampaignsBudget(t *testing.T) {
	t.Parallel()
	for name, asyncRows := range map[string]int{"at once": 1 << 20, "as a report": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sets := strings.Replace(fmt.Sprintf(shop, "EUR"), `"budget": 120,`, `"budget": 120, "ad_sets": 3,`, 1)
			w := setupShop(t, sets, func(c *meta.Config) { c.PageSize, c.AsyncRows = 7, asyncRows })
			campaign := w.entity(t, platform.Campaign, "Prospecting")
			second := w.entity(t, platform.AdSet, "Prospecting ad set 2")
			if campaign.Bidding != "LOWEST_COST_WITH_BID_CAP" || second.Bidding != campaign.Bidding || second.Fields[platform.BidAmount] != 600_000 || second.Budget != campaign.Ref {
				t.Fatalf("%+v and %+v", campaign, second)
			}
			today := w.market.Today()
			byDay := map[civil.Date]platform.Performance{}
			of := map[string]int{}
			err := w.client.PartPerformance(t.Context(), []platform.Ref{campaign.Ref}, today.AddDays(-20), today.AddDays(-1), func(days []platform.Performance) error {
				for _, d := range days {
					s := byDay[d.Date]
					byDay[d.Date] = platform.Performance{Cost: s.Cost + d.Cost, Value: s.Value + d.Value, Conversions: s.Conversions + d.Conversions,
						Clicks: s.Clicks + d.Clicks, Impressions: s.Impressions + d.Impressions}
					of[d.Entity.ID]++
				}
				return nil
			})
			if err != nil || len(of) != 3 || of[second.ID] != 20 {
				t.Fatalf("days of %v, %v", of, err)
			}
			err = w.client.Performance(t.Context(), today.AddDays(-20), today.AddDays(-1), func(days []platform.Performance) error {
				for _, d := range days {
					s := byDay[d.Date]
					if s.Entity, s.Date = d.Entity, d.Date; d.Entity == campaign.Ref && s != d {
						t.Errorf("the ad sets come to %+v, the campaign to %+v", s, d)
					}
					if d.Entity.Type == platform.AdSet {
						t.Errorf("an ad set among the campaigns: %+v", d)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			c := platform.Change{Entity: second.Ref, Field: platform.BidAmount, Seen: 600_000, Value: 690_000}
			res, err := w.client.Apply(t.Context(), []platform.Change{c})
			if err != nil || res[0].Err != nil || w.entity(t, platform.AdSet, "Prospecting ad set 2").Fields[platform.BidAmount] != 690_000 ||
				w.entity(t, platform.AdSet, "Prospecting ad set 1").Fields[platform.BidAmount] != 600_000 {
				t.Errorf("%+v, %v", res, err)
			}
			events, err := w.client.Changes(t.Context(), w.market.Scenario().Start.Time())
			if err != nil || len(events) != 1 || events[0].Entity != c.Entity || events[0].Field != platform.BidAmount || events[0].Old != 600_000 || events[0].New != 690_000 {
				t.Errorf("history %+v, %v", events, err)
			}
		})
	}
}

// So have those of one that asks for a minimum ROAS: each has a minimum, changed and told of
// apart, and no bid.
func TestAdSetsWithMinimumsUnderACampaignsBudget(t *testing.T) {
	t.Parallel()
	w := setupShop(t, strings.Replace(fmt.Sprintf(shop, "EUR"), `"target_roas": 2.5,`, `"target_roas": 2.5, "ad_sets": 3,`, 1), func(*meta.Config) {})
	campaign := w.entity(t, platform.Campaign, "Catalogue")
	floors := func() (out []money.Micros) {
		t.Helper()
		for _, name := range []string{"1", "2", "3"} {
			s := w.entity(t, platform.AdSet, "Catalogue ad set "+name)
			if s.Bidding != "LOWEST_COST_WITH_MIN_ROAS" || s.Budget != campaign.Ref || s.Parent != campaign.Ref || s.Fields[platform.BidAmount] != 0 {
				t.Errorf("%+v", s)
			}
			out = append(out, s.Fields[platform.ROASFloor])
		}
		return out
	}
	if got := floors(); !slices.Equal(got, []money.Micros{2_500_000, 2_500_000, 2_500_000}) {
		t.Fatalf("minimums %v", got)
	}
	first, second, third := w.entity(t, platform.AdSet, "Catalogue ad set 1").Ref, w.entity(t, platform.AdSet, "Catalogue ad set 2").Ref, w.entity(t, platform.AdSet, "Catalogue ad set 3").Ref
	changes := []platform.Change{{Entity: first, Field: platform.ROASFloor, Seen: 2_500_000, Value: 2_250_000}, {Entity: third, Field: platform.ROASFloor, Seen: 2_500_000, Value: 2_750_000},
		{Entity: second, Field: platform.BidAmount, Seen: money.One, Value: 2 * money.One}}
	for _, ask := range []func(context.Context, []platform.Change) ([]platform.Result, error){w.client.Validate, w.client.Apply} {
		res, err := ask(t.Context(), changes)
		if err != nil || res[0].Err != nil || res[1].Err != nil || res[2].Err == nil {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if got := floors(); !slices.Equal(got, []money.Micros{2_250_000, 2_500_000, 2_750_000}) {
		t.Errorf("minimums after the changes %v", got)
	}
	read, err := w.client.Read(t.Context(), []platform.Ref{third, campaign.Ref})
	if err != nil || len(read) != 2 {
		t.Fatalf("%+v, %v", read, err)
	}
	for _, e := range read {
		if e.Ref == third && e.Fields[platform.ROASFloor] != 2_750_000 || e.Ref == campaign.Ref && e.Fields[platform.ROASFloor] != 0 {
			t.Errorf("read back %+v", e)
		}
	}
	events, err := w.client.Changes(t.Context(), w.market.Scenario().Start.Time())
	if err != nil || len(events) != 2 {
		t.Fatalf("history %+v, %v", events, err)
	}
	for _, c := range changes[:2] { // sent side by side
		if !slices.ContainsFunc(events, func(e platform.ChangeEvent) bool {
			return e.Entity == c.Entity && e.Field == c.Field && e.Old == c.Seen && e.New == c.Value
		}) {
			t.Errorf("history %+v does not tell of %+v", events, c)
		}
	}
}

func TestPerformanceStopsAtTheFirstErrorOfYield(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.PageSize = 5 })
	stop, calls := errors.New("enough"), 0
	err := w.client.Performance(t.Context(), civil.MustParse("2026-02-01"), civil.MustParse("2026-02-20"), func([]platform.Performance) error {
		calls++
		return stop
	})
	if err != stop || calls != 1 {
		t.Errorf("error %v after %d calls, want the yield's own after one", err, calls)
	}
}

func TestApplyAndReadBack(t *testing.T) {
	t.Parallel()
	for currency, value := range map[string]money.Micros{"EUR": 138_000_000, "JPY": 138_000_000, "KWD": 138_250_000} {
		t.Run(currency, func(t *testing.T) {
			t.Parallel()
			w := setup(t, currency)
			c, s := w.entity(t, platform.Campaign, "Prospecting"), w.entity(t, platform.AdSet, "Catalogue")
			changes := []platform.Change{
				{Entity: c.Ref, Field: platform.DailyBudget, Seen: 120_000_000, Value: value},
				{Entity: s.Ref, Field: platform.ROASFloor, Seen: 2_500_000, Value: 2_750_000},
			}
			results, err := w.client.Validate(t.Context(), changes)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if r.Err != nil || r.RequestID == "" {
					t.Errorf("validation %d: request %q, error %v", i, r.RequestID, r.Err)
				}
			}
			if len(w.market.Changes(platform.Meta)) != 0 {
				t.Fatal("validation changed the market")
			}
			if results, err = w.client.Apply(t.Context(), changes); err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if r.Err != nil || r.RequestID == "" {
					t.Errorf("change %d: request %q, error %v", i, r.RequestID, r.Err)
				}
			}
			back, err := w.client.Read(t.Context(), []platform.Ref{c.Ref, s.Ref, {Type: platform.Campaign, ID: "404"}})
			if err != nil || len(back) != 2 {
				t.Fatalf("read %v, %v, want both entities and not the unknown one", back, err)
			}
			if got := back[0].Fields[platform.DailyBudget]; got != value {
				t.Errorf("the budget reads %s, want %s", got.Decimal(), value.Decimal())
			}
			if got := back[1].Fields[platform.ROASFloor]; got != 2_750_000 {
				t.Errorf("the ROAS floor reads %s", got.Decimal())
			}
			if got := w.market.Campaigns(platform.Meta)[0].Budget; got != value {
				t.Errorf("the market has a budget of %s, want %s", got.Decimal(), value.Decimal())
			}
		})
	}
}

func TestALargeStepMakesACampaignLearn(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	c := w.entity(t, platform.Campaign, "Prospecting")
	if c.Learning != "" {
		t.Fatalf("the campaign learns before anything was changed: %q", c.Learning)
	}
	results, err := w.client.Apply(t.Context(), []platform.Change{{Entity: c.Ref, Field: platform.DailyBudget, Value: 200_000_000}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	w.market.AdvanceTo(w.market.Today() + 1)
	read, err := w.client.Read(t.Context(), []platform.Ref{c.Ref})
	if err != nil {
		t.Fatal(err)
	}
	if again := w.entity(t, platform.Campaign, "Prospecting"); again.Learning != "LEARNING" || read[0].Learning != "LEARNING" {
		t.Errorf("learning is %q in the structure and %q when read alone", again.Learning, read[0].Learning)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.PageSize = 1 })
	c, s := w.entity(t, platform.Campaign, "Prospecting"), w.entity(t, platform.AdSet, "Catalogue")
	if _, err := w.client.Apply(t.Context(), []platform.Change{{Entity: c.Ref, Field: platform.DailyBudget, Value: 130_000_000}}); err != nil {
		t.Fatal(err)
	}
	w.market.AdvanceTo(w.market.Today() + 1)
	if err := w.market.SetTargetROAS("m2", 3_000_000, "Ada", "Ads Manager"); err != nil {
		t.Fatal(err)
	}
	got, err := w.client.Changes(t.Context(), civil.MustParse("2026-02-28").Time())
	if err != nil || len(got) != 2 {
		t.Fatalf("changes %v, %v, want two", got, err)
	}
	if e := got[0]; e.Entity != c.Ref || e.Field != platform.DailyBudget || e.Old != 120_000_000 || e.New != 130_000_000 || e.Actor == "" || e.Client == "" {
		t.Errorf("the budget's change reads %+v", e)
	}
	if e := got[1]; e.Entity != s.Ref || e.Field != platform.ROASFloor || e.Old != 2_500_000 || e.New != 3_000_000 || e.Actor != "Ada" || e.Client != "Ads Manager" {
		t.Errorf("the floor's change reads %+v", e)
	}
	if later, err := w.client.Changes(t.Context(), got[0].At.Add(time.Second)); err != nil || len(later) != 1 {
		t.Errorf("changes since the first: %v, %v, want the second alone", later, err)
	}
}

func TestOperationsAreCounted(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	if _, err := w.client.Structure(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.client.Usage().Operations
	if before != 4 { // currency, campaigns, ad sets, how often they were seen
		t.Errorf("the structure took %d operations, want 4", before)
	}
	c := market.RemoteCampaignID(platform.Meta, 0)
	if _, err := w.client.Read(t.Context(), []platform.Ref{{Type: platform.Campaign, ID: c}, {Type: platform.AdSet, ID: "99" + c}}); err != nil {
		t.Fatal(err)
	}
	if n := w.client.Usage().Operations - before; n != 2 {
		t.Errorf("reading two entities took %d operations, want 2", n)
	}
}

func TestAudiences(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	ctx := t.Context()
	list := platform.List{Name: "Seed", Kind: platform.Seed, MembershipDays: 180}
	id, err := w.client.EnsureList(ctx, list)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.client.EnsureList(ctx, list); err != nil || again != id {
		t.Fatalf("the list is %q the second time, %v, want %q", again, err, id)
	}
	if _, err := w.client.EnsureLookalike(ctx, "Like the best", id, "DE", 0.02); err == nil {
		t.Fatal("a lookalike of an empty seed was made")
	} else {
		kindOf(t, err, platform.Rejected)
	}

	members := people(25_000)
	members[3].EmailSHA256 = "ada@example.com"       // never leaves
	members[20_001] = platform.Member{Country: "DE"} // nobody
	receipts, err := w.client.Add(ctx, id, members)
	if err != nil {
		t.Fatal(err)
	}
	want := []platform.SyncReceipt{{Received: 9_999, Invalid: 1}, {Received: 10_000}, {Received: 4_999, Invalid: 1}}
	if diff := cmp.Diff(want, withoutIDs(t, receipts)); diff != "" {
		t.Error(diff)
	}
	if n := w.lists.Size(w.lists.All()[0].ID); n != 24_998 {
		t.Errorf("the audience has %d people, want 24,998", n)
	}
	if first := w.lists.Members(w.lists.All()[0].ID)[0]; first.Value != 1 {
		t.Errorf("the first member's value is %v, want 1", first.Value)
	}
	receipts, err = w.client.Remove(ctx, id, members[:100])
	if err != nil || len(receipts) != 1 || receipts[0].Received != 99 {
		t.Errorf("removal: %v, %v", receipts, err)
	}
	if n := w.lists.Size(w.lists.All()[0].ID); n != 24_899 {
		t.Errorf("the audience has %d people after the removal, want 24,899", n)
	}
	look, err := w.client.EnsureLookalike(ctx, "Like the best", id, "DE", 0.02)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.client.EnsureLookalike(ctx, "Like the best", id, "DE", 0.02); err != nil || again != look || look == id {
		t.Errorf("the lookalike is %q, then %q, %v; the seed is %q", look, again, err, id)
	}
}

func people(n int) []platform.Member {
	out := make([]platform.Member, n)
	for i := range out {
		out[i] = platform.Member{EmailSHA256: fmt.Sprintf("%064x", i), Country: "DE", Value: float64(i + 1)}
	}
	return out
}

func withoutIDs(t *testing.T, receipts []platform.SyncReceipt) []platform.SyncReceipt {
	t.Helper()
	out := make([]platform.SyncReceipt, len(receipts))
	for i, r := range receipts {
		if r.RequestID == "" {
			t.Errorf("receipt %d has no request id", i)
		}
		r.RequestID = ""
		out[i] = r
	}
	return out
}

// TestFaultsOfReads: whatever happens to a read once, the answer comes.
func TestFaultsOfReads(t *testing.T) {
	t.Parallel()
	for _, kind := range []faults.Kind{faults.TimeoutBefore, faults.TimeoutAfter, faults.RateLimit, faults.Unavailable, faults.SlowStream, faults.PartialFailure} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t, "EUR")
			w.faults.Add(faults.Rule{Kind: kind, Service: "meta", Method: "/campaigns", DelayMS: 10})
			if got, err := w.client.Structure(t.Context()); err != nil || len(got) != 4 {
				t.Errorf("%d entities, %v, want 4", len(got), err)
			}
		})
	}
}

// TestFaultsOfWrites: an unanswered write is Unknown and is not sent twice; one
// that was refused for the moment is.
func TestFaultsOfWrites(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind    faults.Kind
		want    platform.Kind // "" for success
		applied bool
	}{
		{faults.TimeoutBefore, platform.Unknown, false},
		{faults.TimeoutAfter, platform.Unknown, true},
		{faults.Unavailable, platform.Unknown, false},
		{faults.RateLimit, "", true},
		{faults.PartialFailure, platform.Rejected, false},
		{faults.ExpiredToken, platform.Authentication, false},
		{faults.SlowStream, "", true},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t, "EUR")
			c := w.entity(t, platform.Campaign, "Prospecting")
			w.faults.Add(faults.Rule{Kind: tc.kind, Service: "meta", Method: "POST /", DelayMS: 10})
			results, err := w.client.Apply(t.Context(), []platform.Change{{Entity: c.Ref, Field: platform.DailyBudget, Value: 130_000_000}})
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == "" && results[0].Err != nil {
				t.Errorf("error %v, want none", results[0].Err)
			}
			if tc.want != "" {
				kindOf(t, results[0].Err, tc.want)
			}
			if applied := len(w.market.Changes(platform.Meta)) == 1; applied != tc.applied {
				t.Errorf("applied: %v, want %v", applied, tc.applied)
			}
		})
	}
}

func TestItemsOfABatchFailApart(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	a, b := w.entity(t, platform.Campaign, "Prospecting"), w.entity(t, platform.Campaign, "Catalogue")
	w.faults.Add(faults.Rule{Kind: faults.PartialFailure, Service: "meta", Method: "POST /"})
	results, err := w.client.Apply(t.Context(), []platform.Change{
		{Entity: a.Ref, Field: platform.DailyBudget, Value: 130_000_000}, {Entity: b.Ref, Field: platform.DailyBudget, Value: 90_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	kindOf(t, results[0].Err, platform.Rejected)
	if results[1].Err != nil {
		t.Errorf("the second change: %v", results[1].Err)
	}
}

func TestAStaleReadShowsTheValueBefore(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	c := w.entity(t, platform.Campaign, "Prospecting")
	if _, err := w.client.Apply(t.Context(), []platform.Change{{Entity: c.Ref, Field: platform.DailyBudget, Value: 130_000_000}}); err != nil {
		t.Fatal(err)
	}
	w.faults.Add(faults.Rule{Kind: faults.StaleRead, Service: "meta"})
	for _, want := range []money.Micros{120_000_000, 130_000_000} {
		got, err := w.client.Read(t.Context(), []platform.Ref{c.Ref})
		if err != nil || got[0].Fields[platform.DailyBudget] != want {
			t.Errorf("read %v, %v, want %s", got, err, want.Decimal())
		}
	}
}

func TestAWrongTokenSaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.AccessToken = "another" })
	_, err := w.client.Account(t.Context())
	if e := kindOf(t, err, platform.Authentication); e.Code != "190" || e.Remedy == "" {
		t.Errorf("error %+v, want code 190 with a remedy", e)
	}
}

func TestNoServerIsNotUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	c := w.entity(t, platform.Campaign, "Prospecting")
	w.server.Close()
	results, err := w.client.Apply(t.Context(), []platform.Change{{Entity: c.Ref, Field: platform.DailyBudget, Value: 130_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	if e := kindOf(t, results[0].Err, platform.Retryable); e.Code != "NOT_SENT" {
		t.Errorf("error %+v, want that nothing was sent", e)
	}
}

func TestTheTokenIsNeverInAnAddress(t *testing.T) {
	t.Parallel()
	var addresses []string
	w := setup(t, "EUR")
	client, err := meta.Open(meta.Config{BaseURL: w.server.URL, AdAccountID: accountID, AccessToken: token, AppSecret: secret,
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			addresses = append(addresses, r.URL.String())
			return w.server.Client().Transport.RoundTrip(r)
		})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if strings.Contains(a, token) || !strings.Contains(a, "appsecret_proof=") {
			t.Errorf("the address %s holds the token or no proof", a)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSimulationsAreOfTheBudgetsOwners(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR")
	sims, err := w.client.Simulations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sims) != 2 {
		t.Fatalf("%d simulations, want one a campaign: %v", len(sims), sims)
	}
	for i, s := range sims {
		want := w.market.Simulate(i)
		if s.Entity.Type != platform.Campaign || len(s.Points) != len(want) {
			t.Fatalf("%v has %d points, want %d", s.Entity, len(s.Points), len(want))
		}
		for k, p := range s.Points {
			ratio := (p.Result / s.Points[0].Result) / (want[k].Value / want[0].Value)
			if math.Abs(p.Spend-want[k].Spend) > 0.01 || math.Abs(ratio-1) > 1e-9 {
				t.Errorf("point %d of %v is %v, want %v", k, s.Entity, p, want[k])
			}
		}
	}
	// While a campaign learns Meta is not sure, and says a point of zeros.
	if err := w.market.SetBudget("m1", 300*money.One, "somebody", ""); err != nil {
		t.Fatal(err)
	}
	if sims, err = w.client.Simulations(t.Context()); err != nil || len(sims) != 1 {
		t.Errorf("a learning campaign is simulated: %v, %v", sims, err)
	}
}

// TestCatalog reads an emulated catalog over several pages, and what is said of
// it as a whole.
func TestCatalog(t *testing.T) {
	t.Parallel()
	var judged []catalog.Item
	for i := range 25 {
		it := catalog.Item{ID: fmt.Sprint(i), Pending: i == 3}
		if i%10 == 0 {
			it.Issues = []catalog.Issue{{Code: "EMPTY_PRICE", Attribute: "price", Title: "No price", Error: true}, {Code: "IMAGE_RESOLUTION_LOW", Title: "Small"}}
		}
		judged = append(judged, it)
	}
	w := setup(t, "EUR")
	server := httptest.NewServer(emulator.New(emulator.Options{Market: w.market, AdAccountID: accountID, AccessToken: token, CatalogID: "410",
		Items: func() ([]catalog.Item, error) { return judged, nil }}))
	t.Cleanup(server.Close)
	client, err := meta.Open(meta.Config{BaseURL: server.URL, AdAccountID: accountID, AccessToken: token, PageSize: 10, CallsPerSecond: 1e6, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	items, err := client.Catalog("410")
	if err != nil {
		t.Fatal(err)
	}
	states := map[platform.ItemState]int{}
	pages := 0
	if err := items.ItemStatuses(t.Context(), func(batch []platform.ItemStatus) error {
		pages++
		for _, s := range batch {
			states[s.State]++
			if s.State == platform.ItemDisapproved && (len(s.Issues) != 2 || s.Issues[0].Attribute != "price" || !s.Issues[0].Error || s.Issues[1].Error) {
				t.Errorf("item %s: %+v", s.ItemID, s.Issues)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[platform.ItemState]int{platform.ItemApproved: 21, platform.ItemPending: 1, platform.ItemDisapproved: 3}, states); d != "" || pages != 3 {
		t.Errorf("%d pages; %s", pages, d)
	}
	groups, err := items.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []platform.CatalogGroup{{Code: "ATTRIBUTES_MISSING", Error: true, Title: "Some items need a look", Items: 3}, {Code: "IMAGE_QUALITY", Title: "Some items need a look", Items: 3}}
	if d := cmp.Diff(want, groups); d != "" {
		t.Error(d)
	}
	other, err := client.Catalog("411")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.ItemStatuses(t.Context(), nil); platform.KindOf(err) != platform.Rejected {
		t.Errorf("another catalog: %v", err)
	}
	if _, err := client.Catalog("41x"); err == nil {
		t.Error("a catalog's id that is none was taken")
	}
}

// What items cost adds up to the campaign, whichever way it is asked for; Meta
// tells no purchases by item.
func TestItemPerformance(t *testing.T) {
	t.Parallel()
	for name, asyncRows := range map[string]int{"at once": 1 << 20, "as a report": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, "EUR", func(c *meta.Config) { c.PageSize, c.AsyncRows = 7, asyncRows })
			from, to := civil.MustParse("2026-02-20"), civil.MustParse("2026-02-25")
			var cost, clicks = map[string]money.Micros{}, map[string]int64{}
			rows := 0
			err := w.client.ItemPerformance(t.Context(), from, to, func(batch []platform.ItemPerformance) error {
				for _, p := range batch {
					rows++
					cost[p.Campaign.ID] += p.Cost
					clicks[p.Campaign.ID] += p.Clicks
					if p.Conversions != 0 || p.Value != 0 || strings.ContainsAny(p.ItemID, ", ") || p.ItemID == "" || p.Date < from || p.Date > to {
						t.Errorf("%+v", p)
					}
				}
				return nil
			})
			if err != nil || rows == 0 {
				t.Fatal(rows, err)
			}
			wantCost, wantClicks := map[string]money.Micros{}, map[string]int64{}
			for _, d := range w.market.Report(platform.Meta, from, to) {
				id := market.RemoteCampaignID(platform.Meta, map[string]int{"m1": 0, "m2": 1}[d.Entity.ID])
				wantCost[id] += d.Cost.RoundTo(10_000)
				wantClicks[id] += d.Clicks
			}
			if diff := cmp.Diff(wantCost, cost) + cmp.Diff(wantClicks, clicks); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Ads are told day by day with the campaign and ad set they belong to, whichever
// way it is asked; campaigns without ads tell none.
func TestAdPerformance(t *testing.T) {
	t.Parallel()
	const shop = `{"start": "2026-03-01", "history_days": 30, "campaigns": [
		{"id": "m1", "platform": "meta", "budget": 60}, {"id": "m2", "platform": "meta", "budget": 80, "ads": [
			{"name": "Film", "share": 3, "half_life_days": 20, "wears_from": "2026-02-10"}, {"name": "Picture"}]}]}`
	for name, asyncRows := range map[string]int{"at once": 1 << 20, "as a report": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupShop(t, shop, func(c *meta.Config) { c.PageSize, c.AsyncRows = 7, asyncRows })
			from, to := civil.MustParse("2026-02-05"), civil.MustParse("2026-02-25")
			var got []platform.AdPerformance
			if err := w.client.AdPerformance(t.Context(), from, to, func(batch []platform.AdPerformance) error {
				got = append(got, batch...)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			adSet := w.entity(t, platform.AdSet, "Prospecting m2")
			var want []platform.AdPerformance
			for _, d := range w.market.AdReport(platform.Meta, from, to) {
				want = append(want, platform.AdPerformance{AdID: d.Entity.ID, Name: d.Name, Campaign: adSet.Parent, AdSet: adSet.Ref,
					Date: d.Date, Cost: d.Cost, Conversions: d.Conversions, Clicks: d.Clicks, Impressions: d.Impressions})
			}
			if diff := cmp.Diff(want, got); diff != "" || len(want) != 42 {
				t.Errorf("%d rows: %s", len(got), diff)
			}
			refused := errors.New("refused")
			if err := w.client.AdPerformance(t.Context(), from, to, func([]platform.AdPerformance) error { return refused }); !errors.Is(err, refused) {
				t.Errorf("yield's error became %v", err)
			}
			if err := w.client.AdPerformance(t.Context(), to, from, nil); err != nil {
				t.Errorf("no days: %v", err)
			}
		})
	}
}
