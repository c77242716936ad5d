package meta

import (
	"context"
	"time"

	"github.com/huandu/facebook/v2"
)

// Check reads the data set's name: whether there is one and the token may use it.
// Meta has no request that checks an event without taking it.
func (c *Conversions) Check(ctx context.Context, _ time.Time) error {
	_, err := c.client.do(ctx, call{method: facebook.GET, path: c.dataSet, params: facebook.Params{"fields": "id,name"}})
	if err != nil {
		return c.blame(err)
	}
	return nil
}
