// Package googlelists makes the lookalike lists of Demand Gen campaigns in the
// Google Ads API. Everything else about Google's audiences, Customer Match lists
// and their members, goes through the Data Manager API.
package googlelists

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"adsteward/internal/platform"
)

// Service makes lists in one Google Ads account.
type Service struct {
	ads        services.GoogleAdsServiceClient
	lists      services.UserListServiceClient
	customerID string
}

// New returns a Service that makes lists in the account customerID (digits)
// over a connection that carries the credentials. It does not close the
// connection.
func New(conn grpc.ClientConnInterface, customerID string) *Service {
	return &Service{
		ads:        services.NewGoogleAdsServiceClient(conn),
		lists:      services.NewUserListServiceClient(conn),
		customerID: customerID,
	}
}

// EnsureLookalikeList returns the id of the lookalike list with the name,
// making it from the seed list if there is none. country is ISO 3166 alpha-2;
// ratio is the share of the country's people, of which Google knows three:
// 2.5 %, 5 % and 10 %. The least that holds ratio is taken.
func (s *Service) EnsureLookalikeList(ctx context.Context, name, seedID, country string, ratio float64) (string, error) {
	seed, err := strconv.ParseInt(seedID, 10, 64)
	if err != nil {
		return "", rejected("the seed list %q is not a number", seedID)
	}
	if ratio <= 0 || ratio > 0.20 {
		return "", rejected("a lookalike's ratio is above 0 and at most 0.20, not %g", ratio)
	}
	id, err := s.find(ctx, name)
	if id != "" || err != nil {
		return id, err
	}
	var trailer metadata.MD
	made, err := s.lists.MutateUserLists(ctx, &services.MutateUserListsRequest{
		CustomerId: s.customerID,
		Operations: []*services.UserListOperation{{Operation: &services.UserListOperation_Create{Create: &resources.UserList{
			Name: &name,
			UserList: &resources.UserList_LookalikeUserList{LookalikeUserList: &common.LookalikeUserListInfo{
				SeedUserListIds: []int64{seed},
				ExpansionLevel:  expansion(ratio),
				CountryCodes:    []string{country},
			}},
		}}}},
	}, grpc.Trailer(&trailer))
	if err != nil {
		return "", classify(err, trailer, platform.Unknown)
	}
	results := made.GetResults()
	if len(results) != 1 {
		return "", &platform.Error{Platform: platform.Google, Kind: platform.Unknown, RequestID: requestID(trailer),
			Message: "Google made a list and did not say which", Remedy: "it is found by its name in the next run"}
	}
	// customers/1/userLists/2
	return results[0].GetResourceName()[strings.LastIndexByte(results[0].GetResourceName(), '/')+1:], nil
}

func (s *Service) find(ctx context.Context, name string) (string, error) {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name)
	var trailer metadata.MD
	found, err := s.ads.Search(ctx, &services.SearchGoogleAdsRequest{
		CustomerId: s.customerID,
		Query:      "SELECT user_list.id, user_list.name FROM user_list WHERE user_list.name = '" + quoted + "'",
	}, grpc.Trailer(&trailer))
	if err != nil {
		return "", classify(err, trailer, platform.Retryable)
	}
	for _, row := range found.GetResults() {
		if l := row.GetUserList(); l.GetName() == name {
			return strconv.FormatInt(l.GetId(), 10), nil
		}
	}
	return "", nil
}

func expansion(ratio float64) enums.LookalikeExpansionLevelEnum_LookalikeExpansionLevel {
	switch {
	case ratio <= 0.025:
		return enums.LookalikeExpansionLevelEnum_NARROW
	case ratio <= 0.05:
		return enums.LookalikeExpansionLevelEnum_BALANCED
	}
	return enums.LookalikeExpansionLevelEnum_BROAD
}

// classify makes the platform's error of a call's, unless the connection did so
// already. open is the kind of an error that leaves open whether the call took
// effect.
func classify(err error, trailer metadata.MD, open platform.Kind) error {
	if typed, ok := errors.AsType[*platform.Error](err); ok {
		return typed
	}
	st := status.Convert(err)
	e := &platform.Error{Platform: platform.Google, Kind: open, Code: st.Code().String(), RequestID: requestID(trailer), Message: st.Message()}
	switch st.Code() {
	case codes.ResourceExhausted:
		e.Kind = platform.Quota
	case codes.Unauthenticated, codes.PermissionDenied:
		e.Kind, e.Remedy = platform.Authentication, "check the credentials and the user's access to the Google Ads account"
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		e.Kind = platform.Rejected
	}
	for _, d := range st.Details() {
		if f, ok := d.(*adserrors.GoogleAdsFailure); ok && len(f.GetErrors()) > 0 {
			e.Message = strings.TrimSuffix(f.GetErrors()[0].GetMessage(), ".")
		}
	}
	return e
}

func requestID(trailer metadata.MD) string { return strings.Join(trailer.Get("request-id"), ",") }

func rejected(format string, args ...any) *platform.Error {
	return &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Message: fmt.Sprintf(format, args...)}
}
