package meta

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/batch"
)

const (
	// eventsPerRequest is Meta's limit.
	eventsPerRequest = 1000
	// maxEventAge is how old an order may be when it is told. One that is older
	// would have the whole request refused.
	maxEventAge = 7 * 24 * time.Hour
)

const (
	remedyTooOld  = "nothing can be done for this order; a night at least once a week keeps others from it"
	remedyDataSet = "put the id of a data set (a pixel) into the configuration that the system user may use: it is in the Events Manager under Settings"
	remedyPerson  = "keep e-mail address, phone number or click id (fbclid) with each order"
)

// Conversions tells Meta what orders are worth, as purchases of one data set. It
// shares the limits of the client it was made of.
//
// Meta knows an event by its name and id for 48 hours and keeps the first: an
// order told again within that time, by the pixel too where it gives the order's
// number as eventID, is counted once, and its value cannot be changed.
//
// Source: Marketing API, Conversions API, Server Event Parameters and Customer
// Information Parameters.
type Conversions struct {
	client  *Client
	dataSet string
}

var _ platform.Conversions = (*Conversions)(nil)

// Conversions returns what tells values to the data set, or pixel, with the id.
// Closing it closes the client.
func (c *Client) Conversions(dataSetID string) (*Conversions, error) {
	if dataSetID == "" || strings.Trim(dataSetID, "0123456789") != "" {
		return nil, fmt.Errorf("meta: %q is not the id of a data set; it is the number in the Events Manager under Settings", dataSetID)
	}
	return &Conversions{c, dataSetID}, nil
}

// Platform returns platform.Meta.
func (c *Conversions) Platform() platform.Name { return platform.Meta }

// Status says success: Meta answers at once.
func (c *Conversions) Status(_ context.Context, requestID string) (platform.SyncStatus, error) {
	return platform.SyncStatus{State: "success", Detail: "taken by Meta as " + requestID}, nil
}

// Close closes the client.
func (c *Conversions) Close() error { return c.client.Close() }

// Send tells the orders' values. An order that Meta would not take, and that
// would have it refuse the others, is kept back: of more than seven days ago, of
// a person who did not agree or who cannot be found.
func (c *Conversions) Send(ctx context.Context, cs []platform.Conversion) ([]platform.ConversionResult, error) {
	now := c.client.cfg.Now()
	write := func(cv platform.Conversion) (map[string]any, error) { return purchaseEvent(cv, now) }
	return batch.Conversions(ctx, cs, eventsPerRequest, write, c.events)
}

// events makes one request. Meta refuses all of it for one event.
func (c *Conversions) events(ctx context.Context, data []map[string]any) (string, error) {
	params := facebook.Params{"data": data}
	if code := c.client.cfg.TestEventCode; code != "" {
		params["test_event_code"] = code
	}
	r, err := c.client.do(ctx, call{method: facebook.POST, path: c.dataSet + "/events", params: params})
	if err != nil {
		return "", c.blame(err)
	}
	if id := r.body.text("fbtrace_id"); id != "" {
		r.requestID = id
	}
	received, err := r.body.integer("events_received")
	if err == nil && r.body.text("events_received") == "" {
		err = errors.New("it does not say how many events were received")
	}
	if err != nil {
		return "", unreadable("orders", err)
	}
	if int(received) < len(data) { // which ones is found out by sending fewer; again does no harm
		return "", &batch.Refusal{Err: &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Code: "NOT_RECEIVED", RequestID: r.requestID,
			Message: fmt.Sprintf("Meta took %d of %d orders and did not say why", received, len(data))}}
	}
	return r.requestID, nil
}

// position is that of an event in Meta's sentences: $['data'][3]['event_time']
// or data[3].
var position = regexp.MustCompile(`(?:\['data'\]|\bdata)\[(\d+)\]`)

// blame recognises refusals of events, which have subcodes of their own or name
// an event, and gives the one of the data set its remedy.
func (c *Conversions) blame(err error) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Kind != platform.Rejected {
		return err
	}
	if e.Code == "100/33" {
		e.Remedy = remedyDataSet
		return e
	}
	named := position.FindStringSubmatch(e.Message)
	if named == nil && !strings.HasPrefix(e.Code, "100/2804") {
		return e
	}
	refusal := &batch.Refusal{Err: e}
	if named != nil {
		if i, err := strconv.Atoi(named[1]); err == nil {
			refusal.Items = map[int]*platform.Error{i: e}
		}
	}
	return refusal
}

// purchaseEvent writes a conversion as a server event.
func purchaseEvent(c platform.Conversion, now time.Time) (map[string]any, error) {
	switch {
	case c.Step != platform.Record:
		return nil, rejected("Meta keeps the value it was told first; it cannot be changed or taken back")
	case c.OrderID == "":
		return nil, rejected("the order has no number")
	case c.At.IsZero():
		return nil, rejected("the order has no time")
	case !money.ValidCode(c.Currency):
		return nil, rejected("%q is not a currency", c.Currency)
	case c.Value < 0:
		return nil, rejected("a value below 0 cannot be told: %s", money.Format(c.Value, c.Currency))
	case now.Sub(c.At) > maxEventAge:
		return nil, &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Code: "TOO_OLD", Remedy: remedyTooOld,
			Message: fmt.Sprintf("Meta takes orders of the last 7 days, and this one is of %s", c.At.UTC().Format(time.DateOnly))}
	}
	who, err := buyer(c)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"event_name":    "Purchase",
		"event_time":    c.At.Unix(),
		"event_id":      c.OrderID,
		"action_source": "website",
		"opt_out":       !c.Personalization, // then for attribution only
		"user_data":     who,
		"custom_data":   map[string]any{"value": c.Value, "currency": c.Currency, "order_id": c.OrderID},
	}, nil
}

// buyer is the last door for personal data: nothing passes without consent or
// without being a hash, but for the click, which Meta made itself.
func buyer(c platform.Conversion) (map[string]any, error) {
	if !hashOrEmpty(c.EmailSHA256) || !hashOrEmpty(c.PhoneSHA256) {
		return nil, rejected("the e-mail address or phone number is not hashed, so the order is kept back")
	}
	if !c.UserData {
		return nil, &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Code: "NO_CONSENT",
			Message: "the person did not agree that Meta is told, so the order is kept back"}
	}
	who := map[string]any{}
	add := func(key, hash string) {
		if hash != "" {
			who[key] = []string{hash}
		}
	}
	add("em", c.EmailSHA256)
	add("ph", c.PhoneSHA256)
	if click := fbc(c); click != "" {
		who["fbc"] = click
	}
	if len(who) == 0 {
		return nil, &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Code: "NO_IDENTIFIER", Remedy: remedyPerson,
			Message: "nothing is known of the buyer that Meta could find anybody by"}
	}
	add("country", countryHash(c.Country)) // helps, and finds nobody alone
	return who, nil
}

// fbc is the click as Meta's cookie _fbc holds it: version, subdomain index, the
// time it was seen in milliseconds, and the fbclid with its letters' case. Of a
// click that only the order tells of, the order's time is when it was seen.
func fbc(c platform.Conversion) string {
	switch {
	case c.ClickID == "":
		return ""
	case c.ClickKind == "fbc":
		return c.ClickID
	case c.ClickKind == "fbclid":
		return fmt.Sprintf("fb.1.%d.%s", c.At.UnixMilli(), c.ClickID)
	}
	return ""
}
