package guard

// Answer is what a guardrail says of a change.
type Answer string

const (
	Pass  Answer = "pass"
	Clamp Answer = "clamp" // to a value nearer the present one
	Block Answer = "block"
)

// Verdict is one guardrail's answer, with the setting it comes from and the
// reason in words a marketer understands.
type Verdict struct {
	Name    string `json:"name"` // the guardrail, e.g. step
	Answer  Answer `json:"verdict"`
	Setting string `json:"setting"` // the key in the policy file, e.g. step.default
	Detail  string `json:"detail"`
}
