package feeds

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// A file that grows beyond bombSize and bombRatio when it is unpacked is no
// feed: feeds grow thirtyfold, and a hundredfold when they repeat themselves.
const (
	bombSize  = 1 << 30
	bombRatio = 400
	// maxUnpacked is more than any feed is, however little it repeats itself.
	maxUnpacked = 64 << 30
)

var errBomb = &NotAFeed{"the compressed file grows without end, as no feed does; it is not read"}

// inflate undoes gzip, and zip of one file, by what the bytes say: twice at most,
// for servers that compress what is compressed.
func inflate(r io.Reader) (*bufio.Reader, *archive, error) {
	br, was, err := unpack(r)
	if was != nil && !was.zip && err == nil {
		br, was, err = unpack(br)
	}
	return br, was, err
}

// archive is what a feed was packed in.
type archive struct {
	r   *bufio.Reader // of the packed bytes
	zip bool
}

// unpack returns the bytes as they are, with a nil archive, where they are not
// packed.
func unpack(r io.Reader) (*bufio.Reader, *archive, error) {
	packed := &counter{r: r}
	a := &archive{r: bufio.NewReaderSize(packed, 64<<10)}
	head, _ := a.r.Peek(4) // its errors come again on reading
	var z io.Reader
	var err error
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		if z, err = gzip.NewReader(a.r); err != nil {
			return nil, nil, &NotAFeed{"the gzip header is broken; is the file complete?"}
		}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		a.zip = true
		if z, err = unzip(a.r); err != nil {
			return nil, nil, err
		}
	default:
		return a.r, nil, nil
	}
	return bufio.NewReaderSize(&unpacked{r: z, packed: packed}, 64<<10), a, nil
}

// second is the name of the file behind the one that was read to its end, or "".
func (a *archive) second() string {
	if a == nil || !a.zip {
		return ""
	}
	head, _ := a.r.Peek(24 + zipHeader + 256)
	for _, n := range []int{0, 12, 16, 20, 24} { // sizes of what may stand between two files
		if len(head) < n+zipHeader || !bytes.HasPrefix(head[n:], []byte("PK\x03\x04")) {
			continue
		}
		nameLen := int(binary.LittleEndian.Uint16(head[n+26:]))
		name := head[n+zipHeader : min(len(head), n+zipHeader+nameLen)]
		if isJunk(name) {
			return ""
		}
		return string(name)
	}
	return ""
}

// zipHeader is the length of what stands before a file's name.
const zipHeader = 30

// isJunk tells folders and what a Mac adds.
func isJunk(name []byte) bool {
	return bytes.HasSuffix(name, []byte("/")) || bytes.Contains(name, []byte("__MACOSX")) || bytes.Contains(name, []byte(".DS_Store"))
}

// unzip finds the first file of an archive that is read as a stream: folders
// and what a Mac adds are passed over.
func unzip(br *bufio.Reader) (io.Reader, error) {
	for {
		head, err := br.Peek(zipHeader)
		if err != nil || !bytes.HasPrefix(head, []byte("PK\x03\x04")) {
			return nil, &NotAFeed{"the zip archive holds no file that can be read; compress the feed with gzip"}
		}
		flags, method, size := binary.LittleEndian.Uint16(head[6:]), binary.LittleEndian.Uint16(head[8:]), binary.LittleEndian.Uint32(head[18:])
		nameLen, extraLen := int(binary.LittleEndian.Uint16(head[26:])), int(binary.LittleEndian.Uint16(head[28:]))
		name, _ := br.Peek(zipHeader + nameLen)
		skip := isJunk(name)
		if flags&1 != 0 {
			return nil, &NotAFeed{"the zip archive is encrypted; compress the feed without a password"}
		}
		if _, err := br.Discard(zipHeader + nameLen + extraLen); err != nil {
			return nil, &NotAFeed{"the zip archive is cut short"}
		}
		known := flags&8 == 0 && size != 1<<32-1 // the size stands before the file
		switch {
		case skip && known:
			if _, err := io.CopyN(io.Discard, br, int64(size)); err != nil {
				return nil, &NotAFeed{"the zip archive is cut short"}
			}
		case skip:
			return nil, &NotAFeed{"the zip archive cannot be read as a stream; compress the feed with gzip"}
		case method == 8:
			return flate.NewReader(br), nil
		case method == 0 && known:
			return exactly(br, int64(size)), nil
		default:
			return nil, &NotAFeed{"the zip archive cannot be read; compress the feed with gzip"}
		}
	}
}

// exactly reads n bytes; fewer are io.ErrUnexpectedEOF.
func exactly(r io.Reader, n int64) io.Reader { return &exact{r: r, left: n} }

type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

type counter struct {
	r   io.Reader
	n   int64
	err error // of r, other than its end
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !isEnd(err) {
		c.err = err
	}
	return n, err
}

// unpacked makes the end of the feed of whatever stops decompression, so that
// what came before is checked, and an error of what grows without end. Errors
// of the packed bytes' reader stay what they are.
type unpacked struct {
	r      io.Reader
	packed *counter
	n      int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	if u.n > bombSize && u.n/bombRatio > u.packed.n || u.n > maxUnpacked {
		return 0, errBomb
	}
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if u.packed.err != nil {
		return n, u.packed.err
	}
	return n, io.ErrUnexpectedEOF
}
