package googleads

import (
	"strings"
	"time"

	"github.com/shenzhencenter/google-ads-pb/enums"
	"google.golang.org/protobuf/reflect/protoreflect"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// sums are the additive metrics of a row.
type sums struct {
	cost, value         money.Micros
	conversions         float64
	clicks, impressions int64
	eligible            int64 // of the impressions, how many there could have been; 0: not known
}

func (s *sums) add(p platform.Performance) {
	s.cost += p.Cost
	s.value += p.Value
	s.conversions += p.Conversions
	s.clicks += p.Clicks
	s.impressions += p.Impressions
	s.eligible += p.Eligible
}

// metric returns the metric of that name; false where it has no value, as a
// ratio over nothing has none, and what this market does not know of.
func (s *sums) metric(name protoreflect.Name) (protoreflect.Value, bool) {
	switch name {
	case "cost_micros":
		return protoreflect.ValueOfInt64(int64(s.cost)), true
	case "clicks", "interactions":
		return protoreflect.ValueOfInt64(s.clicks), true
	case "impressions":
		return protoreflect.ValueOfInt64(s.impressions), true
	case "conversions", "all_conversions":
		return protoreflect.ValueOfFloat64(s.conversions), true
	case "conversions_value", "all_conversions_value":
		return protoreflect.ValueOfFloat64(s.value.Float()), true
	case "search_impression_share":
		return shareOf(s.impressions, s.eligible)
	case "ctr", "interaction_rate":
		return ratio(float64(s.clicks), float64(s.impressions))
	case "average_cpc", "average_cost":
		return ratio(float64(s.cost), float64(s.clicks))
	case "average_cpm":
		return ratio(1000*float64(s.cost), float64(s.impressions))
	case "cost_per_conversion", "cost_per_all_conversions":
		return ratio(float64(s.cost), s.conversions)
	case "value_per_conversion", "value_per_all_conversions":
		return ratio(s.value.Float(), s.conversions)
	case "conversions_value_per_cost", "all_conversions_value_per_cost":
		return ratio(s.value.Float(), s.cost.Float())
	case "conversions_from_interactions_rate", "all_conversions_from_interactions_rate":
		return ratio(s.conversions, float64(s.clicks))
	}
	return protoreflect.Value{}, false
}

// shareOf is an impression share as Google writes it: 0.0999 is all below a tenth.
func shareOf(had, could int64) (protoreflect.Value, bool) {
	if could == 0 {
		return protoreflect.Value{}, false
	}
	share := min(float64(had)/float64(could), 1)
	if share < 0.1 {
		share = 0.0999
	}
	return protoreflect.ValueOfFloat64(share), true
}

func ratio(a, b float64) (protoreflect.Value, bool) {
	if b == 0 {
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfFloat64(a / b), true
}

// bucket is a combination of date segments. A query's rows are keyed by it,
// with the segments that are not selected zero.
type bucket struct {
	day, week, month, quarter civil.Date // first days
	year                      int
	weekday                   enums.DayOfWeekEnum_DayOfWeek
	item                      *market.Product // only of shopping_performance_view
}

// bucketOf returns the whole bucket of a day; weeks begin on Monday.
func bucketOf(d civil.Date) bucket {
	y, m, _ := d.Time().Date()
	sinceMonday := (int(d.Weekday()) + 6) % 7
	return bucket{
		day:     d,
		week:    d.AddDays(-sinceMonday),
		month:   civil.On(y, m, 1),
		quarter: civil.On(y, (m-1)/3*3+time.January, 1),
		year:    y,
		weekday: enums.DayOfWeekEnum_MONDAY + enums.DayOfWeekEnum_DayOfWeek(sinceMonday),
	}
}

// supportedSegment reports whether the market can tell the segment.
func supportedSegment(path string) bool {
	name, _ := strings.CutPrefix(path, "segments.")
	_, ok := bucketOf(0).segment(protoreflect.Name(name))
	return ok
}

// segment returns the value of the segment of that name.
func (b bucket) segment(name protoreflect.Name) (protoreflect.Value, bool) {
	switch name {
	case "date":
		return protoreflect.ValueOfString(b.day.String()), true
	case "week":
		return protoreflect.ValueOfString(b.week.String()), true
	case "month":
		return protoreflect.ValueOfString(b.month.String()), true
	case "quarter":
		return protoreflect.ValueOfString(b.quarter.String()), true
	case "year":
		return protoreflect.ValueOfInt32(int32(b.year)), true
	case "day_of_week":
		return protoreflect.ValueOfEnum(b.weekday.Number()), true
	}
	if b.item == nil {
		b.item = &market.Product{}
	}
	switch name {
	case "product_item_id": // Google writes ids in lower case
		return protoreflect.ValueOfString(strings.ToLower(b.item.SKU)), true
	case "product_title":
		return protoreflect.ValueOfString(b.item.Title), true
	case "product_brand":
		return protoreflect.ValueOfString(strings.ToLower(b.item.Brand)), true
	case "product_type_l1", "product_custom_attribute0":
		return protoreflect.ValueOfString(strings.ToLower(b.item.Group)), true
	}
	return protoreflect.Value{}, false
}

// only keeps of b the segments that are selected.
func (b bucket) only(segments []*field) bucket {
	var out bucket
	for _, f := range segments {
		switch f.leaf().Name() {
		case "date":
			out.day = b.day
		case "week":
			out.week = b.week
		case "month":
			out.month = b.month
		case "quarter":
			out.quarter = b.quarter
		case "year":
			out.year = b.year
		case "day_of_week":
			out.weekday = b.weekday
		default:
			out.item = b.item
		}
	}
	return out
}
