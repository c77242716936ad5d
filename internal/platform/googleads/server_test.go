package googleads

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"adsteward/internal/platform/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const servicePrefix = "google.ads.googleads.v25.services."

// call is one request as the fake server got it.
type call struct {
	ctx      context.Context
	method   string // CampaignService/MutateCampaigns
	request  proto.Message
	metadata metadata.MD
	stream   grpc.ServerStream
}

func (c *call) send(t *testing.T, m proto.Message) {
	if err := c.stream.SendMsg(m); err != nil {
		t.Errorf("%s: %v", c.method, err)
	}
}

func (c *call) answerID(id string) {
	c.stream.SetTrailer(metadata.Pairs("request-id", id))
}

// serve runs a server that answers any method of the Google Ads services by
// handle, and returns a client of it. The test's clock for pauses never waits.
func serve(t *testing.T, handle func(*call) error, adjust ...func(*Config)) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		full, _ := grpc.MethodFromServerStream(stream)
		method := strings.TrimPrefix(full, "/"+servicePrefix)
		request, err := newRequest(method)
		if err != nil {
			t.Error(err)
			return err
		}
		if err := stream.RecvMsg(request); err != nil {
			return err
		}
		md, _ := metadata.FromIncomingContext(stream.Context())
		return handle(&call{stream.Context(), method, request, md, stream})
	}))
	go server.Serve(listener)
	t.Cleanup(server.Stop)

	cfg := Config{
		Endpoint:          "127.0.0.1:1",
		CustomerID:        "123-456-7890",
		Credentials:       oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token-1"}),
		RequestsPerSecond: 1e6,
		Retry:             pace.Policy{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
		Now:               func() time.Time { return time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC) },
	}
	for _, f := range adjust {
		f(&cfg)
	}
	client, err := open(cfg, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return listener.DialContext(ctx)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func methodOf(name string) (protoreflect.MethodDescriptor, error) {
	service, method, _ := strings.Cut(name, "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(servicePrefix + service))
	if err != nil {
		return nil, err
	}
	return d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method)), nil
}

func newMessage(d protoreflect.MessageDescriptor) (proto.Message, error) {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return mt.New().Interface(), nil
}

func newRequest(method string) (proto.Message, error) {
	m, err := methodOf(method)
	if err != nil {
		return nil, err
	}
	return newMessage(m.Input())
}
