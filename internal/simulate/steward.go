package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/internal/platform/googleads"
	"adsteward/internal/platform/googleauth"
	"adsteward/internal/platform/meta"
	"adsteward/internal/platform/pace"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

// shopName is the account group that is simulated.
const shopName = "simulated"

// steward is the product at work in a market: the real night, adapters, store
// and emulators; only the network, the clock and the waiting are simulated. The
// stages are called without the queue. Audiences are off: lists do not touch
// what this market earns.
type steward struct {
	sb      *sandbox.Sandbox
	store   *store.Store
	nights  *nightly.Steward
	loc     *time.Location
	today   civil.Date
	ticks   time.Duration
	shopDir string
	client  interface{ CloseIdleConnections() }
	game    game
}

func playSteward(ctx context.Context, sc *market.Scenario, log *slog.Logger, over func()) (g game, err error) {
	s, err := newSteward(ctx, sc, log)
	if err != nil {
		return game{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var last error
	for day := sc.Start; day < end(sc); day++ {
		if err := ctx.Err(); err != nil {
			return game{}, err
		}
		if fault := s.night(ctx, day); fault != nil {
			last = fault
		}
		over()
	}
	s.sb.Advance(end(sc))
	if last != nil && s.game.failed == sc.Nights {
		return game{}, fmt.Errorf("no night could be finished; the last one: %w", last)
	}
	err = s.readIntervals(ctx)
	return s.game, err
}

func newSteward(ctx context.Context, sc *market.Scenario, log *slog.Logger) (s *steward, err error) {
	dir, err := os.MkdirTemp("", "adsteward-simulate-")
	if err != nil {
		return nil, err
	}
	s = &steward{today: sc.Start, shopDir: filepath.Join(dir, "shop")}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var net network
	if s.sb, err = sandbox.Start(sandbox.Options{Scenario: sc, SoundFeed: true, Listen: net.Listen}); err != nil {
		return s, err
	}
	s.game.market = s.sb.Market()
	if s.loc, err = time.LoadLocation(s.sb.Market().Scenario().TimeZone); err != nil {
		return s, err
	}
	if s.store, err = store.OpenScratch(ctx, filepath.Join(dir, "adsteward.db"), store.NewKey()); err != nil {
		return s, err
	}
	shop, err := s.shop(&net, log)
	if err != nil {
		return s, err
	}
	s.nights = &nightly.Steward{Store: s.store, Shops: []nightly.Shop{shop}, Now: s.now, Log: log,
		Push: nightly.PushSettings{ReadTries: 4, ReadPause: time.Microsecond}}
	return s, nil
}

// close ends the emulators and removes everything on disk.
func (s *steward) close() error {
	var errs []error
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.sb != nil {
		errs = append(errs, s.sb.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Dir(s.shopDir)))...)
}

// now is half past four of the night under way, and a millisecond later each
// time it is asked, for the night tells what came first by it.
func (s *steward) now() time.Time {
	s.ticks += time.Millisecond
	return s.today.In(s.loc).Add(4*time.Hour + 30*time.Minute + s.ticks)
}

// night moves the market to a day and does its night. A night that fails is
// counted, as it would be seen in production, and the next one comes.
func (s *steward) night(ctx context.Context, day civil.Date) error {
	from := s.today
	if day == s.sb.Market().Scenario().Start {
		from = s.sb.Market().ShopFirst()
	}
	s.today, s.ticks = day, 0
	s.sb.Advance(day)
	// Only the new days lie there: what was imported need not be looked at again.
	// Consents are asked for audiences and told conversions alone.
	err := errors.Join(os.RemoveAll(s.shopDir), s.sb.WriteShop(s.shopDir, from, day.AddDays(-1), "consents"))
	if err == nil {
		err = s.nights.RunDirect(ctx, shopName, day, nil)
	}
	if err != nil {
		s.game.failed++
	}
	return errors.Join(err, s.approveRollbacks(ctx), s.checkFreshness(ctx))
}

// approveRollbacks says yes to what the night proposes to put back, as somebody
// who trusts it would; the policy leaves that to people. The next night pushes it.
func (s *steward) approveRollbacks(ctx context.Context) error {
	rows, err := s.store.Proposals(ctx, store.Filter{Account: shopName, States: []string{string(bidding.Proposed)}})
	if err != nil {
		return err
	}
	var ids []string
	for _, p := range rows {
		if p.RollbackOf != "" {
			ids = append(ids, p.ProposalID)
		}
	}
	var errs []error
	for _, o := range s.nights.Approve(ctx, "simulated marketer", ids) {
		errs = append(errs, o.Err)
	}
	return errors.Join(errs...)
}

// shop is the configuration of the simulated shop.
func (s *steward) shop(net *network, log *slog.Logger) (nightly.Shop, error) {
	sc := s.sb.Market().Scenario()
	policy, text, err := policyOf(s.sb.Market())
	if err != nil {
		return nightly.Shop{}, err
	}
	id := sha256.Sum256([]byte(text))
	shop := nightly.Shop{
		Name: shopName, Currency: sc.Currency, Location: s.loc, Policy: policy, PolicyID: hex.EncodeToString(id[:8]), PolicyText: text,
		Model:     nightly.ModelSettings{DefaultMargin: 0.4, HorizonDays: sc.Horizon, DiscountAnnual: sc.Discount},
		Directory: s.shopDir, Feeds: []nightly.Feed{{Location: filepath.Join(s.shopDir, "feed.xml"), Platform: "both"}},
	}
	info := s.sb.Info()
	client := net.client()
	s.client = client
	tokens, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: info.ClientID, ClientSecret: info.ClientSecret,
		Token: info.RefreshToken, TokenURL: info.TokenURL, HTTPClient: client})
	if err != nil {
		return shop, err
	}
	// Nobody waits in a simulation: neither for a platform's pace nor for its faults.
	const fast = 1e6
	patience := pace.Policy{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	open := map[platform.Name]func(context.Context) (nightly.Connection, error){
		platform.Google: func(context.Context) (nightly.Connection, error) {
			ads, err := googleads.Open(googleads.Config{Endpoint: info.GoogleAddr, CustomerID: info.CustomerID, Credentials: tokens,
				RequestsPerSecond: fast, Retry: patience, Dial: net.Dial, Now: s.now, Log: log})
			return nightly.Connection{AdAccount: info.CustomerID, Ads: ads, Items: ads, Parts: ads}, err
		},
		platform.Meta: func(context.Context) (nightly.Connection, error) {
			ads, err := meta.Open(meta.Config{BaseURL: "http://" + info.MetaAddr + "/", AdAccountID: info.AdAccountID, AccessToken: info.AccessToken,
				AppSecret: info.AppSecret, PollInterval: time.Millisecond, CallsPerSecond: fast, Retry: patience, HTTPClient: client})
			return nightly.Connection{AdAccount: info.AdAccountID, Ads: ads, Items: ads, Parts: ads}, err
		},
	}
	ids := map[platform.Name]string{platform.Google: info.CustomerID, platform.Meta: info.AdAccountID}
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		if len(s.sb.Market().Campaigns(p)) > 0 {
			shop.Expected = append(shop.Expected, nightly.AdAccountName{Platform: p, AdAccount: ids[p]})
		}
	}
	shop.Connect = func(ctx context.Context) ([]nightly.Connection, error) {
		var conns []nightly.Connection
		for _, a := range shop.Expected {
			c, err := open[a.Platform](ctx)
			if err != nil {
				return conns, err
			}
			conns = append(conns, c)
		}
		return conns, nil
	}
	return shop, nil
}

