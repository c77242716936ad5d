package storefront

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"adsteward/store"
)

type touchReader struct {
	parser
	out batch[store.Touch]
}

func (r *touchReader) changed() int                    { return r.out.total }
func (r *touchReader) flush(ctx context.Context) error { return r.out.flush(ctx) }

func (r *touchReader) row(ctx context.Context, rec record) error {
	t := store.Touch{Account: r.o.Account, CustomerID: rec.get("customer_id"), VisitorID: rec.get("visitor_id"),
		Channel: rec.get("channel"), Campaign: rec.get("campaign"), ClickID: rec.get("click_id"), Kind: rec.get("kind")}
	if err := landed(rec, &t); err != nil {
		return err
	}
	if t.CustomerID == "" && t.VisitorID == "" && t.ClickID == "" {
		return rec.bad("customer_id", "is empty, and neither visitor_id nor click_id says whose touch it is")
	}
	var err error
	if t.At, err = r.instant(rec, "at"); err != nil {
		return err
	}
	if t.Channel == "" {
		return rec.bad("channel", "is empty, and no landing_url says where the visit came from")
	}
	if t.Kind != "" && t.Kind != "click" && t.Kind != "view" {
		return rec.bad("kind", "%q is neither click nor view", t.Kind)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{t.CustomerID, t.VisitorID, t.At.Format(time.RFC3339Nano), t.Channel, t.Campaign, t.ClickID}, "\x00") + strings.TrimPrefix(t.Kind, "click")))
	t.TouchID = hex.EncodeToString(sum[:16])
	return r.out.add(ctx, t)
}

type cartReader struct {
	parser
	out batch[store.Cart]
}

func (r *cartReader) changed() int                    { return r.out.total }
func (r *cartReader) flush(ctx context.Context) error { return r.out.flush(ctx) }

func (r *cartReader) row(ctx context.Context, rec record) error {
	c := store.Cart{Account: r.o.Account, CustomerID: rec.get("customer_id"), VisitorID: rec.get("visitor_id"),
		SKUs: strings.Join(strings.FieldsFunc(rec.get("skus"), func(c rune) bool { return strings.ContainsRune(" ,;|\t\n", c) }), " ")}
	var err error
	if c.CartID, err = r.text(rec, "cart_id"); err != nil {
		return err
	}
	if c.Email, err = r.email(rec); err != nil {
		return err
	}
	if c.CustomerID == "" && c.VisitorID == "" && c.Email == "" {
		return rec.bad("customer_id", "is empty, and neither visitor_id nor email says whose cart it is")
	}
	if c.UpdatedAt, err = r.instant(rec, "updated_at"); err != nil {
		return err
	}
	if c.Value, err = r.needAmount(rec, "value"); err != nil {
		return err
	}
	return r.out.add(ctx, c)
}

type costReader struct {
	parser
	out batch[store.Cost]
}

func (r *costReader) changed() int                    { return r.out.total }
func (r *costReader) flush(ctx context.Context) error { return r.out.flush(ctx) }

func (r *costReader) row(ctx context.Context, rec record) error {
	c := store.Cost{Account: r.o.Account}
	var err error
	if c.SKU, err = r.text(rec, "sku"); err != nil {
		return err
	}
	if c.UnitCost, err = r.needAmount(rec, "unit_cost"); err != nil {
		return err
	}
	if c.Currency, err = r.currencyOf(rec); err != nil {
		return err
	}
	return r.out.add(ctx, c)
}

type consentReader struct {
	parser
	out batch[store.Consent]
}

func (r *consentReader) changed() int                    { return r.out.total }
func (r *consentReader) flush(ctx context.Context) error { return r.out.flush(ctx) }

func (r *consentReader) row(ctx context.Context, rec record) error {
	c := store.Consent{Account: r.o.Account, CustomerID: rec.get("customer_id")}
	var err error
	if c.Email, err = r.email(rec); err != nil {
		return err
	}
	if c.CustomerID == "" && c.Email == "" {
		return rec.bad("customer_id", "is empty, and so is email; one of them must say whose consent it is")
	}
	if c.Purpose, err = r.text(rec, "purpose"); err != nil {
		return err
	}
	c.Purpose = strings.ToLower(c.Purpose)
	switch strings.ToLower(rec.get("granted")) {
	case "true", "1", "yes", "granted":
		c.Granted = true
	case "false", "0", "no", "denied":
	default:
		return rec.bad("granted", "%q is neither true nor false", rec.get("granted"))
	}
	if c.At, err = r.instant(rec, "at"); err != nil {
		return err
	}
	return r.out.add(ctx, c)
}
