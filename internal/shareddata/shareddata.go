// Package shareddata finds the public data sets that tests read and the repository does
// not hold. It is for tests only.
package shareddata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is the folder they are in: what ADSTEWARD_SHARED names, else the nearest folder
// shared with data in it, beside the repository or above; "" where there is none.
func Dir() string {
	if dir := os.Getenv("ADSTEWARD_SHARED"); dir != "" {
		return dir
	}
	for at, _ := os.Getwd(); at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "shared", "data")); err == nil {
			return filepath.Join(at, "shared")
		}
	}
	return ""
}

// Path is where a file or folder of the data is; the test is skipped where it is not.
func Path(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Dir(), "data", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no data/%s; set ADSTEWARD_SHARED to the folder that holds it", name)
	}
	return path
}

// Open opens a file of the data until the test ends; the test is skipped where there is
// none.
func Open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
