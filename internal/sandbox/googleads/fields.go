package googleads

import (
	"slices"
	"strings"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// resource is what the FROM clause may name, and what may be selected with it.
type resource struct {
	name       string
	attributed []string // joined resources whose fields do not segment metrics
	metrics    bool     // metrics and segments may be selected with it
}

// lookupResource returns the emulated resource of that name.
func lookupResource(name string) (resource, bool) {
	r := resource{name: name}
	switch name {
	case "customer":
		r.metrics = true
	case "campaign":
		r.metrics, r.attributed = true, []string{"campaign_budget", "bidding_strategy", "customer"}
	case "campaign_budget", "bidding_strategy":
		r.metrics, r.attributed = true, []string{"customer"}
	case "ad_group":
		r.metrics, r.attributed = true, []string{"campaign", "bidding_strategy", "customer"}
	case adView:
		r.metrics, r.attributed = true, []string{"ad_group", "campaign", "customer"}
	case "change_event":
		r.attributed = []string{"campaign", "ad_group", "customer"}
	case "user_list", "customer_client", "conversion_value_rule", "conversion_value_rule_set", "goal":
		r.attributed = []string{"customer"}
	case shoppingView:
		r.metrics, r.attributed = true, []string{"campaign", "customer"}
	case "campaign_simulation", "campaign_criterion":
		r.attributed = []string{"campaign", "customer"}
	case "ad_group_criterion":
		r.attributed = []string{"ad_group", "campaign", "customer"}
	case "currency_constant":
	default:
		return resource{}, false
	}
	return r, true
}

// shoppingView is what campaigns with a product feed spent, by item.
const shoppingView = "shopping_performance_view"

// adView is the ads of campaigns that have any.
const adView = "ad_group_ad"

// ofItem reports whether a segment is one of items.
func ofItem(path string) bool { return strings.HasPrefix(path, "segments.product_") }

// valueType is how a field is compared with values of a query.
type valueType int

const (
	numeric valueType = iota
	boolean
	text
	enumeration
	date     // YYYY-MM-DD
	dateTime // YYYY-MM-DD HH:MM:SS.ffffff
	opaque   // a message: selectable as a whole, not comparable
)

// field is a field of GoogleAdsRow by its path, such as campaign.id.
type field struct {
	path     string
	fds      []protoreflect.FieldDescriptor // from GoogleAdsRow to the leaf
	typ      valueType
	repeated bool
}

func (f *field) root() string                       { return string(f.fds[0].Name()) }
func (f *field) leaf() protoreflect.FieldDescriptor { return f.fds[len(f.fds)-1] }
func (f *field) isMetric() bool                     { return f.root() == "metrics" }
func (f *field) isSegment() bool                    { return f.root() == "segments" }

// coreDate reports whether the field is one of the date segments that may be
// filtered on without being selected.
func (f *field) coreDate() bool {
	return slices.Contains([]string{"segments.date", "segments.week", "segments.month", "segments.quarter", "segments.year"}, f.path)
}

// resolveField finds a field by its path; the error names the path.
func resolveField(path string) (*field, error) {
	f := &field{path: path}
	md := (*services.GoogleAdsRow)(nil).ProtoReflect().Descriptor()
	for name := range strings.SplitSeq(path, ".") {
		var fd protoreflect.FieldDescriptor
		if md != nil {
			fd = md.Fields().ByName(protoreflect.Name(name))
		}
		if fd == nil {
			return nil, unrecognized(path)
		}
		f.fds = append(f.fds, fd)
		f.repeated = fd.IsList()
		md = fd.Message()
		if f.repeated || wholeMessage(fd) {
			md = nil // nothing below it can be named
		}
	}
	if len(f.fds) == 1 {
		return nil, unrecognized(path)
	}
	if md != nil {
		return nil, refuse(adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_SELECT_CLAUSE,
			"Error in query: '%s' cannot be selected or compared; name one of its fields.", path)
	}
	f.typ = typeOf(f)
	return f, nil
}

func unrecognized(path string) error {
	return refuse(adserrors.QueryErrorEnum_UNRECOGNIZED_FIELD, "Error in query: unrecognized field '%s'.", path)
}

// wholeMessage reports whether a message field is answered as a whole.
func wholeMessage(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && (fd.Message().FullName() == "google.protobuf.FieldMask" ||
		fd.Message().FullName() == "google.ads.googleads.v25.resources.ChangeEvent.ChangedResource")
}

func typeOf(f *field) valueType {
	switch f.path {
	case "segments.date", "segments.week", "segments.month", "segments.quarter":
		return date
	case "change_event.change_date_time", "campaign.start_date_time", "campaign.end_date_time":
		return dateTime
	}
	switch f.leaf().Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind, protoreflect.BytesKind:
		return opaque
	case protoreflect.StringKind:
		return text
	case protoreflect.BoolKind:
		return boolean
	case protoreflect.EnumKind:
		return enumeration
	}
	return numeric
}

// clause says where a field was named, for the error if it must not be there.
type clause int

const (
	inSelect clause = iota
	inWhere
	inOrder
)

// compatible checks that f may be used in a query from r.
func compatible(r resource, f *field, where clause) error {
	switch {
	case f.isMetric():
		if !r.metrics {
			return refuse(adserrors.QueryErrorEnum_PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE,
				"Error in query: the metric '%s' is incompatible with the resource %s in the FROM clause.", f.path, r.name)
		}
	case f.isSegment():
		if !r.metrics || !supportedSegment(f.path) || ofItem(f.path) && r.name != shoppingView {
			return refuse(adserrors.QueryErrorEnum_PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE,
				"Error in query: the segment '%s' is incompatible with the resource %s in the FROM clause.", f.path, r.name)
		}
	case f.root() != r.name && !slices.Contains(r.attributed, f.root()):
		code := adserrors.QueryErrorEnum_PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE
		if where == inWhere {
			code = adserrors.QueryErrorEnum_PROHIBITED_RESOURCE_TYPE_IN_WHERE_CLAUSE
		}
		return refuse(code, "Error in query: the resource of '%s' is incompatible with the resource %s in the FROM clause.", f.path, r.name)
	}
	switch {
	case where == inWhere && f.typ == opaque:
		return refuse(adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_WHERE_CLAUSE, "Error in query: '%s' cannot be filtered on.", f.path)
	case where == inOrder && (f.typ == opaque || f.repeated):
		return refuse(adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE, "Error in query: '%s' cannot be ordered by.", f.path)
	}
	return nil
}
