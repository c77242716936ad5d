package config

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Template is a commented configuration to start from.
//
//go:embed adsteward.yaml
var Template string

// Init writes the template, the policy and a fresh encryption key into dir and
// returns the files. It overwrites nothing: if one of them is there, none is
// written.
func Init(dir, policy string) ([]string, error) {
	files := []struct{ name, body string }{
		{"adsteward.yaml", Template},
		{"policy.yaml", policy},
		{"adsteward.key", NewKey()},
	}
	if err := os.MkdirAll(filepath.Join(dir, "shop"), 0o755); err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already; move it away or choose another directory", filepath.Join(dir, f.name))
		}
	}
	var written []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, []byte(f.body), 0o600); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// NewKey makes an encryption key as it stands in its file.
func NewKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return hex.EncodeToString(key) + "\n"
}
