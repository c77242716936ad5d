// Package config reads the YAML file an operator writes: where the store is,
// when the night runs, which shops and ad accounts there are, and where their
// credentials lie. It checks form only; whether a credential works is for
// doctor, and what may be changed is for the policy file (bidding/guard).
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"adsteward/feeds"
)

// Config is the whole file.
type Config struct {
	// Store is a SQLite path or a postgres:// URL.
	Store string `yaml:"store"`
	// FeedCache is a directory for what is kept of feeds between nights; see
	// FeedCacheDir.
	FeedCache string `yaml:"feed_cache,omitempty"`
	// EncryptionKey encrypts personal data at rest: 32 bytes as hex or base64.
	EncryptionKey     Secret `yaml:"encryption_key,omitempty"`
	EncryptionKeyFile string `yaml:"encryption_key_file,omitempty"`
	// DemoMarket is the state of a demo's market: where that is days ahead, so is the
	// clock of every command.
	DemoMarket string    `yaml:"demo_market,omitempty"`
	Web        Web       `yaml:"web"`
	Schedule   Schedule  `yaml:"schedule"`
	Accounts   []Account `yaml:"accounts"`

	file string
}

// Web is where the review pages are served.
type Web struct {
	Listen    string `yaml:"listen"`
	PublicURL string `yaml:"public_url,omitempty"` // as people type it; https makes cookies Secure
}

// Schedule says when the night runs.
type Schedule struct {
	// Cron is five fields, read as wall-clock time in TimeZone. A slot that
	// the spring change skips runs at the first moment after the gap; one that
	// the autumn change repeats runs once, the first time.
	Cron     string `yaml:"cron"`
	TimeZone string `yaml:"time_zone"`
	// Grace is how late a missed slot may still run.
	Grace Duration `yaml:"grace"`
}

// Account is a shop and its ad accounts: what one run is about.
type Account struct {
	Name     string `yaml:"name"`
	Currency string `yaml:"currency"`
	// TimeZone is the shop's, and which the ad accounts are to have unless they say
	// otherwise; "" is UTC, and any.
	TimeZone string `yaml:"time_zone,omitempty"`
	// Policy is the file with this account's guardrails.
	Policy     string      `yaml:"policy,omitempty"`
	Storefront Storefront  `yaml:"storefront,omitempty"`
	Feeds      []Feed      `yaml:"feeds,omitempty"`
	FeedLabels *FeedLabels `yaml:"feed_labels,omitempty"`
	// FeedSupplement is by platform the file that the program writes its
	// supplemental feed to.
	FeedSupplement map[string]string `yaml:"feed_supplement,omitempty"`
	Value          Value             `yaml:"value,omitempty"`
	Audiences      Audiences         `yaml:"audiences,omitempty"`
	Journeys       Journeys          `yaml:"journeys,omitempty"`
	Notify         *Notify           `yaml:"notify,omitempty"`
	Google         *Google           `yaml:"google,omitempty"`
	Meta           *Meta             `yaml:"meta,omitempty"`
}

// Notify is where people are told how each night went: an incoming webhook that takes
// {"text": ...}, as Slack's do.
type Notify struct {
	Webhook     Secret `yaml:"webhook,omitempty"`
	WebhookFile string `yaml:"webhook_file,omitempty"`
}

// Storefront is where the shop's own data comes from.
type Storefront struct {
	// Directory is read every night: orders*.csv, touches*.csv, carts*.csv,
	// consents*.csv, costs*.csv; a file once imported is not read again.
	Directory string `yaml:"directory,omitempty"`
}

// Feed is one product feed.
type Feed struct {
	Location string `yaml:"location"` // file, directory or URL
	Platform string `yaml:"platform"` // google, meta or both
	Country  string `yaml:"country,omitempty"`
	Format   string `yaml:"format,omitempty"`   // auto, xml, tsv, csv, shopify, woocommerce
	Encoding string `yaml:"encoding,omitempty"` // where the file does not say
	// ShopURL is for the links a shop system's export lacks.
	ShopURL string `yaml:"shop_url,omitempty"`
	// PasswordEnv and KeyEnv name the environment variables that hold what SFTP
	// asks for; KnownHosts is a file in the form of OpenSSH.
	PasswordEnv string `yaml:"password_env,omitempty"`
	KeyEnv      string `yaml:"key_env,omitempty"`
	KnownHosts  string `yaml:"known_hosts,omitempty"`
	// Pages has the items' landing pages looked at every night; nil: none.
	Pages *Pages `yaml:"pages,omitempty"`
	// Collapse is the share of the last good version's items below which a new one
	// is refused; 0: 0.7.
	Collapse float64 `yaml:"collapse,omitempty"`
	// Severity sets rules' severity to error, warning, normalized or ignore.
	Severity map[string]feeds.Severity `yaml:"severity,omitempty"`
}

