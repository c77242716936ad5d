package googleads

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// Ids of the resources that belong to a campaign are made of its index in the
// scenario; a shared budget or a portfolio has that of its first campaign.
const (
	firstBudgetID      = 8_000_000_001
	firstStrategyID    = 9_000_000_001
	firstAdGroupID     = 160_000_000_001
	firstExtraBudgetID = 8_900_000_001 // of budgets created through the API

	adGroupStep = 1_000_000 // from an ad group's id to that of its campaign's next
)

// entity is one row of the FROM resource with all its attributes and those of
// the resources joined to it; campaigns are the scenario ids of those whose
// performance is its own, of an ad its own id.
type entity struct {
	row       *services.GoogleAdsRow
	campaigns []string
}

// account is the ad account at one moment, as a query sees it.
type account struct {
	s         *Server
	campaigns []market.Campaign
	byIndex   map[int]market.Campaign
	budgets   map[string]*budget   // by key
	targets   map[string]*strategy // by key; portfolios only
	standard  map[int]bool         // campaigns under target_roas rather than maximize_conversion_value
	extra     []*resources.CampaignBudget
	customer  *resources.Customer
	worth     worthState
	made      map[string]*resources.ConversionValueRule // rules of the request under way, by their temporary names
	unseen    int                                       // newest changes a stale read does not see
}

// changes lists the changes the account shows, oldest first.
func (a *account) changes() []market.Event {
	all := a.s.opts.Market.Changes(platform.Google)
	return all[:max(0, len(all)-a.unseen)]
}

// budget is a campaign budget with the campaigns that spend from it.
type budget struct {
	proto *resources.CampaignBudget
	users []market.Campaign
}

// strategy is a portfolio bidding strategy with the campaigns under it.
type strategy struct {
	proto *resources.BiddingStrategy
	users []market.Campaign
}

// account returns the account now; a stale one is without its newest change.
func (s *Server) account(stale bool) *account {
	a := &account{s: s, campaigns: s.opts.Market.Campaigns(platform.Google),
		byIndex: map[int]market.Campaign{}, budgets: map[string]*budget{}, targets: map[string]*strategy{},
		worth: s.opts.ValueRules.state(stale), made: map[string]*resources.ConversionValueRule{}}
	if changes := s.opts.Market.Changes(platform.Google); stale && len(changes) > 0 {
		a.undo(changes[len(changes)-1])
		a.unseen = 1
	}
	s.mu.Lock()
	a.extra, a.standard = s.overlay.snapshot()
	s.mu.Unlock()
	a.customer = s.customerProto()
	for _, c := range a.campaigns {
		a.byIndex[c.Index] = c
		b := a.budgets[c.BudgetKey]
		if b == nil {
			b = &budget{proto: a.budgetProto(c)}
			a.budgets[c.BudgetKey] = b
		}
		b.users = append(b.users, c)
		b.proto.ReferenceCount = proto.Int64(int64(len(b.users)))
		if c.TargetKey == c.ID {
			continue
		}
		st := a.targets[c.TargetKey]
		if st == nil {
			st = &strategy{proto: a.strategyProto(c)}
			a.targets[c.TargetKey] = st
		}
		st.users = append(st.users, c)
		st.proto.CampaignCount = proto.Int64(int64(len(st.users)))
		st.proto.NonRemovedCampaignCount = st.proto.CampaignCount
	}
	return a
}

// undo puts back the value before a change.
func (a *account) undo(e market.Event) {
	for i := range a.campaigns {
		switch c := &a.campaigns[i]; {
		case e.Field == platform.DailyBudget && c.BudgetKey == e.Key:
			c.Budget = e.Old
		case e.Field == platform.TargetROAS && c.TargetKey == e.Key:
			c.TargetROAS = e.Old
		case e.Field == platform.CPCBid && c.Index == e.Campaign:
			c.Groups[groupOf(*c, e)].Bid = e.Old
		}
	}
}

