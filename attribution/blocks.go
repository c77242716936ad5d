package attribution

import (
	"bytes"
	"io"
)

const (
	blockSize = 256 << 10
	// maxRecord bounds what a quote that is left open can take up.
	maxRecord = 16 << 20
)

// blocks cuts CSV text into blocks of whole records.
type blocks struct {
	r    io.Reader
	free chan []byte // text that has been dealt with
	rest []byte      // begin of the next block
	line int         // its first line, from 1
	end  bool        // r has no more
}

// block is a run of whole records.
type block struct {
	text []byte
	line int  // of its first byte, from 1
	cut  bool // its last record is longer than maxRecord, and not whole
}

func newBlocks(r io.Reader, inFlight int) *blocks {
	return &blocks{r: r, free: make(chan []byte, inFlight), line: 1}
}

// next returns the next block, io.EOF after the last one, or r's error.
func (b *blocks) next() (block, error) {
	text := b.buffer()
	for {
		for !b.end && len(text) < cap(text) {
			n, err := b.r.Read(text[len(text):cap(text)])
			text = text[:len(text)+n]
			if b.end = err == io.EOF; err != nil && !b.end {
				return block{}, err
			}
		}
		end := len(text)
		if !b.end {
			end = lastRecord(text)
		}
		switch {
		case end > 0 || len(text) >= maxRecord:
			out := block{text: text[:end], line: b.line}
			if end == 0 {
				out = block{text: text, line: b.line, cut: true}
			}
			b.rest = append(b.rest[:0], text[end:]...)
			b.line += bytes.Count(out.text, []byte{'\n'})
			return out, nil
		case b.end:
			return block{}, io.EOF
		}
		text = append(make([]byte, 0, 2*cap(text)), text...)
	}
}

// buffer holds what was left over, with room for more.
func (b *blocks) buffer() []byte {
	var text []byte
	select {
	case text = <-b.free:
	default:
	}
	if cap(text) < max(blockSize, 2*len(b.rest)) {
		text = make([]byte, 0, max(blockSize, 2*len(b.rest)))
	}
	return append(text[:0], b.rest...)
}

// done takes a block's text back.
func (b *blocks) done(x block) {
	select {
	case b.free <- x.text:
	default:
	}
}

// lastRecord is where the last whole record of text ends, 0 where there is none:
// after a line break with an even number of quotes before it, since one inside a
// quoted cell has an odd number.
func lastRecord(text []byte) int {
	quotes := bytes.Count(text, []byte{'"'})
	for end := len(text); ; {
		n := bytes.LastIndexByte(text[:end], '\n')
		if n < 0 {
			return 0
		}
		if quotes -= bytes.Count(text[n:end], []byte{'"'}); quotes%2 == 0 {
			return n + 1
		}
		end = n
	}
}