// Pages says how the landing pages of a feed are looked at.
type Pages struct {
	Sample       int     `yaml:"sample"`                  // items drawn each night, other ones every night
	Rate         float64 `yaml:"rate"`                    // pages a second and host
	AllowPrivate bool    `yaml:"allow_private,omitempty"` // also addresses that are not public
}

// UnmarshalYAML fills in the defaults before reading.
func (p *Pages) UnmarshalYAML(n *yaml.Node) error {
	type plain Pages
	v := plain{Sample: 100, Rate: 1}
	if err := decodeNode(n, &v); err != nil {
		return err
	}
	*p = Pages(v)
	return nil
}

// FeedLabels names items' margin tiers in a custom label.
type FeedLabels struct {
	Slot  int    `yaml:"slot"` // of custom_label_0 to custom_label_4
	Tiers []Tier `yaml:"tiers"`
}

// Tier is a class of margin, as a share of the price; the last has no bound.
type Tier struct {
	Name  string  `yaml:"name"`
	Below float64 `yaml:"below,omitempty"`
}

// Or is the labels in the words of feeds, the defaults where nothing is set.
func (l *FeedLabels) Or() feeds.Labels {
	out := feeds.DefaultLabels()
	if l == nil {
		return out
	}
	if out.Slot = l.Slot; len(l.Tiers) > 0 {
		out.Tiers = nil
	}
	for _, t := range l.Tiers {
		out.Tiers = append(out.Tiers, feeds.Tier{Name: t.Name, Below: t.Below})
	}
	return out
}

// Value holds what the models need and no data set tells.
type Value struct {
	DefaultMargin  float64 `yaml:"default_margin"`   // contribution margin where costs are unknown, 0-1
	PaymentFeeRate float64 `yaml:"payment_fee_rate"` // of revenue
	ShippingCost   float64 `yaml:"shipping_cost"`    // per order, shop currency
	HorizonDays    int     `yaml:"horizon_days"`
	DiscountAnnual float64 `yaml:"discount_annual"`
}

// Audiences says which lists are kept.
type Audiences struct {
	Enabled          bool     `yaml:"enabled"`
	Lists            []string `yaml:"lists,omitempty"` // of audiences.Lists; none: audiences.DefaultLists
	CartWindowDays   int      `yaml:"cart_window_days"`
	CartSteps        []int    `yaml:"cart_steps"`     // days at which the reminder of a cart ends, and the proof after it
	PurchaserDays    int      `yaml:"purchaser_days"` // how long after an order somebody counts as a purchaser
	AtRiskBelow      float64  `yaml:"at_risk_below"`  // p(alive) below which a repeat customer may be leaving
	TopLTVShare      float64  `yaml:"top_ltv_share"`  // share of customers that make the seed
	LookalikeCountry string   `yaml:"lookalike_country,omitempty"`
	LookalikeRatio   float64  `yaml:"lookalike_ratio"`
}

// Google is one Google Ads account.
type Google struct {
	CustomerID          string `yaml:"customer_id"`
	TimeZone            string `yaml:"time_zone,omitempty"` // of the ad account, where it is not the shop's
	LoginCustomerID     string `yaml:"login_customer_id,omitempty"`
	Endpoint            string `yaml:"endpoint,omitempty"`
	DataManagerEndpoint string `yaml:"data_manager_endpoint,omitempty"`
	MerchantID          string `yaml:"merchant_id,omitempty"` // of Merchant Center; its product statuses are then read
	MerchantEndpoint    string `yaml:"merchant_endpoint,omitempty"`
	TokenURL            string `yaml:"token_url,omitempty"`
	DailyOperations     int64  `yaml:"daily_operations,omitempty"`

	ClientID           string `yaml:"client_id,omitempty"`
	ClientSecret       Secret `yaml:"client_secret,omitempty"`
	ClientSecretFile   string `yaml:"client_secret_file,omitempty"`
	RefreshToken       Secret `yaml:"refresh_token,omitempty"`
	RefreshTokenFile   string `yaml:"refresh_token_file,omitempty"`
	ServiceAccountFile string `yaml:"service_account_file,omitempty"`
	Subject            string `yaml:"subject,omitempty"` // user a service account acts for
	DeveloperToken     Secret `yaml:"developer_token,omitempty"`
	DeveloperTokenFile string `yaml:"developer_token_file,omitempty"`

	Conversions *Conversions `yaml:"conversions,omitempty"`
}

