package googleads

import (
	"context"
	"strings"

	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/genproto/googleapis/api/annotations"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/sandbox/faults"
)

// maxOperations is the most a mutate request may hold.
const maxOperations = 10_000

// apiUser is who the account's change history says made a change through the API.
const apiUser = "api-user@sandbox.example"

// apiClient is the client type of such a change.
const apiClient = "GOOGLE_ADS_API"

// operation is one operation of a mutate request, of whatever resource.
type operation struct {
	verb     string        // create, update or remove
	resource proto.Message // to create or update
	name     string        // of the resource to update or remove
	mask     []string      // paths to update, checked, without resource_name
}

// plan is a checked operation that has not been made.
type plan struct {
	// holds is what no other operation may change meanwhile: the resource's name,
	// or for a new one what must be unique about it; it may be empty.
	holds  string
	commit func() (name string, err error)
}

// done is the outcome of an operation; a zero one was refused.
type done struct {
	name     string
	resource proto.Message // if asked for
}

// mutateRequest is what all mutate requests have in common.
type mutateRequest interface {
	GetCustomerId() string
	GetPartialFailure() bool
	GetValidateOnly() bool
}

// operations are those of a request: element is the name of its repeated field; kind, for
// requests that mix kinds, the name of the field that holds the i-th operation.
type operations struct {
	element string
	list    []proto.Message
	kind    func(i int) string
}

// mutate checks all operations, then makes those that are sound: none where one
// is not, unless partial failure is asked for. The outcomes are in the order of
// the operations; there are none when only validating.
func (c *call) mutate(req mutateRequest, content enums.ResponseContentTypeEnum_ResponseContentType, ops operations) ([]done, *rpcstatus.Status, error) {
	if err := c.customer(req.GetCustomerId()); err != nil {
		return nil, nil, err
	}
	switch n := len(ops.list); {
	case n == 0:
		return nil, nil, failure{atField(newError(adserrors.RequestErrorEnum_REQUIRED_FIELD_MISSING, "Required field is missing"), ops.element)}
	case n > maxOperations:
		return nil, nil, refuse(adserrors.RequestErrorEnum_TOO_MANY_MUTATE_OPERATIONS, "Too many mutate operations in request: %d, at most %d.", n, maxOperations)
	}
	if err := c.charge(len(ops.list)); err != nil {
		return nil, nil, err
	}
	held := map[string]bool{}
	defer c.s.release(held)
	plans, refused := c.plans(ops, held)
	if len(refused) > 0 && !req.GetPartialFailure() {
		return nil, nil, refused
	}
	if err := c.delay(); err != nil {
		return nil, nil, err
	}
	var partial *rpcstatus.Status
	if len(refused) > 0 {
		partial = refused.partial(c.id)
	}
	if req.GetValidateOnly() {
		return nil, partial, nil
	}
	out, err := c.commit(plans, content == enums.ResponseContentTypeEnum_MUTABLE_RESOURCE)
	return out, partial, err
}

// plans checks the operations and takes hold of what they change; refused ones
// have a nil plan.
func (c *call) plans(ops operations, held map[string]bool) ([]*plan, failure) {
	a := c.s.account(false)
	out := make([]*plan, len(ops.list))
	var refused failure
	for i, msg := range ops.list {
		var e *adserrors.GoogleAdsError
		if out[i], e = a.plan(msg); e == nil {
			e = c.s.hold(out[i].holds, held)
		}
		if e == nil && i == 0 && c.fault.Kind == faults.PartialFailure {
			e = newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "Mutates are not allowed for the requested resource.")
		}
		if e != nil {
			if ops.kind != nil && ops.kind(i) != "" {
				at(e, &adserrors.ErrorLocation_FieldPathElement{FieldName: ops.kind(i)})
			}
			refused = append(refused, at(e, indexed(ops.element, i)))
			out[i] = nil
		}
	}
	return out, refused
}

// commit makes the plans in order.
func (c *call) commit(plans []*plan, withResource bool) ([]done, error) {
	out := make([]done, len(plans))
	for i, p := range plans {
		if p == nil {
			continue
		}
		name, err := p.commit()
		if err != nil {
			return nil, refuse(adserrors.InternalErrorEnum_INTERNAL_ERROR, "The market refused the change of %s: %v", p.holds, err)
		}
		out[i].name = name
	}
	if withResource {
		a := c.s.account(false)
		for i := range out {
			out[i].resource = a.find(out[i].name)
		}
	}
	return out, nil
}

