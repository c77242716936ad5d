package feeds

import (
	"bytes"
	"io"
)

// readFull reads until buf is full or r ends, and returns r's error as it is.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil && idle < 100; {
		var m int
		m, err = r.Read(buf[n:])
		n += m
		if idle++; m > 0 {
			idle = 0
		}
	}
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// readMore appends so many bytes of r to buf, with r's error as it is.
func readMore(r io.Reader, buf []byte, size int) ([]byte, error) {
	n := len(buf)
	if cap(buf)-n < size {
		buf = append(make([]byte, 0, max(2*n, n+size)+blockSize/4), buf...)
	}
	got, err := readFull(r, buf[n:n+size])
	return buf[:n+got], err
}

// longLine watches for a line longer than Meta takes. It looks at where blocks
// of the feed have their first and last line ends, which is enough for lines
// that are longer than a block.
type longLine struct {
	since int // bytes since the last line end
	told  bool
}

// see takes the next bytes of the feed, and is true once, where the line gets
// too long.
func (l *longLine) see(data []byte) bool {
	if first := bytes.IndexByte(data, '\n'); first >= 0 {
		l.since += first
	} else {
		l.since += len(data)
	}
	long := l.since > maxLine
	if last := bytes.LastIndexByte(data, '\n'); last >= 0 {
		l.since = len(data) - last - 1
	}
	if !long || l.told {
		return false
	}
	l.told = true
	return true
}

// maxLine is the longest line Meta takes.
const maxLine = 5_242_880

// maxItem is the longest item that is read.
const maxItem = 4 << 20