// Meta is one Meta ad account.
type Meta struct {
	AdAccountID     string `yaml:"ad_account_id"`
	TimeZone        string `yaml:"time_zone,omitempty"` // of the ad account, where it is not the shop's
	Version         string `yaml:"version,omitempty"`
	BaseURL         string `yaml:"base_url,omitempty"`
	CatalogID       string `yaml:"catalog_id,omitempty"` // of products; its items' reviews are then read
	AccessToken     Secret `yaml:"access_token,omitempty"`
	AccessTokenFile string `yaml:"access_token_file,omitempty"`
	AppSecret       Secret `yaml:"app_secret,omitempty"`
	AppSecretFile   string `yaml:"app_secret_file,omitempty"`

	Conversions *Conversions `yaml:"conversions,omitempty"`
}

// Conversions say how a platform is told what orders are worth. Without the
// section, or with Enabled false, it is told nothing.
type Conversions struct {
	Enabled          bool    `yaml:"enabled"`
	ConversionAction string  `yaml:"conversion_action,omitempty"` // Google: the digits of a conversion action of its own
	Dataset          string  `yaml:"dataset,omitempty"`           // Meta: the digits of the data set (pixel)
	TestEventCode    string  `yaml:"test_event_code,omitempty"`   // Meta: shows the orders among the Events Manager's test events too
	Measure          string  `yaml:"measure,omitempty"`           // lifetime_revenue, lifetime_margin, revenue or margin
	SettleHours      *int    `yaml:"settle_hours,omitempty"`      // how old an order must be; nil is DefaultSettleHours
	RestateShare     float64 `yaml:"restate_share,omitempty"`     // change from which a value is told anew
}

// Defaults of Conversions where the file is silent.
const (
	DefaultMeasure      = "lifetime_revenue"
	DefaultSettleHours  = 6
	DefaultRestateShare = 0.05
)

// Or fills in the defaults; nil is a section that is not there.
func (c *Conversions) Or() Conversions {
	var out Conversions
	if c != nil {
		out = *c
	}
	if out.Measure == "" {
		out.Measure = DefaultMeasure
	}
	if out.SettleHours == nil {
		hours := DefaultSettleHours
		out.SettleHours = &hours
	}
	if out.RestateShare == 0 {
		out.RestateShare = DefaultRestateShare
	}
	return out
}

// Duration is a time.Duration written as 90m or 6h.
type Duration time.Duration

// UnmarshalText reads 90m, 6h.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("schedule.grace: %q is not a duration; write it as 6h or 90m", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Default is what holds where the file is silent.
func Default() Config {
	return Config{
		Store:    "adsteward.db",
		Web:      Web{Listen: "127.0.0.1:8080"},
		Schedule: Schedule{Cron: "30 4 * * *", TimeZone: "UTC", Grace: Duration(6 * time.Hour)},
	}
}

func defaultValue() Value {
	return Value{DefaultMargin: 0.4, PaymentFeeRate: 0.02, HorizonDays: 365, DiscountAnnual: 0.1}
}

func defaultAudiences() Audiences {
	return Audiences{CartWindowDays: 14, CartSteps: []int{1, 4}, PurchaserDays: 180, AtRiskBelow: 0.5, TopLTVShare: 0.1, LookalikeRatio: 0.02}
}

// UnmarshalYAML fills in the defaults of an account before reading it.
func (a *Account) UnmarshalYAML(n *yaml.Node) error {
	type plain Account
	p := plain{Value: defaultValue(), Audiences: defaultAudiences()}
	if err := decodeNode(n, &p); err != nil {
		return err
	}
	*a = Account(p)
	return nil
}

// decodeNode decodes strictly: yaml.v3 forgets KnownFields inside a custom
// unmarshaller, so the node is written out and read again, with its own line
// numbers lost; the key's name is in the message.
func decodeNode(n *yaml.Node, to any) error {
	b, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(to); err != nil {
		// The lines it names are those of the copy.
		return fmt.Errorf("in the entry that starts at line %d: %s", n.Line, copiedLine.ReplaceAllString(err.Error(), ""))
	}
	return nil
}

var copiedLine = regexp.MustCompile(`line \d+: `)

// Error is a fault of the configuration or of a file it names: one line for
// people. Where several faults were found, Faults holds each.
type Error struct {
	File   string
	Msg    string
	Faults []string
}

func (e *Error) Error() string { return e.File + ": " + e.Msg }

// IsInput says that the fault is in what was given, and that trying again will
// not help.
func (e *Error) IsInput() bool { return true }

// Load reads and checks the file. Paths in it are relative to its directory.
func Load(file string) (*Config, error) { return load(file, true) }

