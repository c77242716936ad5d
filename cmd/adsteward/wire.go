package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/config"
	"adsteward/internal/feedsource"
	"adsteward/internal/nightly"
	"adsteward/internal/notify"
	"adsteward/internal/platform"
	"adsteward/internal/platform/datamanager"
	"adsteward/internal/platform/googleads"
	"adsteward/internal/platform/googleauth"
	"adsteward/internal/platform/googlelists"
	"adsteward/internal/platform/merchant"
	"adsteward/internal/platform/meta"
	"adsteward/internal/sandbox"
	"adsteward/store"
)

// app is the program put together from its configuration.
type app struct {
	cfg     *config.Config
	store   *store.Store
	steward *nightly.Steward
}

// open reads the configuration and opens the store.
func (e *env) open() (*app, error) {
	cfg, now, err := e.configured(config.Load)
	if err != nil {
		return nil, err
	}
	return e.wire(cfg, now)
}

// openBare opens the store without the shops: what stops everything must not wait for a
// policy file to be mended, or for a token that only the daemon is given.
func (e *env) openBare() (*app, error) {
	cfg, now, err := e.configured(config.LoadBare)
	if err != nil {
		return nil, err
	}
	st, err := openStore(e.ctx, cfg, store.Open)
	if err != nil {
		return nil, err
	}
	return &app{cfg: cfg, store: st, steward: &nightly.Steward{Store: st, Now: now, Log: e.log}}, nil
}

// configured is the configuration and the clock that goes with it.
func (e *env) configured(load func(file string) (*config.Config, error)) (*config.Config, func() time.Time, error) {
	cfg, err := load(e.cli.Config)
	if err != nil {
		return nil, nil, err
	}
	now, err := clockOf(cfg)
	return cfg, now, err
}

// clockOf is the wall clock, or that of a demo whose nights have run ahead of it.
func clockOf(cfg *config.Config) (func() time.Time, error) {
	if cfg.DemoMarket == "" {
		return time.Now, nil
	}
	today, err := sandbox.TodayOf(cfg.DemoMarket)
	if err != nil {
		return nil, &config.Error{File: cfg.File(), Msg: fmt.Sprintf("demo_market: %v", err)}
	}
	ahead := aheadOf(today, cfg.Accounts[0].Location())
	return func() time.Time { return time.Now().Add(ahead) }, nil
}

func (e *env) wire(cfg *config.Config, now func() time.Time) (*app, error) {
	shops, err := shopsOf(cfg, now)
	if err != nil {
		return nil, err
	}
	st, err := openStore(e.ctx, cfg, store.Open)
	if err != nil {
		return nil, err
	}
	return &app{cfg: cfg, store: st, steward: &nightly.Steward{Store: st, Shops: shops, Now: now, Log: e.log, Push: nightly.DefaultPush(),
		FeedCache: cfg.FeedCacheDir()}}, nil
}

func (a *app) close() error { return a.store.Close() }

type storeOpener func(ctx context.Context, dsn string, key store.Key) (*store.Store, error)

func openStore(ctx context.Context, cfg *config.Config, open storeOpener) (*store.Store, error) {
	key, err := keyOf(cfg)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg.Store, key)
}

// keyOf is the key personal data is encrypted with.
func keyOf(cfg *config.Config) (store.Key, error) {
	secret, err := cfg.EncryptionKey.Or(cfg.EncryptionKeyFile, "encryption_key")
	if err != nil {
		return store.Key{}, &config.Error{File: cfg.File(), Msg: err.Error()}
	}
	if secret.IsZero() {
		return store.Key{}, &config.Error{File: cfg.File(), Msg: "encryption_key: is missing; set encryption_key_file to a file with 64 hex digits (adsteward init makes one)"}
	}
	key, err := store.ParseKey(secret.Reveal())
	if err != nil {
		return store.Key{}, &config.Error{File: cfg.File(), Msg: "encryption_key: " + err.Error()}
	}
	return key, nil
}

