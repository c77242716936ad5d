package audiences

// Outcome says what became of a value.
type Outcome string

const (
	OK          Outcome = "ok"
	Drop        Outcome = "drop"        // cannot be normalised; never sent
	Passthrough Outcome = "passthrough" // was hashed already (Meta)
)

// Hashed is one identifier as a platform takes it.
type Hashed struct {
	Normalized string
	SHA256     string // lower-case hex; "" where the platform takes the value unhashed
	Outcome    Outcome
	Reason     string // why it was dropped or passed through
}

// Kinds lists the kinds of identifier Hash knows.
func Kinds() []string { return nil }

// Hash normalises value as the platform ("google" or "meta") asks for this kind
// of identifier and hashes it where the platform wants a hash. defaultCountry
// (ISO 3166 alpha-2, or "") is the country of phone numbers that name none. The
// error is about platform, kind or defaultCountry, never about value.
func Hash(platform, kind, value, defaultCountry string) (Hashed, error) {
	return Hashed{}, nil
}
