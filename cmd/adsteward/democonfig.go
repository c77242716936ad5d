package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"adsteward/bidding/guard"
	"adsteward/internal/config"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/faults"
)

// demoYAML is the demo's configuration: an ordinary one, whose addresses are
// the emulators'.
const demoYAML = `# Written by adsteward demo. An ordinary configuration but for its addresses and its clock.
store: adsteward.db
encryption_key_file: adsteward.key
demo_market: market.json
web:
  listen: %[1]s
schedule:
  cron: "30 4 * * *"
  time_zone: Europe/Berlin
  grace: 6h
accounts:
  - name: demo
    currency: EUR
    time_zone: Europe/Berlin
    policy: policy.yaml
    storefront:
      directory: shop
    feeds:
      - location: shop/feed.xml
        platform: both
    feed_supplement:
      google: supplement/google.tsv
      meta: supplement/meta.tsv
    value:
      default_margin: 0.4
      payment_fee_rate: 0.0
      shipping_cost: 0
      horizon_days: 365
      discount_annual: 0.1
    audiences:
      enabled: true
      lists: [cart_abandoners, high_ltv, cart_reminder, cart_proof, cart_incentive, purchasers, at_risk]
      cart_window_days: 14
      top_ltv_share: 0.1
      lookalike_country: DE
      lookalike_ratio: 0.02
    google:
      customer_id: "%[2]s"
      endpoint: %[3]s
      data_manager_endpoint: http://%[4]s/
      merchant_id: "%[15]s"
      merchant_endpoint: http://%[4]s/
      token_url: %[5]s
      client_id: %[6]s
      client_secret: %[7]s
      refresh_token: %[8]s
      daily_operations: 2880
      conversions:
        enabled: true
        conversion_action: "%[13]s"
        measure: margin        # of the order alone: value rules say what customers go on to bring
    meta:
      ad_account_id: "%[9]s"
      base_url: http://%[10]s/
      catalog_id: "%[16]s"
      access_token: %[11]s
      app_secret: %[12]s
      conversions:
        enabled: true
        dataset: "%[14]s"
`

// demoPolicy is the template with value rules on, so that the demo has some to
// decide on.
var demoPolicy = strings.Replace(guard.Template, "  enabled: false            # a value rule", "  enabled: true             # a value rule", 1)

// writeConfig writes the demo's files where they are missing. In a configuration
// that is there, somebody may have changed something: only the address of the
// page is set.
func (c *demoCmd) writeConfig(i sandbox.Info) error {
	info, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.Data, "sandbox.json"), append(info, '\n'), 0o600); err != nil {
		return err
	}
	yaml := fmt.Sprintf(demoYAML, c.Addr, i.CustomerID, i.GoogleAddr, i.DataManagerAddr, i.TokenURL, i.ClientID, i.ClientSecret, i.RefreshToken,
		i.AdAccountID, i.MetaAddr, i.AccessToken, i.AppSecret, i.ConversionActionID, i.DataSetID, i.MerchantID, i.CatalogID)
	for name, body := range map[string]string{"adsteward.yaml": yaml, "policy.yaml": demoPolicy, "adsteward.key": config.NewKey()} {
		file := filepath.Join(c.Data, name)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			return err
		}
	}
	if c.Headless {
		return nil
	}
	file := filepath.Join(c.Data, "adsteward.yaml")
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, listenLine.ReplaceAll(old, []byte("${1}"+c.Addr)), 0o600)
}

var listenLine = regexp.MustCompile(`(?m)^(  listen: ).*$`)

func readFaults(r io.Reader) (*faults.Table, error) { return faults.Read(r) }

// readWith opens a file and reads it; what is wrong with it names the file.
func readWith[T any](file string, read func(io.Reader) (T, error)) (v T, err error) {
	f, err := os.Open(file)
	if err != nil {
		return v, usage("%v", err)
	}
	defer f.Close()
	v, err = read(f)
	if err != nil {
		return v, usage("%s: %v", file, err)
	}
	return v, nil
}

type initCmd struct {
	Dir string `arg:"" optional:"" default:"." type:"path" help:"Where to write it."`
}

func (c *initCmd) Run(e *env) error {
	files, err := config.Init(c.Dir, guard.Template)
	if err != nil {
		return usage("%v", err)
	}
	for _, f := range files {
		fmt.Fprintln(e.stdout, f)
	}
	fmt.Fprintf(e.stdout, "Fill in the account and its credentials, then: adsteward doctor --config %s\n", filepath.Join(c.Dir, "adsteward.yaml"))
	return nil
}
