package datamanager

import (
	"context"
	"fmt"
	"strings"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/batch"
)

// eventsPerRequest is Google's limit.
const eventsPerRequest = 2000

// Conversions tells Google Ads what orders are worth, as events of one
// conversion action. It shares the limits of the client it was made of.
//
// Google knows a conversion by its transaction id within the action: an event
// with an id that is recorded already is not another conversion but replaces
// its value, and takes up user data the first one lacked; nothing else of it
// changes. The API has no retraction: one is told as the value 0, and Google
// goes on counting the conversion.
//
// Source: Data Manager API, Conversion adjustments, and Upgrade from the Google
// Ads API.
type Conversions struct {
	client *Client
	action string
}

var _ platform.Conversions = (*Conversions)(nil)

// Conversions returns what tells values to the conversion action with the id,
// whose source must be the website and which must belong to the client's
// account itself. Closing it closes the client.
func (c *Client) Conversions(actionID string) (*Conversions, error) {
	if actionID == "" || strings.Trim(actionID, "0123456789") != "" {
		return nil, fmt.Errorf("datamanager: %q is not the id of a conversion action; it is the number after ctId= in the address of its page in Google Ads under Goals, Conversions", actionID)
	}
	return &Conversions{c, actionID}, nil
}

// Platform returns platform.Google.
func (c *Conversions) Platform() platform.Name { return platform.Google }

// Status says what became of a request, in orders.
func (c *Conversions) Status(ctx context.Context, requestID string) (platform.SyncStatus, error) {
	return c.client.Status(ctx, requestID)
}

// Close closes the client.
func (c *Conversions) Close() error { return c.client.Close() }

// Send tells the orders' values. What Google cannot read of one order does not
// hold up the others; Google is sent no order without a way to find the buyer's
// click.
func (c *Conversions) Send(ctx context.Context, cs []platform.Conversion) ([]platform.ConversionResult, error) {
	return batch.Conversions(ctx, cs, eventsPerRequest, event, func(ctx context.Context, events []*dm.Event) (string, error) {
		return do(ctx, c.client, repeatable, func(ctx context.Context) (string, error) {
			r, err := c.client.service.Events.Ingest(&dm.IngestEventsRequest{
				Destinations: c.client.destination(c.action),
				Encoding:     "HEX",
				Events:       events,
			}).Context(ctx).Do()
			if err != nil {
				return "", err
			}
			return r.RequestId, nil
		})
	})
}

// event writes a conversion as Google reads it.
func event(c platform.Conversion) (*dm.Event, error) {
	switch {
	case c.OrderID == "":
		return nil, rejected("the order has no number")
	case c.At.IsZero():
		return nil, rejected("the order has no time")
	case !money.ValidCode(c.Currency):
		return nil, rejected("%q is not a currency", c.Currency)
	case c.Value < 0:
		return nil, rejected("a value below 0 cannot be told: %s", money.Format(c.Value, c.Currency))
	}
	data, err := userData(c)
	if err != nil {
		return nil, err
	}
	ids := click(c)
	if data == nil && ids == nil {
		return nil, &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Code: "NO_IDENTIFIER",
			Message: "there is neither a click nor an e-mail address or phone number that may be told, so Google cannot find the click",
			Remedy:  "keep the click id (gclid) with each order"}
	}
	e := &dm.Event{
		TransactionId:   c.OrderID,
		EventTimestamp:  c.At.UTC().Format(time.RFC3339),
		EventSource:     "WEB",
		ConversionValue: c.Value.Float(), // written with the digits of the micros again
		Currency:        c.Currency,
		AdIdentifiers:   ids,
		UserData:        data,
		Consent:         &dm.Consent{AdUserData: consent(c.UserData), AdPersonalization: consent(c.Personalization)},
		UserProperties:  &dm.UserProperties{CustomerType: "RETURNING"},
		ForceSendFields: []string{"ConversionValue"}, // also 0
	}
	if c.NewCustomer {
		e.UserProperties.CustomerType = "NEW"
	}
	if c.Step == platform.Retract {
		e.ConversionValue = 0
	}
	return e, nil
}

// userData is the last door for personal data: nothing passes without consent
// or without being a hash.
func userData(c platform.Conversion) (*dm.UserData, error) {
	if !hashOrEmpty(c.EmailSHA256) || !hashOrEmpty(c.PhoneSHA256) {
		return nil, rejected("the e-mail address or phone number is not hashed, so the order is kept back")
	}
	if !c.UserData {
		return nil, nil
	}
	ids := identifiers(c.EmailSHA256, c.PhoneSHA256)
	if len(ids) == 0 {
		return nil, nil
	}
	return &dm.UserData{UserIdentifiers: ids}, nil
}

// click is nil where the click is none of Google's.
func click(c platform.Conversion) *dm.AdIdentifiers {
	if c.ClickID == "" {
		return nil
	}
	switch c.ClickKind {
	case "gclid":
		return &dm.AdIdentifiers{Gclid: c.ClickID}
	case "gbraid":
		return &dm.AdIdentifiers{Gbraid: c.ClickID}
	case "wbraid":
		return &dm.AdIdentifiers{Wbraid: c.ClickID}
	}
	return nil
}

func consent(given bool) string {
	if given {
		return "CONSENT_GRANTED"
	}
	return "CONSENT_DENIED"
}
