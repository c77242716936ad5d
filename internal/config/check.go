package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"adsteward/audiences"
	"adsteward/feeds"
	"adsteward/internal/money"
)

// faults gathers what is wrong, each with its key and what to do.
type faults []string

func (f *faults) wrong(bad bool, format string, args ...any) {
	if bad {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// check looks at form only and returns every fault.
func (c *Config) check() []string {
	var f faults
	f.wrong(len(c.Accounts) == 0, "accounts: is empty; name at least one shop")
	f.wrong(!isZone(c.Schedule.TimeZone), "schedule.time_zone: %q is not a time zone; write it as Europe/Berlin", c.Schedule.TimeZone)
	f.wrong(!isCron(c.Schedule.Cron), "schedule.cron: %q is not a cron expression; write five fields, as in \"30 4 * * *\"", c.Schedule.Cron)
	f.wrong(c.Schedule.Grace < 0, "schedule.grace: is negative; write it as 6h")
	_, _, err := net.SplitHostPort(c.Web.Listen)
	f.wrong(err != nil, "web.listen: %q is not an address; write it as 127.0.0.1:8080", c.Web.Listen)
	f.wrong(c.Web.PublicURL != "" && !strings.HasPrefix(c.Web.PublicURL, "http"), "web.public_url: %q is not an address; write it as https://ads.example.com", c.Web.PublicURL)
	seen := map[string]bool{}
	owner := map[string]string{} // of each ad account
	own := func(a *Account, key, option, id string) {
		was, taken := owner[option+" "+id]
		f.wrong(id != "" && taken, "%s%s: %s belongs to account %q already; two would change the same budgets", key, option, id, was)
		owner[option+" "+id] = a.Name
	}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		key := fmt.Sprintf("accounts[%d].", i)
		a.check(key, &f)
		f.wrong(seen[a.Name], "%sname: %q is used twice; names tell the shops apart", key, a.Name)
		seen[a.Name] = true
		if a.Google != nil {
			own(a, key, "google.customer_id", a.Google.ID())
		}
		if a.Meta != nil {
			own(a, key, "meta.ad_account_id", a.Meta.ID())
		}
	}
	return f
}

// unset names the secrets whose variable of the environment is not set.
func (c *Config) unset() []string {
	var f faults
	look := func(key string, s Secret) {
		f.wrong(s.unset != "", "%s: the environment variable %s is not set", key, s.unset)
	}
	look("encryption_key", c.EncryptionKey)
	for i, a := range c.Accounts {
		key := fmt.Sprintf("accounts[%d].", i)
		if a.Notify != nil {
			look(key+"notify.webhook", a.Notify.Webhook)
		}
		if g := a.Google; g != nil {
			look(key+"google.client_secret", g.ClientSecret)
			look(key+"google.refresh_token", g.RefreshToken)
			look(key+"google.developer_token", g.DeveloperToken)
		}
		if m := a.Meta; m != nil {
			look(key+"meta.access_token", m.AccessToken)
			look(key+"meta.app_secret", m.AppSecret)
		}
	}
	return f
}

func (a *Account) check(key string, f *faults) {
	f.wrong(a.Name == "" || strings.ContainsAny(a.Name, "/ \t\n"), "%sname: %q is not a name; use letters, digits and dashes", key, a.Name)
	f.wrong(!money.ValidCode(a.Currency), "%scurrency: %q is not a currency code; write it as EUR", key, a.Currency)
	zone := func(where, name string) {
		f.wrong(name != "" && !isZone(name), "%s%stime_zone: %q is not a time zone; write it as Europe/Berlin", key, where, name)
	}
	zone("", a.TimeZone)
	if a.Google != nil {
		zone("google.", a.Google.TimeZone)
	}
	if a.Meta != nil {
		zone("meta.", a.Meta.TimeZone)
	}
	v := a.Value
	f.wrong(!(v.DefaultMargin > 0 && v.DefaultMargin <= 1), "%svalue.default_margin: %v is not a share above 0 and at most 1", key, v.DefaultMargin)
	f.wrong(!(v.PaymentFeeRate >= 0 && v.PaymentFeeRate < 1), "%svalue.payment_fee_rate: %v is not a share below 1", key, v.PaymentFeeRate)
	f.wrong(!(v.ShippingCost >= 0 && v.ShippingCost < 1e9), "%svalue.shipping_cost: %v is not what a parcel costs the shop", key, v.ShippingCost)
	f.wrong(!(v.DiscountAnnual >= 0 && v.DiscountAnnual < 10), "%svalue.discount_annual: %v is not a yearly rate; write 10 %% as 0.1", key, v.DiscountAnnual)
	f.wrong(v.HorizonDays < 1 || v.HorizonDays > 3650, "%svalue.horizon_days: %d is not between 1 and 3650", key, v.HorizonDays)
	for i, feed := range a.Feeds {
		f.wrong(feed.Location == "", "%sfeeds[%d].location: is missing; write a file or an address", key, i)
		f.wrong(feed.Platform != "google" && feed.Platform != "meta" && feed.Platform != "both",
			"%sfeeds[%d].platform: %q is none of google, meta, both", key, i, feed.Platform)
		if err := (feeds.Options{Platform: "both", Country: feed.Country, Format: feed.Format}).Check(); err != nil {
			f.wrong(true, "%sfeeds[%d]: %v", key, i, err)
		}
		f.wrong(!(feed.Collapse >= 0 && feed.Collapse <= 1), "%sfeeds[%d].collapse: %v is not a share; write 70 %% as 0.7", key, i, feed.Collapse)
		if err := feeds.CheckSeverities(feed.Severity); err != nil {
			f.wrong(true, "%sfeeds[%d].severity: %v", key, i, err)
		}
	}
	if err := a.FeedLabels.Or().Check(); err != nil {
		f.wrong(true, "%sfeed_labels.%v", key, err)
	}
	for name, file := range a.FeedSupplement {
		f.wrong(name != "google" && name != "meta", "%sfeed_supplement: %q is none of google, meta", key, name)
		f.wrong(file == "" || strings.Contains(file, "://"), "%sfeed_supplement.%s: %q is no file; name the one to write", key, name, file)
	}
	for i, feed := range a.Feeds {
		if p := feed.Pages; p != nil {
			f.wrong(p.Sample < 0 || p.Sample > 100_000, "%sfeeds[%d].pages.sample: %d is not between 0 and 100000", key, i, p.Sample)
			f.wrong(!(p.Rate > 0 && p.Rate <= 100), "%sfeeds[%d].pages.rate: %v is not above 0 and at most 100 pages a second", key, i, p.Rate)
		}
	}
	a.Journeys.check(key, f)
	if n := a.Notify; n != nil {
		f.wrong((n.Webhook == Secret{}) == (n.WebhookFile == ""), "%snotify: give the address as webhook, or as webhook_file the file that holds it", key)
	}
	u := a.Audiences
	f.wrong(u.CartWindowDays < 1 || u.CartWindowDays > 540, "%saudiences.cart_window_days: %d is not between 1 and 540", key, u.CartWindowDays)
	for i, l := range u.Lists {
		f.wrong(!slices.Contains(audiences.Lists, l), "%saudiences.lists[%d]: %q is none of %s", key, i, l, strings.Join(audiences.Lists, ", "))
	}
	steps := u.CartSteps
	f.wrong(len(steps) != 2 || steps[0] < 1 || steps[0] >= steps[1] || steps[1] >= u.CartWindowDays && slices.Contains(u.Lists, audiences.ListCartIncentive),
		"%saudiences.cart_steps: %v are not two days, each later than the one before and within cart_window_days; write [1, 4]", key, steps)
	f.wrong(u.PurchaserDays < 1 || u.PurchaserDays > 540, "%saudiences.purchaser_days: %d is not between 1 and 540", key, u.PurchaserDays)
	f.wrong(!(u.AtRiskBelow > 0.1 && u.AtRiskBelow <= 1), "%saudiences.at_risk_below: %v is not a probability above 0.1 and at most 1", key, u.AtRiskBelow)
	f.wrong(!(u.TopLTVShare > 0 && u.TopLTVShare <= 1), "%saudiences.top_ltv_share: %v is not a share above 0 and at most 1", key, u.TopLTVShare)
	f.wrong(!(u.LookalikeRatio >= 0.01 && u.LookalikeRatio <= 0.2), "%saudiences.lookalike_ratio: %v is not between 0.01 and 0.20", key, u.LookalikeRatio)
	f.wrong(a.Google == nil && a.Meta == nil, "%sgoogle, %smeta: neither is given; name at least one ad account", key, key)
	if g := a.Google; g != nil {
		f.wrong(g.ID() == "", "%sgoogle.customer_id: %q is not a customer id; write it as 123-456-7890", key, g.CustomerID)
		f.wrong(g.LoginCustomerID != "" && g.LoginID() == "", "%sgoogle.login_customer_id: %q is not a customer id; write it as 123-456-7890", key, g.LoginCustomerID)
		f.wrong(g.MerchantID != "" && !isID(g.MerchantID), "%sgoogle.merchant_id: %q is not a Merchant Center id; write its digits", key, g.MerchantID)
		if c := g.Conversions; c != nil {
			c.check(key+"google.conversions.", f)
			f.wrong(c.Enabled && !isID(c.ConversionAction), "%sgoogle.conversions.conversion_action: %q is not the id of a conversion action; write its digits", key, c.ConversionAction)
			f.wrong(c.Dataset != "", "%sgoogle.conversions.dataset: is Meta's; Google takes conversion_action", key)
			f.wrong(c.TestEventCode != "", "%sgoogle.conversions.test_event_code: is Meta's; Google has none", key)
		}
	}
	if m := a.Meta; m != nil {
		f.wrong(m.ID() == "", "%smeta.ad_account_id: %q is not an ad account id; write its digits", key, m.AdAccountID)
		f.wrong(m.CatalogID != "" && !isID(m.CatalogID), "%smeta.catalog_id: %q is not the id of a catalog; write its digits", key, m.CatalogID)
		if c := m.Conversions; c != nil {
			c.check(key+"meta.conversions.", f)
			f.wrong(c.Enabled && !isID(c.Dataset), "%smeta.conversions.dataset: %q is not the id of a data set (pixel); write its digits", key, c.Dataset)
			f.wrong(c.ConversionAction != "", "%smeta.conversions.conversion_action: is Google's; Meta takes dataset", key)
		}
	}
}

func (c *Conversions) check(key string, f *faults) {
	v := c.Or()
	f.wrong(!slices.Contains([]string{DefaultMeasure, "lifetime_margin", "revenue", "margin"}, v.Measure),
		"%smeasure: %q is none of lifetime_revenue, lifetime_margin, revenue and margin", key, v.Measure)
	f.wrong(*v.SettleHours < 0 || *v.SettleHours > 120, "%ssettle_hours: %d is not between 0 and 120", key, *v.SettleHours)
	f.wrong(!(v.RestateShare > 0 && v.RestateShare < 1), "%srestate_share: %v is not a share between 0 and 1; write 5 %% as 0.05", key, v.RestateShare)
}

// isCron reports whether text is five cron fields. A zone before them (TZ=) is none: slots
// are of the wall clock of schedule.time_zone, and the parser panics where nothing follows it.
func isCron(text string) bool {
	if len(strings.Fields(text)) != 5 || strings.Contains(text, "=") {
		return false
	}
	_, err := cron.ParseStandard(text)
	return err == nil
}

// isID reports whether s is digits and nothing else.
func isID(s string) bool { return s != "" && digits(s) == s }

func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != ""
}