// policyOf writes the policy file of a market and reads it as the program does:
// the defaults with the scenario's total as the cap, the campaigns' bounds as
// limits, and approval of all that the guardrails allow.
func policyOf(m *market.Market) (guard.Policy, string, error) {
	p := guard.Default()
	sc := m.Scenario()
	p.TotalDailyCap = sc.TotalDailyBudget
	for _, l := range levers(m) {
		first := l.members[0]
		p.Entities = append(p.Entities, guard.EntityRule{Match: market.RemoteCampaignID(sc.Campaigns[first].Platform, first),
			Limits: guard.Limits{MinBudget: l.min.Float(), MaxBudget: l.max.Float()}})
	}
	all := guard.AutoCaps{PerItem: p.Step.HardLimit, PerRun: 1, PerDay: 1, MaxPerRun: 1e6, MaxPerDay: 1e6}
	p.AutoApprove = guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{}}
	for _, f := range []platform.Field{platform.DailyBudget, platform.TargetROAS, platform.CPCBid, platform.BidAmount, platform.ROASFloor} {
		p.AutoApprove.Fields[f] = all
	}
	text, err := yaml.Marshal(p)
	if err != nil {
		return p, "", err
	}
	p, err = guard.Parse(text)
	return p, string(text), err
}

// applied are the changes that took effect.
func (s *steward) applied(ctx context.Context) ([]store.Proposal, error) {
	return s.store.Proposals(ctx, store.Filter{Account: shopName, States: []string{string(bidding.Applied), string(bidding.Measured)}})
}
