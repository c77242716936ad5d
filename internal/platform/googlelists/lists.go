// Package googlelists makes audience lists in the Google Ads API: Customer
// Match lists and the lookalike lists grown from them. Members are none of its
// business; they go through the Data Manager API.
package googlelists

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"adsteward/internal/platform"
)

// Service makes lists in one Google Ads account.
type Service struct {
	conn       grpc.ClientConnInterface
	customerID string
}

// New returns a Service that makes lists in the account customerID (digits)
// over a connection that carries the credentials, as googleads.Client.Conn
// does. It does not close the connection.
func New(conn grpc.ClientConnInterface, customerID string) *Service {
	return &Service{conn: conn, customerID: customerID}
}

// EnsureCustomerMatchList returns the id of the list with l's name, making it
// if there is none.
func (s *Service) EnsureCustomerMatchList(ctx context.Context, l platform.List) (id string, err error) {
	return "", errors.New("googlelists: not ready")
}

// EnsureLookalikeList returns the id of the lookalike list with the name,
// making it from the seed list if there is none. country is ISO 3166 alpha-2;
// ratio is the share of the country's people, 0.01 to 0.20.
func (s *Service) EnsureLookalikeList(ctx context.Context, name, seedID, country string, ratio float64) (id string, err error) {
	return "", errors.New("googlelists: not ready")
}
