// Package notify posts a text where people read it: to an incoming webhook of Slack, or
// of what takes the same, as Mattermost and Discord (…/slack) do. What is worth telling
// is for internal/nightly.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Webhook is where texts go. Who knows its address may write there: it is a secret, and
// no error holds it.
type Webhook struct {
	address string
	client  *http.Client
	pauses  func() backoff.BackOff
}

// Open checks the address, which has to be of http or https.
func Open(address string) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("it is not an address of the form https://host/path")
	}
	return &Webhook{
		address: address,
		// A redirect would take the text, and the secret, to who knows where.
		client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		pauses: func() backoff.BackOff { return backoff.NewExponentialBackOff() },
	}, nil
}

// mostTries is how often a text is sent until it is taken. Twice does no harm.
const mostTries = 3

// Post sends a text of plain lines. What passes by itself, as a server that is busy, is
// tried again until ctx ends.
func (w *Webhook) Post(ctx context.Context, text string) error {
	body, err := json.Marshal(map[string]string{"text": escape.Replace(text)})
	if err != nil {
		return err
	}
	_, err = backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, w.post(ctx, body) },
		backoff.WithMaxTries(mostTries), backoff.WithBackOff(w.pauses()))
	return err
}

// escape are the three characters with which Slack's mark-up begins: an error's words
// must neither link nor call anybody.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (w *Webhook) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(errors.New("the webhook's address cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // which does not name the address
		}
		return fmt.Errorf("the webhook could not be reached: %w", err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // only to tell why
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("the webhook answered %s", resp.Status)
	default:
		return backoff.Permanent(fmt.Errorf("the webhook refused the text: %s: %s", resp.Status, strings.Join(strings.Fields(string(said)), " ")))
	}
}