// shopsOf puts the configuration's accounts into the words of the night.
func shopsOf(cfg *config.Config, now func() time.Time) ([]nightly.Shop, error) {
	shops := make([]nightly.Shop, 0, len(cfg.Accounts))
	for i := range cfg.Accounts {
		a := &cfg.Accounts[i]
		policy, id, text, err := policyOf(a)
		if err != nil {
			return nil, err
		}
		s := nightly.Shop{
			Name: a.Name, Currency: a.Currency, Location: a.Location(),
			Policy: policy, PolicyID: id, PolicyText: text, Directory: a.Storefront.Directory,
			ReadPolicy: func() (guard.Policy, string, string, error) { return policyOf(a) },
			Model: nightly.ModelSettings{DefaultMargin: a.Value.DefaultMargin, PaymentFeeRate: a.Value.PaymentFeeRate,
				ShippingCost: a.Value.ShippingCost, HorizonDays: a.Value.HorizonDays, DiscountAnnual: a.Value.DiscountAnnual},
			Audience: nightly.AudienceSettings{Enabled: a.Audiences.Enabled, Lists: a.Audiences.Lists, CartWindowDays: a.Audiences.CartWindowDays,
				CartSteps: [2]int(a.Audiences.CartSteps), PurchaserDays: a.Audiences.PurchaserDays, AtRiskBelow: a.Audiences.AtRiskBelow,
				TopLTVShare: a.Audiences.TopLTVShare, LookalikeCountry: a.Audiences.LookalikeCountry, LookalikeRatio: a.Audiences.LookalikeRatio},
			Connect: func(ctx context.Context) ([]nightly.Connection, error) { return connect(ctx, cfg, a, now) },
		}
		if s.Link = cfg.Web.PublicURL; a.Notify != nil {
			s.Notify = func(ctx context.Context, text string) error { return post(ctx, cfg, a.Notify, text) }
		}
		s.Tell = telling(a)
		s.Labels = a.FeedLabels.Or()
		s.Supplement = map[platform.Name]string{}
		for name, file := range a.FeedSupplement {
			s.Supplement[platform.Name(name)] = file
		}
		s.Paths = pathRules(&a.Journeys)
		for _, f := range a.Feeds {
			s.Feeds = append(s.Feeds, nightly.Feed{Location: f.Location, Platform: f.Platform, Country: f.Country, Format: f.Format, Encoding: f.Encoding,
				ShopURL: f.ShopURL, Source: feedsource.Options{Password: os.Getenv(f.PasswordEnv), Key: os.Getenv(f.KeyEnv), KnownHosts: f.KnownHosts},
				Collapse: f.Collapse, Severities: f.Severity, Pages: pagesOf(f.Pages)})
		}
		s.Catalogs = a.Google != nil && a.Google.MerchantID != "" || a.Meta != nil && a.Meta.CatalogID != ""
		if a.Google != nil {
			s.Expected = append(s.Expected, nightly.AdAccountName{Platform: platform.Google, AdAccount: a.Google.ID(), TimeZone: cmp.Or(a.Google.TimeZone, a.TimeZone)})
		}
		if a.Meta != nil {
			s.Expected = append(s.Expected, nightly.AdAccountName{Platform: platform.Meta, AdAccount: a.Meta.ID(), TimeZone: cmp.Or(a.Meta.TimeZone, a.TimeZone)})
		}
		shops = append(shops, s)
	}
	return shops, nil
}

// post tells people a text. The address is read when it is needed: no night waits for it.
func post(ctx context.Context, cfg *config.Config, n *config.Notify, text string) error {
	address, err := secretOf(cfg, n.Webhook, n.WebhookFile, "notify.webhook")
	if err != nil {
		return err
	}
	w, err := notify.Open(address)
	if err != nil {
		return &config.Error{File: cfg.File(), Msg: "notify.webhook: " + err.Error()}
	}
	return w.Post(ctx, text)
}

func pagesOf(p *config.Pages) nightly.PageSettings {
	if p == nil {
		return nightly.PageSettings{}
	}
	return nightly.PageSettings{Enabled: true, Sample: p.Sample, Rate: p.Rate, AllowPrivate: p.AllowPrivate}
}

// pathRules are how an account's touches and orders make journeys.
func pathRules(j *config.Journeys) attribution.PathRules {
	r := attribution.DefaultPathRules()
	days := func(d float64) time.Duration { return time.Duration(d * float64(24*time.Hour)) }
	for platform, w := range j.Windows {
		windows := attribution.Windows{Click: days(w.ClickDays), View: days(w.ViewDays)}
		if platform == "other" {
			r.Default = windows
		} else {
			r.ByPlatform[platform] = windows
		}
	}
	if j.SessionMinutes > 0 {
		r.Session = time.Duration(j.SessionMinutes) * time.Minute
	}
	return r
}