// LoadBare is Load for what speaks to no platform: the variables that hold their
// secrets may be set for the daemon alone.
func LoadBare(file string) (*Config, error) { return load(file, false) }

func load(file string, secrets bool) (*Config, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &Error{File: file, Msg: "there is no such file; `adsteward init` writes one to start from, --config names another"}
	}
	if err != nil {
		return nil, &Error{File: file, Msg: err.Error()}
	}
	defer f.Close()
	c := Default()
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, &Error{File: file, Msg: PlainYAML(err)}
	} else if err == nil && !errors.Is(dec.Decode(new(yaml.Node)), io.EOF) { // what follows would be read by nobody
		return nil, &Error{File: file, Msg: "a line --- begins a second document; one file is one configuration"}
	}
	c.file = file
	c.resolve()
	faults := c.check()
	if secrets {
		faults = append(faults, c.unset()...)
	}
	if len(faults) > 0 {
		return nil, &Error{File: file, Msg: strings.Join(faults, "; "), Faults: faults}
	}
	return &c, nil
}

// PlainYAML makes one line of the message of an error that holds one of yaml's,
// without Go type names.
func PlainYAML(err error) string {
	s := strings.Replace(err.Error(), "yaml: ", "", 1)
	s = strings.ReplaceAll(s, "unmarshal errors:\n", "")
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "\n", "; ")), " ")
	if i := strings.Index(s, " not found in type "); i > 0 {
		s = s[:i] + " is no key of this file; see the comments that `adsteward init` writes"
	}
	return wrongKind.ReplaceAllString(s, "the value$1 is not of the kind this key takes")
}

// wrongKind is how yaml says that a value does not fit: its tag, the value where
// it is short, the Go type.
var wrongKind = regexp.MustCompile("cannot unmarshal !!\\w+( `[^`]*`)? into \\S+")

// File is the path the configuration was read from.
func (c *Config) File() string { return c.file }

// resolve makes paths relative to the file's directory.
func (c *Config) resolve() {
	dir := filepath.Dir(c.file)
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) && !strings.Contains(*p, "://") {
			*p = filepath.Join(dir, *p)
		}
	}
	abs(&c.Store)
	abs(&c.FeedCache)
	abs(&c.EncryptionKeyFile)
	abs(&c.DemoMarket)
	for i := range c.Accounts {
		a := &c.Accounts[i]
		abs(&a.Policy)
		abs(&a.Storefront.Directory)
		for name, file := range a.FeedSupplement {
			abs(&file)
			a.FeedSupplement[name] = file
		}
		for j := range a.Feeds {
			abs(&a.Feeds[j].Location)
			abs(&a.Feeds[j].KnownHosts)
		}
		if a.Notify != nil {
			abs(&a.Notify.WebhookFile)
		}
		if g := a.Google; g != nil {
			for _, p := range []*string{&g.ClientSecretFile, &g.RefreshTokenFile, &g.ServiceAccountFile, &g.DeveloperTokenFile} {
				abs(p)
			}
		}
		if m := a.Meta; m != nil {
			abs(&m.AccessTokenFile)
			abs(&m.AppSecretFile)
		}
	}
}

// FeedCacheDir is where feeds are kept between nights: as configured, else beside
// a SQLite database; "" keeps nothing.
func (c *Config) FeedCacheDir() string {
	if c.FeedCache != "" || strings.HasPrefix(c.Store, "postgres") && strings.Contains(c.Store, "://") {
		return c.FeedCache
	}
	return filepath.Join(filepath.Dir(strings.TrimPrefix(c.Store, "sqlite://")), "feed-cache")
}

// digits strips "act_" and dashes from a platform's id; "" where it is none.
func digits(s string) string {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "act_"), "-", "")
	for _, r := range s {
		if r < '0' || r > '9' {
			return ""
		}
	}
	return s
}

// ID is the customer id as bare digits.
func (g *Google) ID() string { return digits(g.CustomerID) }

// LoginID is the manager account's id as bare digits, "" if none.
func (g *Google) LoginID() string { return digits(g.LoginCustomerID) }

// ID is the ad account id as bare digits.
func (m *Meta) ID() string { return digits(m.AdAccountID) }

// Account returns the account of that name.
func (c *Config) Account(name string) (*Account, bool) {
	for i := range c.Accounts {
		if c.Accounts[i].Name == name {
			return &c.Accounts[i], true
		}
	}
	return nil, false
}

// Location is the shop's time zone.
func (a *Account) Location() *time.Location {
	loc, err := time.LoadLocation(a.TimeZone)
	if err != nil { // check has seen it
		return time.UTC
	}
	return loc
}