// entities lists the rows of a resource, before any filter.
func (a *account) entities(resource string) []entity {
	var out []entity
	switch resource {
	case "customer":
		out = []entity{{row: a.base(), campaigns: ids(a.campaigns)}}
	case "customer_client":
		row := a.base()
		row.CustomerClient = a.clientProto()
		out = []entity{{row: row}}
	case "campaign":
		for _, c := range a.campaigns {
			out = append(out, entity{row: a.campaignRow(c), campaigns: []string{c.ID}})
		}
	case shoppingView:
		for _, c := range a.campaigns {
			if c.SellsItems() {
				row := a.base()
				row.Campaign = a.campaignProto(c)
				row.ShoppingPerformanceView = &resources.ShoppingPerformanceView{ResourceName: a.s.customerName() + "/shoppingPerformanceView"}
				out = append(out, entity{row: row, campaigns: []string{c.ID}})
			}
		}
	case adView:
		out = a.adEntities()
	case "ad_group":
		for _, c := range a.campaigns {
			for g := range c.Groups {
				row := a.campaignRow(c)
				row.CampaignBudget = nil
				row.AdGroup = a.adGroupProto(c, g)
				out = append(out, entity{row: row, campaigns: []string{c.Groups[g].Key}})
			}
		}
	case "campaign_budget":
		out = a.budgetEntities()
	case "bidding_strategy":
		for _, c := range a.campaigns {
			if st := a.targets[c.TargetKey]; st != nil && st.users[0].Index == c.Index {
				row := a.base()
				row.BiddingStrategy = st.proto
				out = append(out, entity{row: row, campaigns: ids(st.users)})
			}
		}
	case "currency_constant":
		out = a.currencyEntities()
	case "change_event":
		out = a.changeEntities()
	case "campaign_simulation":
		out = a.simulationEntities()
	case "user_list":
		out = a.listEntities()
	case "campaign_criterion", "ad_group_criterion":
		out = a.criterionEntities(resource)
	default:
		out = a.worthEntities(resource)
	}
	return out
}

// adEntities lists the ads, each with its own performance.
func (a *account) adEntities() []entity {
	var out []entity
	for _, c := range a.campaigns {
		for i, ad := range a.s.opts.Market.Scenario().Campaigns[c.Index].Ads {
			id := market.RemoteAdID(platform.Google, c.Index, i)
			row := a.base()
			row.Campaign, row.AdGroup, row.AdGroupAd = a.campaignProto(c), a.adGroupProto(c, i%len(c.Groups)), a.adProto(c, i%len(c.Groups), id, ad.Name)
			out = append(out, entity{row: row, campaigns: []string{id}})
		}
	}
	return out
}

func (a *account) base() *services.GoogleAdsRow { return &services.GoogleAdsRow{Customer: a.customer} }

func (a *account) budgetEntities() []entity {
	var out []entity
	for _, c := range a.campaigns {
		if b := a.budgets[c.BudgetKey]; b.users[0].Index == c.Index {
			row := a.base()
			row.CampaignBudget = b.proto
			out = append(out, entity{row: row, campaigns: ids(b.users)})
		}
	}
	for _, b := range a.extra {
		row := a.base()
		row.CampaignBudget = b
		out = append(out, entity{row: row})
	}
	return out
}

// currencyEntities lists the currency of the account and a few others.
func (a *account) currencyEntities() []entity {
	codes := []string{"CHF", "EUR", "GBP", "JPY", "KWD", "PLN", "SEK", "USD"}
	if own := a.customer.GetCurrencyCode(); !slices.Contains(codes, own) {
		codes = append(codes, own)
	}
	var out []entity
	for _, code := range codes {
		out = append(out, entity{row: &services.GoogleAdsRow{CurrencyConstant: &resources.CurrencyConstant{
			ResourceName: "currencyConstants/" + code, Code: proto.String(code),
			BillableUnitMicros: proto.Int64(int64(money.MinorUnit(code))),
		}}})
	}
	return out
}

func (a *account) campaignRow(c market.Campaign) *services.GoogleAdsRow {
	row := a.base()
	row.Campaign = a.campaignProto(c)
	row.CampaignBudget = a.budgets[c.BudgetKey].proto
	if st := a.targets[c.TargetKey]; st != nil {
		row.BiddingStrategy = st.proto
	}
	return row
}

func ids(cs []market.Campaign) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.ID
	}
	return out
}

func (s *Server) customerName() string { return fmt.Sprintf("customers/%d", s.opts.CustomerID) }

// resourceName is the name of a resource of the account.
func (s *Server) resourceName(collection string, id int64) string {
	return fmt.Sprintf("%s/%s/%d", s.customerName(), collection, id)
}

func campaignID(c market.Campaign) int64 {
	id, err := strconv.ParseInt(market.RemoteCampaignID(platform.Google, c.Index), 10, 64)
	if err != nil { // the market gives digits
		return 0
	}
	return id
}

func budgetID(first market.Campaign) int64   { return firstBudgetID + int64(first.Index) }
func strategyID(first market.Campaign) int64 { return firstStrategyID + int64(first.Index) }

// adGroupID is the id of the g-th ad group of a campaign.
func adGroupID(c market.Campaign, g int) int64 {
	return firstAdGroupID + int64(g)*adGroupStep + int64(c.Index)
}