// telling is what each of an account's platforms is told of orders.
func telling(a *config.Account) []nightly.TellSettings {
	var out []nightly.TellSettings
	add := func(p platform.Name, conversions *config.Conversions, target string) {
		c := conversions.Or()
		out = append(out, nightly.TellSettings{Platform: p, Enabled: c.Enabled, Target: target, Rules: bidding.TellRules{Measure: bidding.Measure(c.Measure),
			Settle: time.Duration(*c.SettleHours) * time.Hour, RestateShare: c.RestateShare, Limits: bidding.LimitsOf(p)}})
	}
	if g := a.Google; g != nil {
		add(platform.Google, g.Conversions, g.Conversions.Or().ConversionAction)
	}
	if m := a.Meta; m != nil {
		add(platform.Meta, m.Conversions, m.Conversions.Or().Dataset)
	}
	return out
}

// policyOf reads an account's policy file, and makes the hash it goes by; without one
// the defaults hold.
func policyOf(a *config.Account) (p guard.Policy, id, text string, err error) {
	var raw []byte
	if a.Policy == "" {
		p = guard.Default()
		raw, err = json.MarshalIndent(p, "", "  ")
	} else if raw, err = os.ReadFile(a.Policy); err != nil {
		err = &config.Error{File: a.Policy, Msg: "the policy of account " + a.Name + " cannot be read: " + err.Error()}
	} else if saysNothing(raw) { // as while an editor writes it: that protects nothing, and nobody meant it
		err = &config.Error{File: a.Policy, Msg: "the policy of account " + a.Name + " is empty; for the defaults leave policy: out of the configuration"}
	} else if p, err = guard.Parse(raw); err != nil {
		err = &config.Error{File: a.Policy, Msg: config.PlainYAML(err)}
	}
	hash := sha256.Sum256(raw)
	return p, hex.EncodeToString(hash[:8]), string(raw), err
}

// saysNothing reports whether a YAML file holds nothing but comments.
func saysNothing(raw []byte) bool {
	var said any
	return yaml.Unmarshal(raw, &said) == nil && said == nil
}

// connect opens an account's ad accounts: what can be opened, and an error for
// the rest.
func connect(ctx context.Context, cfg *config.Config, a *config.Account, now func() time.Time) ([]nightly.Connection, error) {
	policy, _, _, err := policyOf(a)
	if err != nil {
		return nil, err
	}
	var conns []nightly.Connection
	var faults []error
	if a.Google != nil {
		c, err := connectGoogle(cfg, a.Google, policy.ValueRules.Enabled, a.Audiences.Enabled, now)
		if err != nil {
			faults = append(faults, err)
		} else {
			conns = append(conns, c)
		}
	}
	if a.Meta != nil {
		c, err := connectMeta(cfg, a.Meta, a.Audiences.Enabled, now)
		if err != nil {
			faults = append(faults, err)
		} else {
			conns = append(conns, c)
		}
	}
	return conns, errors.Join(faults...)
}

func secretOf(cfg *config.Config, s config.Secret, file, key string) (string, error) {
	v, err := s.Or(file, key)
	if err != nil {
		return "", &config.Error{File: cfg.File(), Msg: err.Error()}
	}
	return v.Reveal(), nil
}

// inConfig says where to look for what was found wrong before anything was sent.
func inConfig(cfg *config.Config, err error) error {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return err
	}
	return &config.Error{File: cfg.File(), Msg: err.Error()}
}

func connectGoogle(cfg *config.Config, g *config.Google, valueRules, targeting bool, now func() time.Time) (nightly.Connection, error) {
	tokens, err := googleTokens(cfg, g)
	if err != nil {
		return nightly.Connection{}, inConfig(cfg, err)
	}
	dev, err := secretOf(cfg, g.DeveloperToken, g.DeveloperTokenFile, "google.developer_token")
	if err != nil {
		return nightly.Connection{}, err
	}
	ads, err := googleads.Open(googleads.Config{Endpoint: g.Endpoint, CustomerID: g.ID(), LoginCustomerID: g.LoginID(),
		DeveloperToken: dev, Credentials: tokens, DailyLimit: g.DailyOperations, ValueRules: valueRules, Targeting: targeting, Now: now})
	if err != nil {
		return nightly.Connection{}, err
	}
	lists := googlelists.New(ads.Conn(), ads.CustomerID())
	audiences, err := datamanager.Open(datamanager.Config{BaseURL: g.DataManagerEndpoint, CustomerID: g.ID(), LoginCustomerID: g.LoginID(),
		TokenSource: tokens, Lists: lists})
	if err != nil {
		return nightly.Connection{}, errors.Join(err, ads.Close())
	}
	conn := nightly.Connection{AdAccount: g.ID(), Ads: ads, Audiences: audiences, Items: ads, Parts: ads, SingleAds: ads}
	if g.MerchantID != "" {
		if conn.Catalog, err = merchant.Open(merchant.Config{BaseURL: g.MerchantEndpoint, AccountID: g.MerchantID, TokenSource: tokens}); err != nil {
			return nightly.Connection{}, errors.Join(err, ads.Close(), audiences.Close())
		}
	}
	if v := g.Conversions.Or(); v.Enabled {
		if conn.Conversions, err = audiences.Conversions(v.ConversionAction); err != nil {
			return nightly.Connection{}, errors.Join(err, ads.Close(), audiences.Close())
		}
	}
	return conn, nil
}