// planner returns what checks operations of the kind and says how they would be
// made; nil where the kind is not emulated.
func (a *account) planner(kind protoreflect.Name) func(operation) (*plan, *adserrors.GoogleAdsError) {
	switch kind {
	case "CampaignBudgetOperation":
		return a.planBudget
	case "CampaignOperation":
		return a.planCampaign
	case "BiddingStrategyOperation":
		return a.planStrategy
	case "AdGroupOperation":
		return a.planAdGroup
	case "ConversionValueRuleOperation":
		return a.planValueRule
	case "ConversionValueRuleSetOperation":
		return a.planValueRuleSet
	case "GoalOperation":
		return a.planGoal
	case "UserListOperation":
		return a.s.planList
	}
	return nil
}

// plan checks one operation message.
func (a *account) plan(msg proto.Message) (*plan, *adserrors.GoogleAdsError) {
	kind := msg.ProtoReflect().Descriptor().Name()
	check := a.planner(kind)
	switch {
	case kind == "MutateOperation": // it holds no operation of any kind
		return nil, newError(adserrors.RequestErrorEnum_OPERATION_REQUIRED, "Mutate operation should have either create, update, or remove specified.")
	case check == nil:
		return nil, newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "A %s is not emulated.", kind)
	}
	op, e := decodeOperation(msg)
	if e != nil {
		return nil, e
	}
	return check(op)
}

// hold marks a resource as under change until release. One request may change a
// resource once, and two requests at a time not at all.
func (s *Server) hold(name string, held map[string]bool) *adserrors.GoogleAdsError {
	if name == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case held[name]:
		return newError(adserrors.MutateErrorEnum_ID_EXISTS_IN_MULTIPLE_MUTATES, "Cannot mutate the same resource twice in one request: %s.", name)
	case s.busy[name]:
		return newError(adserrors.DatabaseErrorEnum_CONCURRENT_MODIFICATION, "Multiple requests were attempting to modify the same resource at once. Retry the request.")
	}
	s.busy[name], held[name] = true, true
	return nil
}

func (s *Server) release(held map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range held {
		delete(s.busy, name)
	}
}

// decodeOperation reads an operation message, whose oneof has the fields
// create, update and remove, and checks its field mask.
func decodeOperation(msg proto.Message) (operation, *adserrors.GoogleAdsError) {
	m := msg.ProtoReflect()
	var op operation
	set := m.WhichOneof(m.Descriptor().Oneofs().ByName("operation"))
	if set == nil {
		return op, newError(adserrors.RequestErrorEnum_OPERATION_REQUIRED, "Mutate operation should have either create, update, or remove specified.")
	}
	op.verb = string(set.Name())
	if op.verb == "remove" {
		op.name = m.Get(set).String()
	} else {
		r := m.Get(set).Message()
		op.resource = r.Interface()
		op.name = r.Get(r.Descriptor().Fields().ByName("resource_name")).String()
	}
	var mask *fieldmaskpb.FieldMask
	if fd := m.Descriptor().Fields().ByName("update_mask"); fd != nil && m.Has(fd) {
		mask = m.Get(fd).Message().Interface().(*fieldmaskpb.FieldMask)
	}
	var e *adserrors.GoogleAdsError
	switch {
	case op.verb != "update" && len(mask.GetPaths()) > 0:
		e = newError(adserrors.FieldMaskErrorEnum_FIELD_MASK_NOT_ALLOWED, "The field mask must be empty for create and remove operations.")
		return op, atField(e, "update_mask")
	case op.verb != "create" && op.name == "":
		return op, op.refused(newError(adserrors.RequestErrorEnum_RESOURCE_NAME_MISSING, "Resource name is missing."), "resource_name")
	case op.verb == "update":
		op.mask, e = checkMask(op.resource.ProtoReflect(), mask)
	}
	return op, e
}

// refused places an error at a field of the operation's resource; an empty path
// is the resource itself.
func (op operation) refused(e *adserrors.GoogleAdsError, path string) *adserrors.GoogleAdsError {
	full := op.verb
	if path != "" && op.verb != "remove" {
		full += "." + path
	}
	return atField(e, full)
}

