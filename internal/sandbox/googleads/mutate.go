package googleads

import "github.com/shenzhencenter/google-ads-pb/services"

type budgetService struct {
	services.UnimplementedCampaignBudgetServiceServer
	s *Server
}
type campaignService struct {
	services.UnimplementedCampaignServiceServer
	s *Server
}
type strategyService struct {
	services.UnimplementedBiddingStrategyServiceServer
	s *Server
}
type adGroupService struct {
	services.UnimplementedAdGroupServiceServer
	s *Server
}
type userListService struct {
	services.UnimplementedUserListServiceServer
	s *Server
}
type adsService struct {
	services.UnimplementedGoogleAdsServiceServer
	s *Server
}
type extraBudgets struct{}

func (s *Server) customerName() string { return "" }
