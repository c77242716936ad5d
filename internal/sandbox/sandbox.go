// Package sandbox runs the emulated platforms around one simulated market: it
// opens their listeners, keeps their state in a file, moves the market's clock
// and hands out the shop's data. What a platform answers is decided in its own
// package below this one, and what happens in the market in package market. The
// product is not to import any of this but where it is wired together.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/datamanager"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/googleads"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
	"adsteward/internal/sandbox/merchant"
	"adsteward/internal/sandbox/meta"
	"adsteward/internal/sandbox/oauth"

	"google.golang.org/grpc"
)

// The accounts and credentials every sandbox has. They open nothing else.
const (
	customerID   = 4_815_162_342
	adAccountID  = "108157399201234"
	dataSetID    = "310157399204321"
	accessToken  = "sandbox-access-token"
	appSecret    = "sandbox-app-secret"
	merchantID   = "5310015739"
	catalogID    = "410157399204322"
	clientID     = "sandbox.apps.example"
	clientSecret = "sandbox-client-secret"
	refreshToken = "sandbox-refresh-token"
	firstListID  = 8_000_000_001
	actionID     = 7_000_000_001 // the conversion action "Purchase"
	listName     = "Customers"
)

// Options say what to run. Addresses are host:port; empty takes a free port of
// the loopback.
type Options struct {
	Scenario *market.Scenario
	// StateFile, where not empty, is read at the start if it exists and written
	// after every change, so that a later sandbox goes on with the same market,
	// the same audience lists and the same recorded orders.
	StateFile string
	// SoundFeed leaves out what is wrong with feeds as a rule, of which the market
	// knows nothing: events alone decide what may be advertised.
	SoundFeed bool

	GoogleAddr, MetaAddr, DataManagerAddr, ControlAddr string
	// Listen opens a listener on one of these addresses; nil means net.Listen. A
	// network in memory can be given here.
	Listen func(network, address string) (net.Listener, error)

	Faults *faults.Table // nil begins with none
	Log    *slog.Logger  // nil is silent
}

// Info is what a client needs to know: the first line `adsteward sandbox` prints.
type Info struct {
	GoogleAddr      string `json:"google_addr"`
	MetaAddr        string `json:"meta_addr"`
	DataManagerAddr string `json:"datamanager_addr"`
	ControlAddr     string `json:"control_addr"`
	CustomerID      string `json:"customer_id"`
	AdAccountID     string `json:"ad_account_id"`
	AccessToken     string `json:"access_token"`
	AppSecret       string `json:"app_secret"`
	UserListID      string `json:"user_list_id"`
	// ConversionActionID is the Google account's conversion action for orders.
	ConversionActionID string `json:"conversion_action_id"`
	DataSetID          string `json:"dataset_id"`  // Meta's, for orders
	MerchantID         string `json:"merchant_id"` // Merchant Center's; its API answers at DataManagerAddr
	CatalogID          string `json:"catalog_id"`  // Meta's, of products
	TokenURL           string `json:"token_url"`
	ClientID           string `json:"client_id"`
	ClientSecret       string `json:"client_secret"`
	RefreshToken       string `json:"refresh_token"`
}

// Sandbox is a running set of emulators. All methods are safe for concurrent use.
type Sandbox struct {
	opts        Options
	market      *market.Market
	faults      *faults.Table
	googleLists *lists.Lists // Google Ads' and Data Manager's
	metaLists   *lists.Lists
	recorded    ledgers
	valueRules  *googleads.ValueRules
	tokens      *oauth.Server
	info        Info

	google  *googleads.Server
	servers []*http.Server
	cancel  context.CancelFunc // of every HTTP request under way
	running sync.WaitGroup
	stop    func() error // once

	mu     sync.Mutex // guards the state file and what follows
	failed error      // the first failure to serve or to keep the state
	today  []func()   // that end the API faults of the market's day
}

// Start opens the listeners and answers on them until Stop.
func Start(opts Options) (*Sandbox, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Faults == nil {
		opts.Faults = faults.NewTable()
	}
	if opts.Listen == nil {
		opts.Listen = net.Listen
	}
	s := &Sandbox{opts: opts, faults: opts.Faults, googleLists: lists.New(firstListID), metaLists: lists.New(meta.FirstAudienceID),
		recorded: ledgers{conversions.New(), conversions.New()}, valueRules: googleads.NewValueRules()}
	s.stop = sync.OnceValue(s.close)
	if err := s.restore(); err != nil {
		return nil, err
	}
	if err := s.ensureUserList(); err != nil {
		return nil, err
	}
	s.tokens = oauth.New(oauth.Options{ClientID: clientID, ClientSecret: clientSecret, RefreshToken: refreshToken,
		AccessToken: accessToken, Faults: s.faults})
	s.failingCalls()
	if err := s.listen(); err != nil {
		return nil, err
	}
	s.market.OnChange(s.keep)
	s.valueRules.OnChange(s.keep)
	s.keep()
	return s, nil
}