// googleTokens is a service account's token source where a key file is given,
// else the refresh token's.
func googleTokens(cfg *config.Config, g *config.Google) (*googleauth.Source, error) {
	if g.ServiceAccountFile != "" {
		key, err := os.ReadFile(g.ServiceAccountFile)
		if err != nil {
			return nil, &config.Error{File: cfg.File(), Msg: "google.service_account_file: " + err.Error()}
		}
		return googleauth.NewServiceAccount(googleauth.ServiceAccount{JSON: key, Subject: g.Subject,
			Scopes: scopesOf(g)})
	}
	secret, err := secretOf(cfg, g.ClientSecret, g.ClientSecretFile, "google.client_secret")
	if err != nil {
		return nil, err
	}
	refresh, err := secretOf(cfg, g.RefreshToken, g.RefreshTokenFile, "google.refresh_token")
	if err != nil {
		return nil, err
	}
	return googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: g.ClientID, ClientSecret: secret, Token: refresh, TokenURL: g.TokenURL})
}

// scopesOf are what a service account asks for: the Merchant API only where it is
// used, since a delegation that does not name a scope refuses them all.
func scopesOf(g *config.Google) []string {
	scopes := []string{googleauth.ScopeAds, googleauth.ScopeDataManager}
	if g.MerchantID != "" {
		scopes = append(scopes, googleauth.ScopeContent)
	}
	return scopes
}

func connectMeta(cfg *config.Config, m *config.Meta, targeting bool, now func() time.Time) (nightly.Connection, error) {
	token, err := secretOf(cfg, m.AccessToken, m.AccessTokenFile, "meta.access_token")
	if err != nil {
		return nightly.Connection{}, err
	}
	secret, err := secretOf(cfg, m.AppSecret, m.AppSecretFile, "meta.app_secret")
	if err != nil {
		return nightly.Connection{}, err
	}
	c, err := meta.Open(meta.Config{BaseURL: m.BaseURL, Version: m.Version, AdAccountID: m.ID(), AccessToken: token, AppSecret: secret,
		Targeting: targeting, TestEventCode: m.Conversions.Or().TestEventCode, Now: now})
	if err != nil {
		return nightly.Connection{}, inConfig(cfg, err)
	}
	conn := nightly.Connection{AdAccount: m.ID(), Ads: c, Audiences: c, Items: c, Parts: c, SingleAds: c}
	if m.CatalogID != "" {
		if conn.Catalog, err = c.Catalog(m.CatalogID); err != nil {
			return nightly.Connection{}, errors.Join(err, c.Close())
		}
	}
	if v := m.Conversions.Or(); v.Enabled {
		if conn.Conversions, err = c.Conversions(v.Dataset); err != nil {
			return nightly.Connection{}, errors.Join(err, c.Close())
		}
	}
	return conn, nil
}

// printJSON writes one document.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// openForMigration opens the store as it stands.
func (e *env) openForMigration() (*store.Store, error) {
	cfg, err := config.Load(e.cli.Config)
	if err != nil {
		return nil, err
	}
	return openStore(e.ctx, cfg, store.OpenForMigration)
}

// oneShop is the shop of that name, or the first one.
func (a *app) oneShop(name string) (*nightly.Shop, error) {
	if name == "" {
		name = a.steward.Shops[0].Name
	}
	shop, err := a.steward.Shop(name)
	if err != nil {
		return nil, usage("--account: %v", err)
	}
	return shop, nil
}

// resultNights is how many nights back the commands look for what a night found.
const resultNights = 14
