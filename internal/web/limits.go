package web

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Log-in attempts: so many at once, then one in each interval, per user name
// and per address. An office behind one address shares the latter.
const (
	userBurst    = 6
	userEvery    = 30 * time.Second
	addressBurst = 20
	addressEvery = 5 * time.Second
	// mostLimits bounds the memory that guessed names and addresses take.
	mostLimits = 10_000
)

// limits counts log-in attempts. Its state is in memory: each replica counts
// its own, and a restart forgets.
type limits struct {
	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

func newLimits() *limits { return &limits{keys: map[string]*rate.Limiter{}} }

// allow counts one attempt and reports whether it may be made; user is "" where
// none is named.
func (l *limits) allow(user, address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= mostLimits {
		for k, lim := range l.keys { // one that is full again holds nothing to remember
			if lim.TokensAt(now) >= float64(lim.Burst()) {
				delete(l.keys, k)
			}
		}
		if len(l.keys) >= mostLimits {
			return false
		}
	}
	// An address that is held back cannot use up a user's attempts, or memory.
	if !l.limiter("a:"+address, addressBurst, addressEvery).AllowN(now, 1) {
		return false
	}
	return user == "" || l.limiter("u:"+user, userBurst, userEvery).AllowN(now, 1)
}

// forgive forgets a user's attempts once one has succeeded.
func (l *limits) forgive(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, "u:"+user)
}

func (l *limits) limiter(key string, burst int, every time.Duration) *rate.Limiter {
	lim := l.keys[key]
	if lim == nil {
		lim = rate.NewLimiter(rate.Every(every), burst)
		l.keys[key] = lim
	}
	return lim
}

// address is whom a request comes from: the peer of the connection, since a
// header could be made up; for IPv6 its /64, of which anyone has plenty.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
