package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"adsteward/internal/present"
)

// TestFullDisk fills the disk under a night and under an import: a clear line
// and exit code 3, and once there is room again, all of it works.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(size string, options string) error {
		return exec.Command("mount", "-t", "tmpfs", "-o", options+"size="+size, "tmpfs", dir).Run()
	}
	if os.Geteuid() != 0 || mount("40m", "") != nil {
		t.Skip("full disk not tested: it takes the right to mount a small file system")
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	w := newWorld(t, worldOptions{store: filepath.Join(dir, "adsteward.db")})
	w.must("status")
	info, err := os.Stat(filepath.Join(dir, "adsteward.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := mount(fmt.Sprintf("%dk", info.Size()>>10+200), "remount,"); err != nil { // a dozen pages more
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "--date", worldStart.String()}, {"run", "--date", worldStart.String(), "--json"}} {
		if r := w.run(args...); r.code != 3 {
			t.Errorf("%v on a full disk exits %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if err := mount("200m", "remount,"); err != nil {
		t.Fatal(err)
	}
	w.must("run", "--date", worldStart.String())
	for _, s := range decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs {
		if s.State != "done" {
			t.Errorf("stage %s is %s: %s", s.Stage, s.State, s.Error)
		}
	}
	if len(w.proposals("proposed")) == 0 {
		t.Error("nothing is proposed")
	}
	w.must("audit", "verify")

	// Nor may a file system that went read-only confuse anybody.
	if err := mount("200m", "remount,ro,"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "--date", worldStart.String(), "--stage", "pull"}, {"kill-switch", "on", "--reason", "x"}} {
		if r := w.run(args...); r.code != 3 {
			t.Errorf("%v on a read-only disk exits %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if err := mount("200m", "remount,rw,"); err != nil {
		t.Fatal(err)
	}
	w.must("run", "--date", worldStart.String(), "--stage", "pull")
}
