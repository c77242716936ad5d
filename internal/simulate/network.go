package simulate

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"google.golang.org/grpc/test/bufconn"
)

// network is a network in memory: what listens on it can be dialled on it and
// from nowhere else.
type network struct {
	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
}

// buffer is what one connection holds in each direction.
const buffer = 1 << 18

type listener struct {
	*bufconn.Listener
	addr *net.TCPAddr
}

func (l listener) Addr() net.Addr { return l.addr }

// Listen is of the form of net.Listen. The address is chosen here.
func (n *network) Listen(string, string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*bufconn.Listener{}
	}
	// A loopback address, so that clients do without TLS.
	l := listener{bufconn.Listen(buffer), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: len(n.listeners) + 1}}
	n.listeners[l.addr.String()] = l.Listener
	return l, nil
}

// Dial connects to a listener.
func (n *network) Dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("nothing listens on %s", address)
	}
	return l.DialContext(ctx)
}

// client returns an HTTP client of this network.
func (n *network) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return n.Dial(ctx, address)
	}}}
}
