package store

import (
	"context"
	"encoding/hex"
)

// Tamper runs any statement inside the transaction, as an intruder would.
func (q *Queries) Tamper(ctx context.Context, statement string) error {
	_, err := q.exec(ctx, statement)
	return err
}

// MigrateDown takes the schema back to a version.
func (s *Store) MigrateDown(ctx context.Context, version int64) error {
	p, err := s.goose()
	if err == nil {
		_, err = p.DownTo(ctx, version)
	}
	return err
}

// Hex is the key as ParseKey takes it.
func (k Key) Hex() string { return hex.EncodeToString(k[:]) }

// Seal encrypts a value as the store does.
func (k Key) Seal(plain, aad string) ([]byte, error) {
	s, err := k.secrets()
	if err != nil {
		return nil, err
	}
	return s.seal(plain, aad), nil
}

// Open decrypts what Seal returned.
func (k Key) Open(sealed []byte, aad string) (string, error) {
	s, err := k.secrets()
	if err != nil {
		return "", err
	}
	return s.open(sealed, aad)
}
