package googleads

import (
	"context"
	"encoding/base64"
	"fmt"
	"hash/fnv"

	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/sandbox/faults"
)

const (
	pageSize  = 10_000 // rows in a page of Search
	chunkSize = 1_000  // rows in a message of SearchStream
)

type adsService struct {
	services.UnimplementedGoogleAdsServiceServer
	s *Server
}

// Search answers a query page by page.
func (as adsService) Search(ctx context.Context, req *services.SearchGoogleAdsRequest) (*services.SearchGoogleAdsResponse, error) {
	return answer(as.s, ctx, func(c *call) (*services.SearchGoogleAdsResponse, error) { return c.search(req) })
}

func (c *call) search(req *services.SearchGoogleAdsRequest) (*services.SearchGoogleAdsResponse, error) {
	if err := c.customer(req.GetCustomerId()); err != nil {
		return nil, err
	}
	from, tokenErr := parsePageToken(req.GetPageToken(), req.GetQuery())
	if from == 0 { // later pages belong to the operation of the first
		if err := c.charge(1); err != nil {
			return nil, err
		}
	}
	q, err := c.prepare(req.GetQuery(), req.GetSearchSettings().GetReturnSummaryRow())
	switch {
	case err != nil:
		return nil, err
	case req.GetPageSize() != 0:
		return nil, refuse(adserrors.RequestErrorEnum_PAGE_SIZE_NOT_SUPPORTED, "Setting the page size is not supported. Search Responses will have fixed page size of '%d' rows.", pageSize)
	case req.GetValidateOnly() && req.GetPageToken() != "":
		return nil, refuse(adserrors.RequestErrorEnum_VALIDATE_ONLY_REQUEST_HAS_PAGE_TOKEN, "A request to validate only must not have a page token.")
	case tokenErr != nil:
		return nil, tokenErr
	case req.GetValidateOnly():
		return &services.SearchGoogleAdsResponse{}, nil
	}
	res := q.run(c.s.account(c.fault.Kind == faults.StaleRead))
	if from > len(res.records) {
		return nil, refuse(adserrors.RequestErrorEnum_EXPIRED_PAGE_TOKEN, "The page token has expired.")
	}
	to := min(from+pageSize, len(res.records))
	out := &services.SearchGoogleAdsResponse{FieldMask: q.fieldMask()}
	if !req.GetSearchSettings().GetOmitResults() {
		out.Results = res.rows(from, to)
		if to < len(res.records) {
			out.NextPageToken = pageToken(to, req.GetQuery())
		}
	}
	if req.GetSearchSettings().GetReturnTotalResultsCount() {
		out.TotalResultsCount = int64(res.total)
	}
	if req.GetSearchSettings().GetReturnSummaryRow() && out.NextPageToken == "" {
		out.SummaryRow = res.summary()
	}
	return out, c.delay()
}

// SearchStream answers a query in one stream of chunks.
func (as adsService) SearchStream(req *services.SearchGoogleAdsStreamRequest, stream grpc.ServerStreamingServer[services.SearchGoogleAdsStreamResponse]) error {
	_, err := answer(as.s, stream.Context(), func(c *call) (struct{}, error) {
		return struct{}{}, c.searchStream(req, stream.Send)
	})
	return err
}

func (c *call) searchStream(req *services.SearchGoogleAdsStreamRequest, send func(*services.SearchGoogleAdsStreamResponse) error) error {
	if err := c.customer(req.GetCustomerId()); err != nil {
		return err
	}
	if err := c.charge(1); err != nil {
		return err
	}
	setting := req.GetSummaryRowSetting()
	summary := setting == enums.SummaryRowSettingEnum_SUMMARY_ROW_WITH_RESULTS || setting == enums.SummaryRowSettingEnum_SUMMARY_ROW_ONLY
	q, err := c.prepare(req.GetQuery(), summary)
	if err != nil {
		return err
	}
	res := q.run(c.s.account(c.fault.Kind == faults.StaleRead))
	n := len(res.records)
	if setting == enums.SummaryRowSettingEnum_SUMMARY_ROW_ONLY {
		n = 0
	}
	for from := 0; ; from += chunkSize {
		to := min(from+chunkSize, n)
		msg := &services.SearchGoogleAdsStreamResponse{Results: res.rows(from, to), FieldMask: q.fieldMask(), RequestId: c.id}
		last := to == n
		if last && summary {
			msg.SummaryRow = res.summary()
		}
		if err := c.delay(); err != nil {
			return err
		}
		if err := send(msg); err != nil || last {
			return err
		}
	}
}

// prepare parses and checks a query.
func (c *call) prepare(text string, summary bool) (*query, error) {
	st, err := parseQuery(text)
	if err != nil {
		return nil, err
	}
	q, err := compileQuery(st, c.s.opts.Market.Today())
	if err != nil {
		return nil, err
	}
	if summary && !q.hasMetrics() {
		return nil, refuse(adserrors.RequestErrorEnum_CANNOT_RETURN_SUMMARY_ROW_FOR_REQUEST_WITHOUT_METRICS, "A summary row needs a query with metrics.")
	}
	return q, nil
}

func (q *query) hasMetrics() bool {
	for _, f := range q.fields {
		if f.isMetric() {
			return true
		}
	}
	return false
}

// fieldMask lists the selected fields.
func (q *query) fieldMask() *fieldmaskpb.FieldMask {
	m := &fieldmaskpb.FieldMask{}
	for _, f := range q.fields {
		m.Paths = append(m.Paths, f.path)
	}
	return m
}

// summary is the row of the selected metrics over all records.
func (res *result) summary() *services.GoogleAdsRow {
	var total sums
	for _, r := range res.records {
		total.cost += r.sums.cost
		total.value += r.sums.value
		total.conversions += r.sums.conversions
		total.clicks += r.sums.clicks
		total.impressions += r.sums.impressions
		total.eligible += r.sums.eligible
	}
	row := &services.GoogleAdsRow{}
	for _, f := range res.q.fields {
		if v, ok := total.metric(protoreflect.Name(f.leaf().Name())); f.isMetric() && ok {
			row.ProtoReflect().Mutable(f.fds[0]).Message().Set(f.leaf(), v)
		}
	}
	return row
}

// pageToken names the page that begins at a row of the answer to a query.
func pageToken(from int, query string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %x", from, queryHash(query)))
}

// parsePageToken reads a token of the same query; an empty one is the first page.
func parsePageToken(token, query string) (from int, err error) {
	if token == "" {
		return 0, nil
	}
	var hash uint64
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d %x", &from, &hash)
	}
	if err != nil || from <= 0 || hash != queryHash(query) {
		return 0, refuse(adserrors.RequestErrorEnum_INVALID_PAGE_TOKEN, "The page token is not one of this query.")
	}
	return from, nil
}

func queryHash(query string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(query)) // never fails
	return h.Sum64()
}