// listen opens the four listeners, all or none, and begins to serve.
func (s *Sandbox) listen() error {
	addrs := []string{s.opts.GoogleAddr, s.opts.MetaAddr, s.opts.DataManagerAddr, s.opts.ControlAddr}
	var open []net.Listener
	for i, addr := range addrs {
		l, err := s.opts.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
		if err != nil {
			for _, o := range open {
				_ = o.Close() // nothing was served yet
			}
			return fmt.Errorf("sandbox: cannot listen on %s: %w; free the port or choose another address", addr, err)
		}
		open, addrs[i] = append(open, l), l.Addr().String()
	}
	s.info.GoogleAddr, s.info.MetaAddr, s.info.DataManagerAddr, s.info.ControlAddr = addrs[0], addrs[1], addrs[2], addrs[3]
	s.info.CustomerID, s.info.AdAccountID = strconv.FormatInt(customerID, 10), adAccountID
	s.info.ConversionActionID, s.info.DataSetID = strconv.FormatInt(actionID, 10), dataSetID
	s.info.MerchantID, s.info.CatalogID = merchantID, catalogID
	s.info.AccessToken, s.info.AppSecret = accessToken, appSecret
	s.info.ClientID, s.info.ClientSecret, s.info.RefreshToken = clientID, clientSecret, refreshToken
	s.info.TokenURL = "http://" + s.info.DataManagerAddr + "/token"

	s.google = googleads.New(googleads.Options{Market: s.market, Faults: s.faults, CustomerID: customerID,
		Lists: s.googleLists, ValueRules: s.valueRules, AccessTokens: s.tokens.Valid, Log: s.opts.Log})
	members := http.NewServeMux()
	members.Handle("/token", s.tokens)
	members.Handle(merchant.Pattern, merchant.New(merchant.Options{AccountID: merchantID, Country: "DE", Faults: s.faults, AccessTokens: s.tokens.Valid,
		Items: func() ([]catalog.Item, error) { return s.judged(platform.Google) }}))
	members.Handle("/", s.keeping(datamanager.New(datamanager.Options{Market: s.market, Faults: s.faults, CustomerID: customerID,
		Lists: s.googleLists, AccessTokens: s.tokens.Valid, ConversionActionID: actionID, Conversions: s.recorded.Google})))

	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.serve("google", func() error { return s.google.Serve(open[0]) })
	s.serveHTTP(ctx, "meta", open[1], s.keeping(meta.New(meta.Options{Market: s.market, Faults: s.faults, AdAccountID: adAccountID,
		AccessToken: accessToken, AppSecret: appSecret, Lists: s.metaLists, DataSetID: dataSetID, Conversions: s.recorded.Meta,
		CatalogID: catalogID, Items: func() ([]catalog.Item, error) { return s.judged(platform.Meta) }})))
	s.serveHTTP(ctx, "datamanager", open[2], members)
	s.serveHTTP(ctx, "control", open[3], s.control())
	return nil
}

func (s *Sandbox) serve(name string, run func() error) {
	s.running.Go(func() {
		if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
			s.fail(fmt.Errorf("sandbox: the %s emulator ended: %w", name, err))
		}
	})
}

func (s *Sandbox) serveHTTP(ctx context.Context, name string, l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, srv)
	s.serve(name, func() error { return srv.Serve(l) })
}

// stopGrace is how long Stop waits for calls under way once they are told to end.
const stopGrace = 2 * time.Second

// Stop ends the emulators and every call under way, waits for them, and returns
// the first error there was in serving or in keeping the state. It may be called
// again, with the same result.
func (s *Sandbox) Stop() error { return s.stop() }

func (s *Sandbox) close() error {
	s.cancel()
	s.google.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	for _, srv := range s.servers {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close() // what did not end in time is cut off
		}
	}
	s.running.Wait()
	s.keep()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Info returns the addresses and credentials.
func (s *Sandbox) Info() Info { return s.info }

// Market returns the market, whose truth a simulator may look at.
func (s *Sandbox) Market() *market.Market { return s.market }

// Faults returns the fault table.
func (s *Sandbox) Faults() *faults.Table { return s.faults }

// Conversions returns what a platform recorded of the orders it was told.
func (s *Sandbox) Conversions(p platform.Name) *conversions.Ledger {
	if p == platform.Meta {
		return s.recorded.Meta
	}
	return s.recorded.Google
}

// Advance completes the days before d, one by one, with the API faults that the
// scenario has for each day entered.
func (s *Sandbox) Advance(d civil.Date) {
	for day := s.market.Today() + 1; day <= d; day++ {
		s.market.AdvanceTo(day)
		s.failingCalls()
	}
}

// failingCalls puts today's API faults of the scenario on the table, in place of
// those left of the day before: what fails on a day works again on the next.
func (s *Sandbox) failingCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, over := range s.today {
		over()
	}
	s.today = nil
	calls := s.market.FailingCalls(s.market.Today())
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		if n := calls[p]; n > 0 {
			s.today = append(s.today, s.faults.Add(faults.Rule{Kind: faults.Unavailable, Service: string(p), Times: n}))
		}
	}
}

func (s *Sandbox) ensureUserList() error {
	for _, l := range s.googleLists.All() {
		if l.Name == listName {
			s.info.UserListID = strconv.FormatInt(l.ID, 10)
			return nil
		}
	}
	l, err := s.googleLists.Create(lists.List{Name: listName, Description: "Customer Match", Kind: lists.CRM, MembershipDays: 540})
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	s.info.UserListID = strconv.FormatInt(l.ID, 10)
	return nil
}

func (s *Sandbox) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = cmp.Or(s.failed, err)
}
