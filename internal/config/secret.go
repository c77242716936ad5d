package config

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Secret is a value that must not be seen: it prints as *** however it is
// printed, in logs, errors, JSON and YAML. In the file it is either the value
// itself or ${NAME}, which is read from the environment.
type Secret struct {
	value string
	unset string // the variable it should be read from, where that is not set
}

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether nothing was given; it makes omitempty work.
func (s Secret) IsZero() bool { return s.value == "" }

func (s Secret) redacted() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// Format prints ***, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.redacted()) }

// MarshalText writes ***.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.redacted()), nil }

// MarshalYAML writes ***.
func (s Secret) MarshalYAML() (any, error) { return s.redacted(), nil }

// LogValue logs ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.redacted()) }

// UnmarshalYAML reads a value or ${NAME}.
func (s *Secret) UnmarshalYAML(n *yaml.Node) error {
	if err := n.Decode(&s.value); err != nil {
		return fmt.Errorf("line %d: a secret is one line of text", n.Line)
	}
	if name, ok := strings.CutPrefix(s.value, "${"); ok && strings.HasSuffix(name, "}") {
		name = strings.TrimSuffix(name, "}")
		v, set := os.LookupEnv(name)
		if !set {
			s.unset = name
		}
		s.value = v
	}
	return nil
}

// Or returns the secret, or the content of its FILE twin where only that is
// given. key names the option in messages.
func (s Secret) Or(file, key string) (Secret, error) {
	if s.unset != "" {
		return s, fmt.Errorf("%s: the environment variable %s is not set", key, s.unset)
	}
	if !s.IsZero() || file == "" {
		return s, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("%s_file: %v", key, err)
	}
	v := strings.TrimSpace(string(b))
	if v == "" {
		return s, fmt.Errorf("%s_file: %s is empty", key, file)
	}
	return Secret{value: v}, nil
}
