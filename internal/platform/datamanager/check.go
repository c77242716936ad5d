package datamanager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Check has Google validate an order that there never was: the credentials, the
// conversion action and the account's terms. Nothing is recorded.
func (c *Conversions) Check(ctx context.Context, now time.Time) error {
	nobody := sha256.Sum256([]byte("nobody@example.com"))
	e, err := event(platform.Conversion{Step: platform.Record, OrderID: "adsteward-check", At: now.Add(-time.Hour), Value: money.One,
		Currency: "EUR", EmailSHA256: hex.EncodeToString(nobody[:]), UserData: true, Personalization: true})
	if err != nil {
		return err
	}
	_, err = do(ctx, c.client, repeatable, func(ctx context.Context) (*dm.IngestEventsResponse, error) {
		return c.client.service.Events.Ingest(&dm.IngestEventsRequest{Destinations: c.client.destination(c.action), Encoding: "HEX",
			Events: []*dm.Event{e}, ValidateOnly: true}).Context(ctx).Do()
	})
	return err
}
