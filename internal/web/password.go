package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Password hashing: argon2id with the second recommended setting of RFC 9106,
// section 4 (64 MiB, three passes, four lanes).
const (
	hashTime    = 3
	hashMemory  = 64 * 1024 // KiB
	hashThreads = 4
	hashSalt    = 16
	hashLength  = 32

	shortestPassword = 12
	longestPassword  = 1024
)

// hashPassword waits for its turn: each hash takes 64 MiB, and whoever sends many
// log-ins at once should wait rather than exhaust the memory.
func (s *Server) hashPassword(ctx context.Context, password string) (string, error) {
	release, err := s.takeHashing(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, hashSalt)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	sum := argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, hashLength)
	return encodeHash(salt, sum), nil
}

// passwordMatches compares in constant time. An empty or broken hash costs as
// much as a good one and never matches, so that the time taken does not tell
// which users exist.
func (s *Server) passwordMatches(ctx context.Context, hash, password string) (bool, error) {
	release, err := s.takeHashing(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	salt, want, memory, passes, threads := make([]byte, hashSalt), []byte(nil), uint32(hashMemory), uint32(hashTime), uint8(hashThreads)
	if hs, hw, m, t, p, err := decodeHash(hash); err == nil {
		salt, want, memory, passes, threads = hs, hw, m, t, p
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, hashLength)
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (s *Server) takeHashing(ctx context.Context) (release func(), err error) {
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// encodeHash writes the usual form $argon2id$v=19$m=..,t=..,p=..$salt$sum.
func encodeHash(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decodeHash(s string) (salt, sum []byte, memory, passes uint32, threads uint8, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, 0, 0, 0, fmt.Errorf("not an argon2id hash of version %d", argon2.Version)
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return nil, nil, 0, 0, 0, err
	}
	if memory > 1<<20 || passes == 0 || passes > 16 || threads == 0 {
		return nil, nil, 0, 0, 0, fmt.Errorf("unreasonable argon2id settings %q", parts[3])
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return nil, nil, 0, 0, 0, err
	}
	sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	return salt, sum, memory, passes, threads, err
}

// checkPassword says what is wrong with a password somebody chose.
func checkPassword(p string) error {
	switch n := len([]rune(p)); {
	case n < shortestPassword:
		return badRequest(fmt.Sprintf("A password needs at least %d characters; a few words are easiest to remember.", shortestPassword))
	case len(p) > longestPassword:
		return badRequest("That password is too long.")
	}
	return nil
}
