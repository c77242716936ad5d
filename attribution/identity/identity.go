// Package identity says which identifiers are one person: customers, e-mail
// addresses and phones (as keyed hashes), visitors (devices) and click ids that
// were seen together, joined by union-find (Galler, Fischer 1964). Only what was
// seen together joins; nothing is guessed from likeness. The result does not
// depend on the order in which the evidence comes.
package identity

import (
	"fmt"
	"strings"
)

// Kind is what sort of identifier an ID is. A lower kind is stronger: it says
// more surely who somebody is.
type Kind uint8

// The kinds, the strongest first.
const (
	Customer Kind = iota
	Email
	Phone
	Visitor
	Click
	kinds
)

func kindNames() [kinds]string {
	return [...]string{Customer: "customer", Email: "email", Phone: "phone", Visitor: "visitor", Click: "click"}
}

func (k Kind) String() string { return kindNames()[k] }

// ID is one identifier of a person. Its value says who it is of within its kind,
// and is compared exactly; that of Email and Phone is a keyed hash.
type ID struct {
	Kind  Kind
	Value string
}

// String is the kind and the value: "visitor:v17". ParseID reads it back.
func (id ID) String() string { return id.Kind.String() + ":" + id.Value }

// MarshalText makes an ID a string in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) {
	kind, value, ok := strings.Cut(s, ":")
	for k, name := range kindNames() {
		if ok && name == kind && value != "" {
			return ID{Kind(k), value}, nil
		}
	}
	names := kindNames()
	return ID{}, fmt.Errorf("%q is no identifier; write its kind before it, as customer:1001 (kinds: %s)", s, strings.Join(names[:], ", "))
}

// Limits say from when on an identifier is shared by several people and joins
// nobody: a family's device, a call centre's phone, a customer number that all
// guests get, a link with a click id that was passed on.
type Limits struct {
	Customers int // more customers than this on one e-mail, phone, visitor or click
	Visitors  int // more visitors than this on one customer, e-mail or phone
	Clicked   int // more visitors than this on one click id
}

// DefaultLimits let a household share a device or an address, and somebody who
// deletes cookies come back many times.
func DefaultLimits() Limits { return Limits{Customers: 5, Visitors: 100, Clicked: 5} }

// Over says why an identifier with so many neighbours is shared; "" if it is not.
func (l Limits) Over(k Kind, customers, visitors int) string {
	switch {
	case k != Customer && customers > l.Customers:
		return fmt.Sprintf("seen with %d customers, more than %d: a shared device, address or phone", customers, l.Customers)
	case k == Click && visitors > l.Clicked:
		return fmt.Sprintf("seen with %d visitors, more than %d: a link that was passed on", visitors, l.Clicked)
	case k != Visitor && visitors > l.Visitors:
		return fmt.Sprintf("seen with %d visitors, more than %d: not one person's", visitors, l.Visitors)
	}
	return ""
}

// Split says that two identifiers are not one person's, whatever joins them. With
// an empty B it says that A joins nobody.
type Split struct{ A, B ID }

// hash is 64 bits of an ID, the same in every process: FNV-1a, its bits mixed
// once more (the finaliser of MurmurHash3). Of twenty million identifiers two
// share one by chance once in 90,000 shops.
func (id ID) hash() uint64 {
	h := (14695981039346656037 ^ uint64(id.Kind)) * 1099511628211
	for i := range len(id.Value) {
		h = (h ^ uint64(id.Value[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return max(h, 1) // 0 marks what is empty
}
