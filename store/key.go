package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Key is the 256-bit secret that personal data is encrypted under. It prints as
// *** wherever it is printed, logged or marshalled.
type Key [32]byte

// ParseKey reads a key written as 64 hexadecimal digits or as base64 (standard
// or URL alphabet) of 32 bytes. Its errors never quote the input.
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	raw, err := hex.DecodeString(s)
	if err != nil {
		plain := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
		raw, err = base64.RawStdEncoding.DecodeString(plain)
	}
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, errors.New("the encryption key must be 32 bytes, written as 64 hexadecimal digits or as base64; `openssl rand -hex 32` makes one")
	}
	return Key(raw), nil
}

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) // never fails, says crypto/rand
	return k
}

func (k Key) String() string               { return "***" }
func (k Key) GoString() string             { return "***" }
func (k Key) Format(f fmt.State, _ rune)   { io.WriteString(f, "***") }
func (k Key) LogValue() slog.Value         { return slog.StringValue("***") }
func (k Key) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Lookup is a keyed hash (HMAC-SHA256, hex) of an already normalised
// identifier: equal values can be found without storing them readably. "" for "".
func (k Key) Lookup(normalized string) string {
	s, err := k.secrets()
	if err != nil {
		return ""
	}
	return s.lookup(normalized)
}

// secrets holds what is derived from a Key. Encryption and lookup each have a
// subkey of their own, so that one use tells nothing of the other.
type secrets struct {
	aead      cipher.AEAD
	lookupKey []byte
}

func (k Key) secrets() (*secrets, error) {
	sealKey, err := hkdf.Key(sha256.New, k[:], nil, "adsteward seal v1", 32)
	if err != nil {
		return nil, err
	}
	lookupKey, err := hkdf.Key(sha256.New, k[:], nil, "adsteward lookup v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &secrets{aead, lookupKey}, nil
}

// seal encrypts plain with AES-256-GCM under a random nonce, which precedes the
// ciphertext; nil, the database's NULL, for an empty value. The additional data is not
// stored: opening needs the same, so that a value copied to another account or row does
// not open there.
func (s *secrets) seal(plain, aad string) []byte {
	if plain == "" {
		return nil
	}
	return s.aead.Seal(nil, nil, []byte(plain), []byte(aad))
}

// open decrypts what seal returned.
func (s *secrets) open(sealed []byte, aad string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(aad))
	if err != nil {
		return "", errors.New("stored personal data does not open: it was damaged, moved, or sealed under another key")
	}
	return string(plain), nil
}

func (s *secrets) lookup(normalized string) string {
	if normalized == "" {
		return ""
	}
	mac := hmac.New(sha256.New, s.lookupKey)
	mac.Write([]byte(normalized))
	return hex.EncodeToString(mac.Sum(nil))
}

func (s *secrets) emailKey(email string) string {
	return s.lookup(strings.ToLower(strings.TrimSpace(email)))
}

func (s *secrets) phoneKey(phone string) string {
	return s.lookup(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone))
}

// aad binds a sealed value to its place.
func aad(account, column, id string) string {
	return account + "\x00" + column + "\x00" + id
}
