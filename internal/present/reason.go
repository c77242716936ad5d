package present

import (
	"fmt"
	"unicode/utf8"
)

// MaxReason is how many characters the reason that a person gives may have, on the page
// and on the command line: it is kept for ever and shown in a line of a table.
const MaxReason = 500

// CheckReason says what is wrong with a reason's length.
func CheckReason(reason string) error {
	if n := utf8.RuneCountInString(reason); n > MaxReason {
		return fmt.Errorf("the reason has %d characters, of at most %d; shorten it", n, MaxReason)
	}
	return nil
}
