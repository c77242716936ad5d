package audiences

// Lists that can be kept, as configuration and experiments call them. The three parts of
// the carts left behind follow each other and do not overlap.
const (
	ListCartAbandoners = "cart_abandoners"
	ListCartReminder   = "cart_reminder"
	ListCartProof      = "cart_proof"
	ListCartIncentive  = "cart_incentive"
	ListPurchasers     = "purchasers"
	ListAtRisk         = "at_risk"
	ListHighLTV        = "high_ltv"
)

// Lists are all of them.
var Lists = []string{ListCartAbandoners, ListCartReminder, ListCartProof, ListCartIncentive, ListPurchasers, ListAtRisk, ListHighLTV}

// DefaultLists are kept where nobody says which.
var DefaultLists = []string{ListCartAbandoners, ListHighLTV}
