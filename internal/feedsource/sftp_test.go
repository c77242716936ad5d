package feedsource

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

// sftpServer serves files of memory to shop, who has the password pw or the key.
// It returns its address and its own key.
func sftpServer(t *testing.T, user ssh.PublicKey, files map[string]string) (address string, host ssh.PublicKey) {
	t.Helper()
	key, _ := newKey(t)
	config := &ssh.ServerConfig{
		PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if c.User() == "shop" && string(password) == "pw" {
				return nil, nil
			}
			return nil, errors.New("no")
		},
		PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if c.User() == "shop" && string(k.Marshal()) == string(user.Marshal()) {
				return nil, nil
			}
			return nil, errors.New("no")
		},
	}
	config.AddHostKey(key)
	handlers := sftp.InMemHandler()
	for _, name := range slices.Sorted(maps.Keys(files)) { // a directory before what lies in it
		text := files[name]
		if dir := path.Dir(name); dir != "/" {
			if err := handlers.FileCmd.Filecmd(&sftp.Request{Method: "Mkdir", Filepath: dir}); err != nil && !errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			}
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		w, err := handlers.FilePut.Filewrite(&sftp.Request{Method: "Put", Filepath: name, Flags: 0x1a})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteAt([]byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveSFTP(conn, config, handlers) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String(), key.PublicKey()
}

func serveSFTP(raw net.Conn, config *ssh.ServerConfig, handlers sftp.Handlers) {
	defer raw.Close()
	_, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for n := range channels {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range reqs {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		s := sftp.NewRequestServer(ch, handlers)
		_ = s.Serve() // ends with the connection
		s.Close()
	}
}

func TestSFTP(t *testing.T) {
	t.Parallel()
	user, private := newKey(t)
	feed := strings.Repeat("0123456789", 300_000)
	address, host := sftpServer(t, user.PublicKey(), map[string]string{"/feed.tsv": feed})
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(hosts, []byte(knownhosts.Line([]string{knownhosts.Normalize(address)}, host)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var info Info
	for name, o := range map[string]Options{"password": {Password: "pw", KnownHosts: hosts}, "key": {Key: private, KnownHosts: hosts}} {
		text, i, err := read(t, "sftp://shop@"+address+"/feed.tsv", o)
		if err != nil || text != feed || i.Name != "sftp://"+address+"/feed.tsv" || i.LastModified == "" {
			t.Errorf("%s: %d bytes, %+v %v", name, len(text), i, err)
		}
		info = i
	}
	if _, _, err := read(t, "sftp://shop@"+address+"/feed.tsv", Options{Password: "pw", KnownHosts: hosts, LastModified: info.LastModified}); !errors.Is(err, ErrNotModified) {
		t.Errorf("the copy at hand: %v", err)
	}
}

// A directory on a server is one feed, in the order of names; what is no data is
// left out, and the limit is of all files together.
func TestSFTPDirectory(t *testing.T) {
	t.Parallel()
	user, _ := newKey(t)
	address, host := sftpServer(t, user.PublicKey(), map[string]string{"/feed/part-2.tsv": "two", "/feed/part-1.tsv": "one", "/feed/_SUCCESS": "no", "/feed/.x": "no",
		"/feed/part-3.tsv": "three", "/feed/deeper/": ""})
	hosts := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(hosts, []byte(knownhosts.Line([]string{knownhosts.Normalize(address)}, host)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := func(o Options) (got []string, info Info, err error) {
		o.Password, o.KnownHosts = "pw", hosts
		r, info, err := Open(t.Context(), "sftp://shop@"+address+"/feed", o)
		if err != nil {
			return nil, info, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		for d := r.(*directory); ; {
			name, err := d.Next()
			if errors.Is(err, io.EOF) {
				return got, info, nil
			}
			if err != nil {
				return got, info, err
			}
			text, err := io.ReadAll(d)
			if err != nil {
				return got, info, err
			}
			got = append(got, name+" "+string(text))
		}
	}
	got, info, err := all(Options{})
	if want := "part-1.tsv one, part-2.tsv two, part-3.tsv three"; err != nil || strings.Join(got, ", ") != want || info.ETag == "" || info.LastModified == "" {
		t.Errorf("%q, %+v, %v", got, info, err)
	}
	if _, _, err := all(Options{ETag: info.ETag}); !errors.Is(err, ErrNotModified) {
		t.Errorf("the copy at hand: %v", err)
	}
	if got, _, err := all(Options{MaxBytes: 8}); err == nil || !strings.Contains(err.Error(), "larger than 8 bytes") {
		t.Errorf("11 bytes of at most 8: %q, %v", got, err)
	}
}

func TestSFTPFailures(t *testing.T) {
	t.Parallel()
	user, _ := newKey(t)
	_, other := newKey(t)
	address, host := sftpServer(t, user.PublicKey(), map[string]string{"/feed.tsv": "0123456789", "/empty/": ""})
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hosts := file("known_hosts", knownhosts.Line([]string{knownhosts.Normalize(address)}, host)+"\n")
	wrong := file("wrong", knownhosts.Line([]string{knownhosts.Normalize(address)}, user.PublicKey())+"\n")
	empty := file("empty", "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tc := range []struct {
		location    string
		o           Options
		unreachable bool
		want        string
	}{
		{"shop@" + address + "/none", Options{Password: "pw", KnownHosts: hosts}, false, "no such file"},
		{"shop@" + address + "/empty", Options{Password: "pw", KnownHosts: hosts}, false, "no file in the directory"},
		{"shop@" + address + "/feed.tsv", Options{Password: "secret", KnownHosts: hosts}, false, "does not let shop in"},
		{"shop@" + address + "/feed.tsv", Options{Key: other, KnownHosts: hosts}, false, "does not let shop in"},
		{"shop@" + address + "/feed.tsv", Options{Key: "secret", KnownHosts: hosts}, false, "private key cannot be read"},
		{"shop@" + address + "/feed.tsv", Options{KnownHosts: hosts}, false, "neither a key nor a password"},
		{"shop@" + address + "/feed.tsv", Options{Password: "pw", KnownHosts: empty}, false, "is not in"},
		{"shop@" + address + "/feed.tsv", Options{Password: "pw", KnownHosts: wrong}, false, "is another than"},
		{"shop@" + address + "/feed.tsv", Options{Password: "pw", KnownHosts: filepath.Join(dir, "absent")}, false, "known hosts cannot be read"},
		{"shop@" + address + "/feed.tsv", Options{Password: "pw", KnownHosts: hosts, MaxBytes: 9}, false, "larger than 9 bytes"},
		{"shop:secret@" + address + "/feed.tsv", Options{KnownHosts: hosts}, false, "leave the password out"},
		{address + "/feed.tsv", Options{Password: "pw", KnownHosts: hosts}, false, "names no user"},
		{"shop@" + address, Options{Password: "pw", KnownHosts: hosts}, false, "not a valid URL"},
		{"shop@" + gone + "/feed.tsv", Options{Password: "pw", KnownHosts: hosts}, true, "refused"},
		{"shop@" + silent.Addr().String() + "/feed.tsv", Options{Password: "pw", KnownHosts: hosts, Timeout: 50 * time.Millisecond}, true, "deadline"},
	} {
		_, _, err := read(t, "sftp://"+tc.location, tc.o)
		if err == nil || errors.Is(err, ErrUnreachable) != tc.unreachable || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", tc.location, err, tc.want)
		}
	}
}
