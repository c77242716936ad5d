package platform

import "context"

// ListKind says what an audience list is for.
type ListKind string

const (
	Retargeting ListKind = "retargeting"
	Seed        ListKind = "seed"      // value-based source of a lookalike
	Exclusion   ListKind = "exclusion" // whom ads leave out
	WinBack     ListKind = "win_back"
)

// List describes an audience list to be found or made. Name is unique within
// the ad account and is how the list is found again.
type List struct {
	Name        string
	Description string
	Kind        ListKind
	// MembershipDays is how long a member stays without being added again, 1-540.
	MembershipDays int
}

// Member is one person as a platform may know them, already normalised and
// hashed as that platform asks (audiences.Normalize). Empty fields are unknown.
type Member struct {
	EmailSHA256 string  // lower-case hex
	PhoneSHA256 string  // lower-case hex
	Country     string  // ISO 3166 alpha-2, upper case
	Value       float64 // predicted value in the list's currency; seeds only
}

// SyncReceipt is the platform's answer to one upload or removal.
type SyncReceipt struct {
	RequestID string
	Received  int // members the platform took
	Invalid   int // members it refused; never resent unchanged
}

// SyncStatus is what became of a request.
type SyncStatus struct {
	State  string // processing, success, partial, failed
	Detail string
}

// Audiences is what every audience destination does. Add and Remove take any
// number of members, cut them into the platform's batches, and may be repeated
// with the same members without harm.
type Audiences interface {
	Platform() Name
	// EnsureList returns the remote id of the list, making it if needed.
	EnsureList(ctx context.Context, l List) (id string, err error)
	Add(ctx context.Context, listID string, members []Member) ([]SyncReceipt, error)
	Remove(ctx context.Context, listID string, members []Member) ([]SyncReceipt, error)
	// EnsureLookalike returns the remote id of the lookalike audience of seed,
	// making it if needed. country is ISO 3166 alpha-2; ratio is the share of
	// the country's people, 0.01 to 0.20.
	EnsureLookalike(ctx context.Context, name, seedID, country string, ratio float64) (id string, err error)
	Close() error
}
