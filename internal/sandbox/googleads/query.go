package googleads

import (
	"cmp"
	"slices"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/protobuf/reflect/protoreflect"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// query is a statement whose names and values are resolved and checked.
type query struct {
	resource resource
	fields   []*field // selected
	where    []predicate
	order    []orderBy
	limit    int
	bare     bool // only selected resource names are answered
}

type orderBy struct {
	field *field
	desc  bool
}

// compileQuery resolves a statement on the day today.
func compileQuery(st *statement, today civil.Date) (*query, error) {
	r, ok := lookupResource(st.from)
	if !ok {
		return nil, refuse(adserrors.QueryErrorEnum_BAD_RESOURCE_TYPE_IN_FROM_CLAUSE, "Error in query: %s is not a resource that can be queried here.", st.from)
	}
	q := &query{resource: r, limit: st.limit, bare: st.params["omit_unselected_resource_names"] == "true"}
	for _, name := range st.fields {
		f, err := q.resolve(name, inSelect)
		if err != nil {
			return nil, err
		}
		q.fields = append(q.fields, f)
	}
	for _, c := range st.where {
		f, err := q.resolve(c.field, inWhere)
		if err != nil {
			return nil, err
		}
		p, err := compileCondition(f, c, today)
		if err != nil {
			return nil, err
		}
		q.where = append(q.where, p)
	}
	for _, o := range st.order {
		f, err := q.resolve(o.field, inOrder)
		if err != nil {
			return nil, err
		}
		q.order = append(q.order, orderBy{f, o.desc})
	}
	if r.name == "change_event" {
		if err := checkChangeEventQuery(q, today); err != nil {
			return nil, err
		}
	}
	return q, q.checkDates()
}

// resolve finds a field and checks that it may be named in the clause.
func (q *query) resolve(path string, where clause) (*field, error) {
	f, err := resolveField(path)
	if err != nil {
		return nil, err
	}
	if err := compatible(q.resource, f, where); err != nil {
		return nil, err
	}
	selected := q.selects(path)
	switch {
	case where == inWhere && f.isSegment() && !f.coreDate() && !selected:
	case where == inOrder && f.root() != q.resource.name && !selected:
	default:
		return f, nil
	}
	return nil, refuse(adserrors.QueryErrorEnum_EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE,
		"Error in query: '%s' must be in the SELECT clause to be filtered on or ordered by.", path)
}

func (q *query) selects(path string) bool {
	return slices.ContainsFunc(q.fields, func(f *field) bool { return f.path == path })
}

// checkDates enforces that selected date segments are bounded by a filter.
func (q *query) checkDates() error {
	if !slices.ContainsFunc(q.fields, (*field).coreDate) {
		return nil
	}
	if lo, hi := q.bounds((*field).coreDate); lo == nil || hi == nil {
		return refuse(adserrors.QueryErrorEnum_EXPECTED_FILTERS_ON_DATE_RANGE,
			"Error in query: selected date segments need a filter with a first and a last day, such as segments.date DURING LAST_30_DAYS.")
	}
	return nil
}

// bounds returns the first and last day that all conditions on the fields let
// through, nil where open.
func (q *query) bounds(on func(*field) bool) (lo, hi *civil.Date) {
	for _, p := range q.where {
		if !on(p.field) {
			continue
		}
		if p.lo != nil && (lo == nil || *p.lo > *lo) {
			lo = p.lo
		}
		if p.hi != nil && (hi == nil || *p.hi < *hi) {
			hi = p.hi
		}
	}
	return lo, hi
}

// record is one row of an answer before it is written: its entity, the segments
// it is for, and its metrics.
type record struct {
	entity int
	bucket bucket
	sums   sums
}

// result is the answer to a query.
type result struct {
	q        *query
	entities []entity
	pruned   [][]attribute // of each entity, the selected attributes; made when needed
	records  []record
	total    int // rows without LIMIT
}

// attribute is a resource of a row, such as its campaign, with what is answered of it.
type attribute struct {
	fd    protoreflect.FieldDescriptor
	value protoreflect.Value
}

// run evaluates the query.
func (q *query) run(a *account) *result {
	res := &result{q: q, entities: a.entities(q.resource.name)}
	res.pruned = make([][]attribute, len(res.entities))
	keep := make([]bool, len(res.entities))
	for i := range res.entities {
		keep[i] = q.matches(func(f *field) bool { return !f.isMetric() && !f.isSegment() }, res, record{entity: i})
	}
	for _, rec := range q.records(a, res, keep) {
		if q.matches((*field).isMetric, res, rec) {
			res.records = append(res.records, rec)
		}
	}
	res.sort()
	res.total = len(res.records)
	if q.limit > 0 && q.limit < len(res.records) {
		res.records = res.records[:q.limit]
	}
	return res
}

// matches reports whether rec fulfils every condition on a field of the kind.
func (q *query) matches(kind func(*field) bool, res *result, rec record) bool {
	for _, p := range q.where {
		if kind(p.field) && !p.match(res.cell(p.field, &rec)) {
			return false
		}
	}
	return true
}

// records makes the rows of the kept entities. Without segments each has one
// row with its metrics summed over the filtered days; with segments there is
// one for each combination that had impressions.
func (q *query) records(a *account, res *result, keep []bool) []record {
	var segments []*field
	metrics := false
	for _, f := range q.fields {
		metrics = metrics || f.isMetric()
		if f.isSegment() {
			segments = append(segments, f)
		}
	}
	metrics = metrics || slices.ContainsFunc(q.where, func(p predicate) bool { return p.field.isMetric() })
	var recs []record
	if len(segments) == 0 {
		for i, k := range keep {
			if k {
				recs = append(recs, record{entity: i})
			}
		}
		if !metrics {
			return recs
		}
	}
	type key struct {
		entity int
		bucket bucket
	}
	index := make(map[key]int, len(recs))
	for i, r := range recs {
		index[key{entity: r.entity}] = i
	}
	owner := map[string]int{}
	for i, e := range res.entities {
		if keep[i] {
			for _, id := range e.campaigns {
				owner[id] = i
			}
		}
	}
	onDay := q.dayFilter()
	add := func(p platform.Performance, item *market.Product) {
		i, ok := owner[p.Entity.ID]
		if !ok || len(segments) > 0 && p.Impressions == 0 || !onDay(p.Date) {
			return
		}
		b := bucketOf(p.Date)
		b.item = item
		k := key{i, b.only(segments)}
		at, ok := index[k]
		if !ok {
			at = len(recs)
			index[k] = at
			recs = append(recs, record{entity: i, bucket: k.bucket})
		}
		recs[at].sums.add(p)
	}
	q.report(a, add)
	return recs
}

// report reads the performance of the days the query may be about, of
// shopping_performance_view item by item, of ad_group and ad_group_ad one by one.
func (q *query) report(a *account, add func(platform.Performance, *market.Product)) {
	m := a.s.opts.Market
	from, to := m.Scenario().Start.AddDays(-m.Scenario().History), m.Today()-1
	lo, hi := q.bounds((*field).coreDate)
	if lo != nil {
		from = max(from, *lo)
	}
	if hi != nil {
		to = min(to, *hi)
	}
	if from > to {
		return
	}
	if q.resource.name == shoppingView {
		for _, d := range m.ItemReport(platform.Google, from, to) {
			add(d.Performance, d.Product)
		}
		return
	}
	if q.resource.name == adView {
		for _, d := range m.AdReport(platform.Google, from, to) {
			add(d.Performance, nil)
		}
		return
	}
	if q.resource.name == "ad_group" {
		for _, d := range m.GroupReport(platform.Google, from, to) {
			d.Entity.ID = a.byIndex[d.Campaign].Groups[d.Group].Key
			add(d.Performance, nil)
		}
		return
	}
	for _, p := range m.Report(platform.Google, from, to) {
		add(p, nil)
	}
}

// dayFilter returns whether a day fulfils the conditions on segments, judging
// each day once.
func (q *query) dayFilter() func(civil.Date) bool {
	judged := map[civil.Date]bool{}
	return func(d civil.Date) bool {
		ok, seen := judged[d]
		if !seen {
			ok = q.matches((*field).isSegment, nil, record{bucket: bucketOf(d)})
			judged[d] = ok
		}
		return ok
	}
}

// cell returns the value of a field in a record.
func (res *result) cell(f *field, rec *record) cell {
	v, ok := res.value(f, rec)
	if !ok {
		return cell{null: true}
	}
	return cellOf(f, v)
}

func (res *result) value(f *field, rec *record) (protoreflect.Value, bool) {
	switch {
	case f.isMetric():
		return rec.sums.metric(f.leaf().Name())
	case f.isSegment():
		return rec.bucket.segment(f.leaf().Name())
	}
	m := res.entities[rec.entity].row.ProtoReflect()
	for _, fd := range f.fds[:len(f.fds)-1] {
		if !m.Has(fd) {
			return protoreflect.Value{}, false
		}
		m = m.Get(fd).Message()
	}
	if f.leaf().HasPresence() && !m.Has(f.leaf()) {
		return protoreflect.Value{}, false
	}
	return m.Get(f.leaf()), true
}

// sort puts the records in the query's order, else in that of the entities and
// their days.
func (res *result) sort() {
	slices.SortStableFunc(res.records, func(x, y record) int {
		for _, o := range res.q.order {
			n := res.cell(o.field, &x).compare(res.cell(o.field, &y))
			if o.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Or(x.entity-y.entity, x.bucket.day.Sub(y.bucket.day))
	})
}

// rows writes the records from..to-1. The rows share their attributes with each
// other and with the account; they are only to be sent.
func (res *result) rows(from, to int) []*services.GoogleAdsRow {
	out := make([]*services.GoogleAdsRow, 0, to-from)
	for i := range res.records[from:to] {
		out = append(out, res.row(&res.records[from+i]))
	}
	return out
}

func (res *result) row(rec *record) *services.GoogleAdsRow {
	if res.pruned[rec.entity] == nil {
		res.pruned[rec.entity] = res.q.prune(res.entities[rec.entity].row)
	}
	row := &services.GoogleAdsRow{}
	out := row.ProtoReflect()
	for _, attr := range res.pruned[rec.entity] {
		out.Set(attr.fd, attr.value)
	}
	for _, f := range res.q.fields {
		if !f.isMetric() && !f.isSegment() {
			continue
		}
		m := out.Mutable(f.fds[0]).Message()
		if v, ok := res.value(f, rec); ok {
			m.Set(f.leaf(), v)
		}
	}
	return row
}

// prune returns the selected attributes of a row, and the resource names of
// the resources they belong to.
func (q *query) prune(row *services.GoogleAdsRow) []attribute {
	out := &services.GoogleAdsRow{}
	names := []string{q.resource.name}
	for _, f := range q.fields {
		if !f.isMetric() && !f.isSegment() {
			copyField(out.ProtoReflect(), row.ProtoReflect(), f.fds)
			names = append(names, f.root())
		}
	}
	if q.bare {
		names = nil
	}
	for _, name := range names {
		root := out.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name))
		copyField(out.ProtoReflect(), row.ProtoReflect(), []protoreflect.FieldDescriptor{root, root.Message().Fields().ByName("resource_name")})
	}
	attrs := []attribute{} // not nil: it has been made
	out.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		attrs = append(attrs, attribute{fd, v})
		return true
	})
	return attrs
}

// copyField sets the field of dst that fds lead to as it is in src. A message
// on the way that src has is there in dst even where the field is not set.
func copyField(dst, src protoreflect.Message, fds []protoreflect.FieldDescriptor) {
	fd := fds[0]
	if !src.Has(fd) {
		return
	}
	if len(fds) == 1 {
		dst.Set(fd, src.Get(fd))
		return
	}
	copyField(dst.Mutable(fd).Message(), src.Get(fd).Message(), fds[1:])
}
