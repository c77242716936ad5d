package feedsource

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// fetchSFTP opens sftp://user@host:port/path, a file or a directory of files. The
// path is the server's, from its root. The server's key has to be in the known_hosts file.
func fetchSFTP(ctx context.Context, location string, o Options) (io.ReadCloser, Info, error) {
	u, err := url.Parse(location)
	if err != nil || u.Hostname() == "" || u.Path == "" {
		return nil, Info{}, errors.New("the feed's address is not a valid URL; write sftp://user@host/path")
	}
	info := Info{Name: u.Scheme + "://" + u.Host + u.Path}
	fail := func(err error) (io.ReadCloser, Info, error) {
		if errors.Is(err, ErrNotModified) {
			return nil, info, err
		}
		return nil, info, fmt.Errorf("%s: %w", info.Name, err)
	}
	if _, has := u.User.Password(); has {
		return fail(errors.New("leave the password out of the address, and name the environment variable that holds it"))
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	s, err := dialSFTP(ctx, u, o)
	if err != nil {
		cancel()
		return fail(err)
	}
	s.cancel = cancel
	stat, err := s.stat(u.Path)
	if err == nil && stat.IsDir() {
		d, err := s.directory(u.Path, &info, o)
		if err != nil {
			return fail(errors.Join(err, s.Close()))
		}
		return d, info, nil
	}
	if err == nil {
		info.LastModified, err = s.open(u.Path, stat, o)
	}
	if err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	return limited(s, info.Name, o.MaxBytes), info, nil
}

// session is a file on a server, with all that stands between.
type session struct {
	io.Reader
	file   *sftp.File
	client *sftp.Client
	conn   *ssh.Client
	stop   func() bool // the watch on the context
	cancel context.CancelFunc
}

func dialSFTP(ctx context.Context, u *url.URL, o Options) (*session, error) {
	port := u.Port()
	if port == "" {
		port = "22"
	}
	address := net.JoinHostPort(u.Hostname(), port)
	config, err := sshConfig(u, address, o)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 30 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() }) // its error says nothing new
	conn, channels, requests, err := ssh.NewClientConn(raw, address, config)
	if err != nil {
		stop()
		raw.Close()
		return nil, handshakeError(ctx, err, u, o)
	}
	s := &session{conn: ssh.NewClient(conn, channels, requests), stop: stop}
	if s.client, err = sftp.NewClient(s.conn); err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("the server has no SFTP: %w", err), s.conn.Close())
	}
	return s, nil
}

func sshConfig(u *url.URL, address string, o Options) (*ssh.ClientConfig, error) {
	if u.User.Username() == "" {
		return nil, errors.New("the address names no user; write sftp://user@host/path")
	}
	c := &ssh.ClientConfig{User: u.User.Username(), Timeout: 30 * time.Second}
	if o.Key != "" {
		key, err := ssh.ParsePrivateKey([]byte(o.Key))
		if err != nil {
			return nil, errors.New("the private key cannot be read; it has to be in PEM, without a passphrase")
		}
		c.Auth = append(c.Auth, ssh.PublicKeys(key))
	}
	if o.Password != "" {
		c.Auth = append(c.Auth, ssh.Password(o.Password))
	}
	if len(c.Auth) == 0 {
		return nil, errors.New("there is neither a key nor a password for the server; name the environment variable that holds it")
	}
	known, err := knownhosts.New(o.knownHosts())
	if err != nil {
		return nil, fmt.Errorf("the known hosts cannot be read: %w", err)
	}
	c.HostKeyCallback, c.HostKeyAlgorithms = known, keyTypes(known, address)
	return c, nil
}

func (o *Options) knownHosts() string {
	if o.KnownHosts != "" {
		return o.KnownHosts
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "known_hosts"
	}
	return filepath.Join(home, ".ssh", "known_hosts")
}

// keyTypes are the kinds of key that are known of a host: asked for another kind,
// a server would show one that is not.
func keyTypes(known ssh.HostKeyCallback, address string) (types []string) {
	var ke *knownhosts.KeyError
	if !errors.As(known(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{}), &ke) {
		return nil
	}
	for _, k := range ke.Want {
		if k.Key.Type() == ssh.KeyAlgoRSA {
			types = append(types, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		types = append(types, k.Key.Type())
	}
	return types
}

// noKey is a key no host has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// handshakeError says what to do about a connection that came about no further.
func handshakeError(ctx context.Context, err error, u *url.URL, o Options) error {
	var ke *knownhosts.KeyError
	var auth *ssh.ServerAuthError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	case errors.As(err, &ke) && len(ke.Want) > 0:
		return fmt.Errorf("the server's key is another than %s says; find out why before you change the file", o.knownHosts())
	case errors.As(err, &ke):
		return fmt.Errorf("the server's key is not in %s; ask its owner for the key and add it", o.knownHosts())
	case errors.As(err, &auth) || isAuth(err):
		return fmt.Errorf("the server does not let %s in; check the key or password", u.User.Username())
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// isAuth tells the client's own error of having no further way to log in, which
// has no type.
func isAuth(err error) bool {
	const prefix = "ssh: handshake failed: ssh: unable to authenticate"
	return len(err.Error()) >= len(prefix) && err.Error()[:len(prefix)] == prefix
}

// stat says what there is at a path.
func (s *session) stat(path string) (fs.FileInfo, error) {
	stat, err := s.client.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file on the server")
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.New("the server does not let the file be read")
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return stat, nil
}

// open opens the file, and returns when it was changed.
func (s *session) open(path string, stat fs.FileInfo, o Options) (modified string, err error) {
	if stat.Size() > o.MaxBytes {
		return "", tooLarge(o.MaxBytes)
	}
	modified = stat.ModTime().UTC().Format(http.TimeFormat)
	if o.LastModified != "" && o.LastModified == modified {
		return modified, ErrNotModified
	}
	if s.file, err = s.client.Open(path); err != nil {
		return "", err
	}
	s.Reader = bufio.NewReaderSize(s.file, sftpBuffer)
	return modified, nil
}

// sftpBuffer makes large reads, which are split into many requests at once.
const sftpBuffer = 1 << 20

// directory opens a directory of files on the server.
func (s *session) directory(dir string, info *Info, o Options) (*directory, error) {
	entries, err := s.client.ReadDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil, errors.New("the server does not let the directory be read")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	files, err := shardsOf(entries, func(name string) (fs.FileInfo, error) { return s.stat(path.Join(dir, name)) })
	if err != nil {
		return nil, err
	}
	info.ETag, info.LastModified = files.print, files.modified()
	if o.ETag != "" && o.ETag == info.ETag {
		return nil, ErrNotModified
	}
	return &directory{body: limited(nothing{}, info.Name, o.MaxBytes), shards: files, end: s, open: func(name string) (io.ReadCloser, error) {
		f, err := s.client.Open(path.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", strings.TrimRight(info.Name, "/"), name, err)
		}
		return &buffered{bufio.NewReaderSize(f, sftpBuffer), f}, nil
	}}, nil
}

// buffered is a file that is read through a buffer.
type buffered struct {
	io.Reader
	io.Closer
}

// Close closes what was opened, the connection last. What a connection that is
// cut off says about it is no news.
func (s *session) Close() error {
	defer s.cancel()
	if s.file != nil {
		s.file.Close()
	}
	s.client.Close()
	s.conn.Close()
	s.stop()
	return nil
}
