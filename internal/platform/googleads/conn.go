package googleads

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"adsteward/internal/platform"
)

// CustomerID returns the ad account's id, digits only.
func (c *Client) CustomerID() string { return c.customer }

// Conn returns the client's connection for services of the Google Ads API that
// platform.Ads has no word for, such as user lists. It adds the credentials,
// keeps the rate, sets the deadline, counts each call as one operation, repeats
// what was refused without effect, and returns errors of type *platform.Error;
// all but searches are taken to have an effect. It offers no streams, and ends
// with the client.
func (c *Client) Conn() grpc.ClientConnInterface { return unaryConn{&c.core} }

type unaryConn struct{ core *core }

// Invoke implements grpc.ClientConnInterface.
func (u unaryConn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	effect := !strings.HasSuffix(method, "/Search")
	_, err := attempt(ctx, u.core, func(ctx context.Context) (struct{}, error) {
		if err := u.core.connected(ctx); err != nil {
			return struct{}{}, err
		}
		ctx, cancel := context.WithTimeout(ctx, u.core.timeout)
		defer cancel()
		u.core.operations.Add(1)
		var header, trailer metadata.MD
		err := u.core.conn.Invoke(ctx, method, request, reply, append([]grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}, options...)...)
		id := requestID(header, trailer)
		u.core.log.Debug("called", "request_id", id, "method", method)
		if err != nil {
			return struct{}{}, failure(err, id, effect)
		}
		return struct{}{}, nil
	})
	return err
}

// NewStream implements grpc.ClientConnInterface; it always fails.
func (u unaryConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Code: "UNIMPLEMENTED",
		Message: "streams are not offered here", Err: status.Error(codes.Unimplemented, "no streams")}
}
