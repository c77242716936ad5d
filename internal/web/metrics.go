package web

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows: the pages themselves, and what the store
// says of runs at the moment of asking.
type metrics struct {
	requests      *prometheus.HistogramVec
	loginFailures prometheus.Counter
	handler       http.Handler
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "adsteward_http_request_seconds",
			Help: "Time to answer, by route and status.", Buckets: []float64{.005, .02, .05, .1, .2, .5, 1, 5, 30}}, []string{"route", "code"}),
		loginFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "adsteward_login_failures_total", Help: "Log-ins refused."}),
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.requests, m.loginFailures, &stateCollector{s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

// count measures each answer under the route it was for; live streams are left
// out, since they last as long as somebody looks.
func (m *metrics) count(next http.Handler, mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := mux.Handler(r)
		if route == "" || route == "GET /runs/{account}/{date}/events" {
			next.ServeHTTP(w, r)
			return
		}
		began, sw := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		m.requests.WithLabelValues(route, strconv.Itoa(sw.status)).Observe(time.Since(began).Seconds())
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serveMetrics lets in whoever is on this machine, or an admin.
func (s *Server) serveMetrics(w http.ResponseWriter, hr *http.Request) {
	r := &request{Request: hr}
	if !local(hr) {
		user, err := s.sessionUser(hr)
		if r.user = user; err == nil && !r.may(admin) {
			err = errForbidden
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.metrics.handler.ServeHTTP(w, hr)
}

// local reports whether a request was made on this machine itself. One that a
// proxy here passes on was not.
func local(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// stateCollector reads the store when asked, so that every replica says the
// same and a restart loses nothing.
type stateCollector struct{ s *Server }

var (
	runFinished = prometheus.NewDesc("adsteward_run_finished_timestamp_seconds", "When the account's newest finished run ended.", []string{"account"}, nil)
	runFailed   = prometheus.NewDesc("adsteward_run_failed", "1 if the account's newest run failed.", []string{"account"}, nil)
	dataDate    = prometheus.NewDesc("adsteward_data_date_timestamp_seconds", "Newest day of performance, as midnight UTC.", []string{"platform", "ad_account"}, nil)
	killState   = prometheus.NewDesc("adsteward_kill_switch", "1 while the kill switch is on.", nil, nil)
)

func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{runFinished, runFailed, dataDate, killState} {
		ch <- d
	}
}

func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // Collect is given none
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	runs, err := c.s.newestRuns(ctx, "")
	if err != nil {
		ch <- prometheus.NewInvalidMetric(runFailed, err)
		return
	}
	for _, r := range runs {
		failed := 0.0
		if r.State == "failed" {
			failed = 1
		}
		gauge(runFailed, failed, r.Account)
		if r.FinishedAt.Valid {
			gauge(runFinished, float64(r.FinishedAt.Time.Unix()), r.Account)
		}
	}
	last, err := c.s.store.LastPerformance(ctx, "")
	if err != nil {
		ch <- prometheus.NewInvalidMetric(dataDate, err)
		return
	}
	for k, d := range last {
		gauge(dataDate, float64(d.Time().Unix()), k[0], k[1])
	}
	on := 0.0
	if c.s.killState(ctx) != nil {
		on = 1
	}
	gauge(killState, on)
}