// groupOf is the place in its campaign of the ad group whose bid was changed.
func groupOf(c market.Campaign, e market.Event) int {
	return slices.IndexFunc(c.Groups, func(g market.Group) bool { return g.Key == e.Key })
}

func (a *account) campaignName(c market.Campaign) string {
	return a.s.resourceName("campaigns", campaignID(c))
}

// parseName returns the id in the name of one of the account's resources.
func (s *Server) parseName(name, collection string) (int64, *adserrors.GoogleAdsError) {
	rest, ok := strings.CutPrefix(name, s.customerName()+"/"+collection+"/")
	id, err := strconv.ParseInt(rest, 10, 64)
	if !ok || err != nil || id <= 0 {
		return 0, newError(adserrors.RequestErrorEnum_RESOURCE_NAME_MALFORMED, "Resource name '%s' is malformed: expected '%s/%s/{id}'.", name, s.customerName(), collection)
	}
	return id, nil
}

func notFound(name string) *adserrors.GoogleAdsError {
	return newError(adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND, "Resource was not found: %s.", name)
}

// budgetByID returns the budget of the market with the id, or nil.
func (a *account) budgetByID(id int64) *budget {
	if c, ok := a.byIndex[int(id-firstBudgetID)]; ok && a.budgets[c.BudgetKey].users[0].Index == c.Index {
		return a.budgets[c.BudgetKey]
	}
	return nil
}

// strategyByID returns the portfolio strategy with the id, or nil.
func (a *account) strategyByID(id int64) *strategy {
	c, ok := a.byIndex[int(id-firstStrategyID)]
	if st := a.targets[c.TargetKey]; ok && st != nil && st.users[0].Index == c.Index {
		return st
	}
	return nil
}

func (a *account) campaignByID(id int64) (market.Campaign, bool) {
	first := campaignID(market.Campaign{})
	c, ok := a.byIndex[int(id-first)]
	return c, ok
}

// adGroupByID returns the campaign of an ad group and its place in it.
func (a *account) adGroupByID(id int64) (c market.Campaign, g int, ok bool) {
	id -= firstAdGroupID
	c, ok = a.byIndex[int(id%adGroupStep)]
	g = int(id / adGroupStep)
	return c, g, ok && g < len(c.Groups)
}

// find returns the resource with the name, or nil.
func (a *account) find(name string) proto.Message {
	if id, e := a.s.parseName(name, "campaignBudgets"); e == nil {
		if b := a.budgetByID(id); b != nil {
			return b.proto
		}
		if i := slices.IndexFunc(a.extra, func(b *resources.CampaignBudget) bool { return b.GetId() == id }); i >= 0 {
			return a.extra[i]
		}
	}
	if id, e := a.s.parseName(name, "campaigns"); e == nil {
		if c, ok := a.campaignByID(id); ok {
			return a.campaignProto(c)
		}
	}
	if id, e := a.s.parseName(name, "biddingStrategies"); e == nil {
		if st := a.strategyByID(id); st != nil {
			return st.proto
		}
	}
	if id, e := a.s.parseName(name, "adGroups"); e == nil {
		if c, g, ok := a.adGroupByID(id); ok {
			return a.adGroupProto(c, g)
		}
	}
	return a.findWorth(name)
}

// overlay is what clients changed and the market does not hold, as it has no
// effect there: budgets no campaign spends from, and which campaigns have their
// target by target_roas. Server.mu guards it.
type overlay struct {
	budgets  map[int64]*resources.CampaignBudget // never changed, only replaced
	standard map[int]bool                        // by the campaign's index
}

func (o *overlay) snapshot() ([]*resources.CampaignBudget, map[int]bool) {
	var out []*resources.CampaignBudget
	for _, id := range slices.Sorted(maps.Keys(o.budgets)) {
		out = append(out, o.budgets[id])
	}
	return out, maps.Clone(o.standard)
}

// putBudget creates or replaces a budget that no campaign spends from; one
// without an id gets one.
func (s *Server) putBudget(b *resources.CampaignBudget) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Id == nil {
		b.Id = proto.Int64(firstExtraBudgetID + int64(len(s.overlay.budgets)))
		b.ResourceName = s.resourceName("campaignBudgets", b.GetId())
	}
	if s.overlay.budgets == nil {
		s.overlay.budgets = map[int64]*resources.CampaignBudget{}
	}
	s.overlay.budgets[b.GetId()] = b
}

// setStandard says whether a campaign has its target by target_roas.
func (s *Server) setStandard(c market.Campaign, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overlay.standard == nil {
		s.overlay.standard = map[int]bool{}
	}
	s.overlay.standard[c.Index] = on
}
