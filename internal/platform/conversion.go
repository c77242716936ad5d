package platform

import (
	"context"
	"time"

	"adsteward/internal/money"
)

// ConversionStep says what is done with the conversion of an order.
type ConversionStep string

const (
	Record  ConversionStep = "record"  // told for the first time
	Restate ConversionStep = "restate" // its value is another now
	Retract ConversionStep = "retract" // the order came to nothing
)

// Conversion is one order's value as a platform is told it. The personal fields
// are normalised and hashed as that platform asks (audiences.Hash); empty ones
// are unknown or without consent.
type Conversion struct {
	Step ConversionStep
	// OrderID is the transaction id: with the conversion action (or event name)
	// it names the conversion, so that the same order is never counted twice.
	OrderID  string
	At       time.Time // of the order
	Value    money.Micros
	Currency string // ISO 4217
	// ClickID is the platform's own: gclid, gbraid or wbraid, fbc or fbclid, as
	// ClickKind says.
	ClickID     string
	ClickKind   string
	EmailSHA256 string // lower-case hex
	PhoneSHA256 string // lower-case hex
	Country     string // ISO 3166 alpha-2, upper case
	NewCustomer bool
	// What the person agreed to: that user data is sent, and that it serves
	// personalised ads.
	UserData, Personalization bool
}

// ConversionResult is the platform's answer for one conversion. A nil Err means
// received; what became of it is Status's to say where the platform answers
// later.
type ConversionResult struct {
	RequestID string
	Err       error // an *Error
}

// Conversions is what every destination of order values does. Send cuts into the
// platform's batches and returns one result for each conversion, in order; one
// that cannot be taken does not hold up the others. Sending the same conversion
// again does no harm: platforms keep one for an order. An error returned instead
// of results means that nothing was sent.
type Conversions interface {
	Platform() Name
	Send(ctx context.Context, cs []Conversion) ([]ConversionResult, error)
	// Status says what became of a request; platforms that answer at once return
	// success.
	Status(ctx context.Context, requestID string) (SyncStatus, error)
	// Check asks whether the platform would take an order of now, and tells it none.
	Check(ctx context.Context, now time.Time) error
	Close() error
}