// checkMask checks the paths of an update mask against the resource. Naming
// resource_name is allowed, as many clients derive the mask from what is set.
func checkMask(r protoreflect.Message, mask *fieldmaskpb.FieldMask) ([]string, *adserrors.GoogleAdsError) {
	var paths []string
	for _, path := range mask.GetPaths() {
		if path == "resource_name" {
			continue
		}
		if e := checkMaskPath(r, path); e != nil {
			return nil, atField(e, "update_mask")
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil, atField(newError(adserrors.FieldMaskErrorEnum_FIELD_MASK_MISSING, "The field mask must be provided for update operations."), "update_mask")
	}
	return paths, nil
}

func checkMaskPath(r protoreflect.Message, path string) *adserrors.GoogleAdsError {
	md := r.Descriptor()
	var leaf protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		leaf = nil
		if md != nil {
			leaf = md.Fields().ByName(protoreflect.Name(name))
		}
		if leaf == nil {
			return newError(adserrors.FieldMaskErrorEnum_FIELD_NOT_FOUND, "The field mask contained an invalid field: '%s'.", path)
		}
		if writeProtected(leaf) {
			return newError(adserrors.FieldErrorEnum_IMMUTABLE_FIELD, "The field '%s' attempted to be mutated is immutable.", path)
		}
		md = nil
		if !leaf.IsList() {
			md = leaf.Message()
		}
	}
	if md != nil && md.Fields().Len() > 0 {
		return newError(adserrors.FieldMaskErrorEnum_FIELD_HAS_SUBFIELDS, "The field mask updated a field with subfields: '%s'; name the subfields.", path)
	}
	return nil
}

// writeProtected reports whether the API's definition marks the field as output
// only or immutable.
func writeProtected(fd protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	for _, b := range behaviors {
		if b == annotations.FieldBehavior_OUTPUT_ONLY || b == annotations.FieldBehavior_IMMUTABLE {
			return true
		}
	}
	return false
}

// mutated answers a mutate request for resources of one kind.
func mutated[M proto.Message, R any](s *Server, ctx context.Context, req mutateRequest, content enums.ResponseContentTypeEnum_ResponseContentType,
	ops []M, response func([]done, *rpcstatus.Status) R) (R, error) {
	return answer(s, ctx, func(c *call) (r R, err error) {
		list := make([]proto.Message, len(ops))
		for i, op := range ops {
			list[i] = op
		}
		out, partial, err := c.mutate(req, content, operations{element: "operations", list: list})
		if err != nil {
			return r, err
		}
		return response(out, partial), nil
	})
}

// results are the result messages of outcomes.
func results[R any, M interface {
	*R
	proto.Message
}](out []done) (list []M) {
	for _, d := range out {
		r := M(new(R))
		d.fill(r.ProtoReflect())
		list = append(list, r)
	}
	return list
}

// fill writes an outcome into a result message, which has a resource name and
// perhaps the resource.
func (d done) fill(result protoreflect.Message) {
	fields := result.Descriptor().Fields()
	if d.name != "" {
		result.Set(fields.ByName("resource_name"), protoreflect.ValueOfString(d.name))
	}
	for i := range fields.Len() {
		if fd := fields.Get(i); d.resource != nil && fd.Message() != nil && fd.Message() == d.resource.ProtoReflect().Descriptor() {
			result.Set(fd, protoreflect.ValueOfMessage(d.resource.ProtoReflect()))
		}
	}
}

// Mutate makes operations of several kinds in one request.
func (as adsService) Mutate(ctx context.Context, req *services.MutateGoogleAdsRequest) (*services.MutateGoogleAdsResponse, error) {
	return answer(as.s, ctx, func(c *call) (*services.MutateGoogleAdsResponse, error) {
		ops := operations{element: "mutate_operations"}
		kinds := make([]string, len(req.GetMutateOperations()))
		for i, op := range req.GetMutateOperations() {
			m := op.ProtoReflect()
			inner := proto.Message(op) // without a kind: no operation either
			if fd := m.WhichOneof(m.Descriptor().Oneofs().ByName("operation")); fd != nil {
				kinds[i], inner = string(fd.Name()), m.Get(fd).Message().Interface()
			}
			ops.list = append(ops.list, inner)
		}
		ops.kind = func(i int) string { return kinds[i] }
		out, partial, err := c.mutate(req, req.GetResponseContentType(), ops)
		if err != nil {
			return nil, err
		}
		resp := &services.MutateGoogleAdsResponse{PartialFailureError: partial}
		for i, d := range out {
			r := &services.MutateOperationResponse{}
			if d.name != "" {
				m := r.ProtoReflect()
				name := strings.TrimSuffix(kinds[i], "_operation") + "_result"
				d.fill(m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message())
			}
			resp.MutateOperationResponses = append(resp.MutateOperationResponses, r)
		}
		return resp, nil
	})
}
