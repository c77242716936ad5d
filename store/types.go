package store

import (
	"database/sql"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// AdAccount is one account of one platform, within an account group.
type AdAccount struct {
	Account    string       `db:"account"`
	Platform   string       `db:"platform"`
	AdAccount  string       `db:"ad_account"`
	Name       string       `db:"name"`
	Currency   string       `db:"currency"`
	TimeZone   string       `db:"time_zone"`
	BudgetUnit money.Micros `db:"budget_unit"`
	MinBudget  money.Micros `db:"min_budget"`
	// CountsFrom is the first day whose figures are in Currency; the zero date: all are.
	CountsFrom civil.Date `db:"counts_from"`
	UpdatedAt  time.Time  `db:"updated_at"`
}

// Entity is a campaign, budget, ad set, portfolio strategy or ad group. Detail
// is the JSON of a platform.Entity.
type Entity struct {
	Account    string    `db:"account"`
	Platform   string    `db:"platform"`
	AdAccount  string    `db:"ad_account"`
	EntityType string    `db:"entity_type"`
	EntityID   string    `db:"entity_id"`
	Name       string    `db:"name"`
	Detail     string    `db:"detail"`
	FirstSeen  time.Time `db:"first_seen"`
	UpdatedAt  time.Time `db:"updated_at"`
}

// ChangeEvent is a change somebody made on the platform.
type ChangeEvent struct {
	Account    string       `db:"account"`
	Platform   string       `db:"platform"`
	AdAccount  string       `db:"ad_account"`
	EntityType string       `db:"entity_type"`
	EntityID   string       `db:"entity_id"`
	Field      string       `db:"field"`
	At         time.Time    `db:"at"`
	Actor      string       `db:"actor"`
	Client     string       `db:"client"`
	OldValue   money.Micros `db:"old_value"`
	NewValue   money.Micros `db:"new_value"`
}

// Performance is one entity's day as last reported.
type Performance struct {
	Account     string       `db:"account"`
	Platform    string       `db:"platform"`
	AdAccount   string       `db:"ad_account"`
	EntityType  string       `db:"entity_type"`
	EntityID    string       `db:"entity_id"`
	Date        civil.Date   `db:"date"`
	Cost        money.Micros `db:"cost"`
	Value       money.Micros `db:"value"`
	Conversions float64      `db:"conversions"`
	Clicks      int64        `db:"clicks"`
	Impressions int64        `db:"impressions"`
	Eligible    int64        `db:"eligible"` // impressions it could have had; 0: not known
	Part        bool         `db:"part"`     // rows of its campaign, or within it, hold it already, and no sum may count it beside
	PulledAt    time.Time    `db:"pulled_at"`
}

// Span is the oldest and the newest day with spend of an entity, of those that are part
// of others or of those that are not.
type Span struct {
	EntityType string     `db:"entity_type"`
	EntityID   string     `db:"entity_id"`
	Part       bool       `db:"part"`
	Oldest     civil.Date `db:"oldest"`
	Newest     civil.Date `db:"newest"`
}

// Restatement is a change of a platform's reported value for one date: Delta
// (micros) was added at the pull of AsOf. The first pull of a date brings the
// whole value so far. Summed over entities; the lag curve is estimated from it.
type Restatement struct {
	Platform string       `db:"platform"`
	Date     civil.Date   `db:"date"`
	AsOf     civil.Date   `db:"as_of"`
	Delta    money.Micros `db:"delta"`
}

// Order is a shop order with its lines.
type Order struct {
	Account    string       `db:"account"`
	OrderID    string       `db:"order_id"`
	CustomerID string       `db:"customer_id"`
	OrderedAt  time.Time    `db:"ordered_at"`
	OrderDate  civil.Date   `db:"order_date"`
	Currency   string       `db:"currency"`
	Revenue    money.Micros `db:"revenue"`
	Discount   money.Micros `db:"discount"`
	Shipping   money.Micros `db:"shipping"`
	Tax        money.Micros `db:"tax"`
	Refunded   money.Micros `db:"refunded"`
	Country    string       `db:"country"`
	Source     string       `db:"source"`
	ClickID    string       `db:"click_id"`
	Campaign   string       `db:"campaign"`
	Several    bool         `db:"several"` // ads of several campaigns were clicked before it
	Lines      []OrderLine  `db:"-"`
}

// OrderLine is one line of an order.
type OrderLine struct {
	Account   string        `db:"account"`
	OrderID   string        `db:"order_id"`
	Line      int           `db:"line"`
	SKU       string        `db:"sku"`
	Quantity  float64       `db:"quantity"`
	UnitPrice money.Micros  `db:"unit_price"`
	UnitCost  *money.Micros `db:"unit_cost"`
}

// Customer holds a person's identifiers; Email and Phone are plain here and
// encrypted in the database. EmailKey and PhoneKey are filled by the store.
type Customer struct {
	Account    string
	CustomerID string
	Email      string
	Phone      string
	EmailKey   string
	PhoneKey   string
	Country    string
}

// Touch is one contact of a person with an advertisement.
type Touch struct {
	Account    string    `db:"account"`
	TouchID    string    `db:"touch_id"` // a hash of the row, so that one id has one At
	CustomerID string    `db:"customer_id"`
	VisitorID  string    `db:"visitor_id"`
	At         time.Time `db:"at"`
	Channel    string    `db:"channel"`
	Campaign   string    `db:"campaign"`
	ClickID    string    `db:"click_id"`
	Kind       string    `db:"kind"` // click or view; "" is click
}

// Cart is a shopping cart; Email is plain here and encrypted in the database.
type Cart struct {
	Account    string
	CartID     string
	CustomerID string
	VisitorID  string
	Email      string
	EmailKey   string
	UpdatedAt  time.Time
	Value      money.Micros
	SKUs       string // separated by spaces
}

// Consent is one statement of a person about one purpose.
type Consent struct {
	Account    string
	CustomerID string // either this
	Email      string // or this
	Purpose    string
	At         time.Time
	Granted    bool
}

// Cost is the unit cost of a product.
type Cost struct {
	Account  string       `db:"account"`
	SKU      string       `db:"sku"`
	UnitCost money.Micros `db:"unit_cost"`
	Currency string       `db:"currency"`
}

// Product is an item of the newest good version of a feed.
type Product struct {
	Account      string        `db:"account"`
	ItemID       string        `db:"item_id"`
	Feed         string        `db:"feed"`     // its location as configured
	Position     int           `db:"position"` // of the feed in the configuration
	Title        string        `db:"title"`
	Price        money.Micros  `db:"price"`
	Currency     string        `db:"currency"`
	SalePrice    *money.Micros `db:"sale_price"` // nil where there is none
	SaleFrom     sql.NullTime  `db:"sale_from"`  // not valid: no beginning
	SaleUntil    sql.NullTime  `db:"sale_until"` // not valid: no end
	Availability string        `db:"availability"`
	Stock        *int64        `db:"stock"` // pieces; nil where the feed does not say
	ProductType  string        `db:"product_type"`
	ItemGroup    string        `db:"item_group"`
	Brand        string        `db:"brand"`
	Label0       string        `db:"label_0"`
	Label1       string        `db:"label_1"`
	Label2       string        `db:"label_2"`
	Label3       string        `db:"label_3"`
	Label4       string        `db:"label_4"`
	UnitCost     *money.Micros `db:"unit_cost"`
	// Errors and Warnings count issues; an issue for both platforms is one of
	// them here and one of each platform's.
	Errors         int        `db:"errors"`
	Warnings       int        `db:"warnings"`
	GoogleErrors   int        `db:"google_errors"`
	GoogleWarnings int        `db:"google_warnings"`
	MetaErrors     int        `db:"meta_errors"`
	MetaWarnings   int        `db:"meta_warnings"`
	FeedDate       civil.Date `db:"feed_date"`
}

// FeedIssue is one thing found wrong in a night's feeds; ItemID is empty where it
// is about the file.
type FeedIssue struct {
	Account   string `db:"account"`
	RunID     string `db:"run_id"`
	Number    int    `db:"number"`
	Feed      string `db:"feed"`
	ItemID    string `db:"item_id"`
	Line      int    `db:"line"`
	Rule      string `db:"rule"`
	Severity  string `db:"severity"`
	Platform  string `db:"platform"`
	Attribute string `db:"attribute"`
	Value     string `db:"value"`
	Message   string `db:"message"`
	Fix       string `db:"fix"`
}

// ItemSpend is what one campaign spent on one item: on Date, or over several days
// where it is a sum and Date is zero. ItemID is as the platform writes it.
type ItemSpend struct {
	Account     string       `db:"account"`
	Platform    string       `db:"platform"`
	AdAccount   string       `db:"ad_account"`
	Date        civil.Date   `db:"date"`
	Campaign    string       `db:"campaign"`
	ItemID      string       `db:"item_id"`
	Cost        money.Micros `db:"cost"`
	Value       money.Micros `db:"value"`
	Conversions float64      `db:"conversions"`
	Clicks      int64        `db:"clicks"`
}

// Run is one night of one account group.
type Run struct {
	RunID      string       `db:"run_id"`
	Account    string       `db:"account"`
	Date       civil.Date   `db:"date"`
	State      string       `db:"state"`
	Reason     string       `db:"reason"`
	StartedAt  time.Time    `db:"started_at"`
	FinishedAt sql.NullTime `db:"finished_at"`
	PolicyID   string       `db:"policy_id"`
}

// Stage is one stage of a run.
type Stage struct {
	RunID      string       `db:"run_id"`
	Stage      string       `db:"stage"`
	Position   int          `db:"position"`
	State      string       `db:"state"`
	Attempt    int          `db:"attempt"`
	StartedAt  sql.NullTime `db:"started_at"`
	FinishedAt sql.NullTime `db:"finished_at"`
	Summary    string       `db:"summary"`
	Error      string       `db:"error"`
	Fault      string       `db:"fault"` // what kind of error: unreachable, refused, input, other; "" for none
}

// Model is one stored model result; Body is JSON.
type Model struct {
	RunID string `db:"run_id"`
	Kind  string `db:"kind"`
	Key   string `db:"key"`
	Body  string `db:"body"`
}

// ChangeSet is what one run proposed, as a whole.
type ChangeSet struct {
	ChangeSetID string     `db:"change_set_id"`
	Account     string     `db:"account"`
	RunID       string     `db:"run_id"`
	Date        civil.Date `db:"date"`
	Hash        string     `db:"hash"`
	PolicyID    string     `db:"policy_id"`
	CreatedAt   time.Time  `db:"created_at"`
}

// Proposal is one proposed change. Body is the JSON of a bidding.Body.
type Proposal struct {
	ProposalID  string       `db:"proposal_id"`
	ChangeSetID string       `db:"change_set_id"`
	Account     string       `db:"account"`
	RunID       string       `db:"run_id"`
	Platform    string       `db:"platform"`
	AdAccount   string       `db:"ad_account"`
	Currency    string       `db:"currency"`
	EntityType  string       `db:"entity_type"`
	EntityID    string       `db:"entity_id"`
	EntityName  string       `db:"entity_name"`
	Field       string       `db:"field"`
	Seen        money.Micros `db:"seen"`
	Proposed    money.Micros `db:"proposed"`
	Suggested   money.Micros `db:"suggested"`
	State       string       `db:"state"`
	Reason      string       `db:"reason"`
	PlanHash    string       `db:"plan_hash"`
	ExpiresAt   time.Time    `db:"expires_at"`
	RollbackOf  string       `db:"rollback_of"`
	Body        string       `db:"body"`
	Measured    string       `db:"measured"`
	CreatedAt   time.Time    `db:"created_at"`
	UpdatedAt   time.Time    `db:"updated_at"`
	AppliedAt   sql.NullTime `db:"applied_at"`
}

// Approval is somebody's yes to exactly one plan hash.
type Approval struct {
	ApprovalID string       `db:"approval_id"`
	ProposalID string       `db:"proposal_id"`
	Actor      string       `db:"actor"`
	PlanHash   string       `db:"plan_hash"`
	Seen       money.Micros `db:"seen"`
	Value      money.Micros `db:"value"`
	At         time.Time    `db:"at"`
	ExpiresAt  time.Time    `db:"expires_at"`
}

// Intent is the decision to send one approved change, written before it is sent.
type Intent struct {
	ProposalID string       `db:"proposal_id"`
	ApprovalID string       `db:"approval_id"`
	State      string       `db:"state"`
	Seen       money.Micros `db:"seen"`
	Value      money.Micros `db:"value"`
	CreatedAt  time.Time    `db:"created_at"`
	SentAt     sql.NullTime `db:"sent_at"`
	SettledAt  sql.NullTime `db:"settled_at"`
}

// Receipt is one step of a push as the platform answered it.
type Receipt struct {
	ProposalID  string        `db:"proposal_id"`
	Step        int           `db:"step"`
	Kind        string        `db:"kind"`
	At          time.Time     `db:"at"`
	RequestID   string        `db:"request_id"`
	Outcome     string        `db:"outcome"`
	RemoteValue *money.Micros `db:"remote_value"`
	Detail      string        `db:"detail"`
}

// AuditEntry is one link of the audit chain.
type AuditEntry struct {
	Seq       int64     `db:"seq" json:"seq"`
	At        time.Time `db:"at" json:"at"`
	Account   string    `db:"account" json:"account"`
	Actor     string    `db:"actor" json:"actor"`
	Action    string    `db:"action" json:"action"`
	Proposal  string    `db:"proposal" json:"proposal"`
	Reason    string    `db:"reason" json:"reason"`
	RequestID string    `db:"request_id" json:"request_id"`
	PrevHash  string    `db:"prev_hash" json:"prev_hash"`
	Hash      string    `db:"hash" json:"hash"`
}

// Setting is a switch that outlives a process, such as the kill switch.
type Setting struct {
	Key       string    `db:"key"`
	Value     string    `db:"value"`
	Actor     string    `db:"actor"`
	UpdatedAt time.Time `db:"updated_at"`
}

// APIUsage counts the operations of one ad account on one UTC day.
type APIUsage struct {
	Platform   string     `db:"platform"`
	AdAccount  string     `db:"ad_account"`
	Date       civil.Date `db:"date"`
	Operations int64      `db:"operations"`
	Limit      int64      `db:"op_limit"`
}

// AudienceList is a list kept on a platform.
type AudienceList struct {
	Account   string    `db:"account"`
	Platform  string    `db:"platform"`
	Name      string    `db:"name"`
	Kind      string    `db:"kind"`
	RemoteID  string    `db:"remote_id"`
	Summary   string    `db:"summary"`
	UpdatedAt time.Time `db:"updated_at"`
}

// AudienceMember is a person's membership as far as the platform was told.
type AudienceMember struct {
	Account   string    `db:"account" json:"account"`
	Platform  string    `db:"platform" json:"platform"`
	List      string    `db:"list" json:"list"`
	Person    string    `db:"person" json:"person"`
	State     string    `db:"state" json:"state"`
	Why       string    `db:"why" json:"why"`
	RequestID string    `db:"request_id" json:"request_id"`
	ChangedAt time.Time `db:"changed_at" json:"changed_at"`
}

// User may log in to the pages.
type User struct {
	Name         string    `db:"name"`
	Role         string    `db:"role"`
	PasswordHash string    `db:"password_hash"`
	CreatedAt    time.Time `db:"created_at"`
}

// Session is a logged-in browser; only the hash of its token is kept.
type Session struct {
	TokenHash string    `db:"token_hash"`
	UserName  string    `db:"user_name"`
	CreatedAt time.Time `db:"created_at"`
	SeenAt    time.Time `db:"seen_at"`
}
