package feeds

import "math/bits"

// hashSet remembers 32-bit values by 64-bit hashes, in 12 bytes a slot and up
// to a limit. It has many small tables, so that one growing table never needs
// much room at once. Two texts of one hash are taken for the same: among 3
// million, about one chance in 16,000 that any two are.
type hashSet struct {
	shards  [setShards]shard
	n       int
	limit   int
	waiting [][]waiting // what settle will put
	waits   int         // how many these are
}

// waiting is what is to be put.
type waiting struct {
	hash  uint64
	value uint32
	tag   uint16
}

const waitingSlots = 1 << 12

const setShards = 1 << 8

type shard struct {
	slots []slot
	n     int
}

// slot holds the hash, with the tag in its low 16 bits, beside its value: what
// is looked up lies in one place. A value of 0 is an empty slot.
type slot struct {
	low, high uint32
	value     uint32
}

func slotOf(hash uint64, tag uint16, value uint32) slot {
	return slot{uint32(hash)&^0xffff | uint32(tag), uint32(hash >> 32), value}
}

// put returns the tag and value that are there already, or puts these there.
// Past the limit nothing is put, and full is true. value must not be 0.
func (s *hashSet) put(hash uint64, tag uint16, value uint32) (oldTag uint16, old *uint32, full bool) {
	sh := &s.shards[hash&(setShards-1)]
	at, found := sh.find(hash)
	if found {
		return uint16(at.low), &at.value, false
	}
	if s.n >= s.limit {
		return 0, nil, true
	}
	if sh.n*8 >= len(sh.slots)*7 {
		sh.grow()
		at, _ = sh.find(hash)
	}
	*at = slotOf(hash, tag, value)
	sh.n++
	s.n++
	return 0, nil, false
}

// later is put without a look at what is there, which waits for settle.
func (s *hashSet) later(hash uint64, tag uint16, value uint32) {
	if s.n+s.waits >= s.limit {
		s.settle()
		if s.n >= s.limit {
			return
		}
	}
	if s.waits%waitingSlots == 0 {
		s.waiting = append(s.waiting, make([]waiting, waitingSlots))
	}
	s.waiting[len(s.waiting)-1][s.waits%waitingSlots] = waiting{hash, value, tag}
	s.waits++
}

// settle puts what waits.
func (s *hashSet) settle() {
	for i, some := range s.waiting {
		for _, w := range some[:min(waitingSlots, s.waits-i*waitingSlots)] {
			s.put(w.hash, w.tag, w.value)
		}
		s.waiting[i] = nil
	}
	s.waiting, s.waits = nil, 0
}

// get returns the value there is, or nil.
func (s *hashSet) get(hash uint64) *uint32 {
	if at, found := s.shards[hash&(setShards-1)].find(hash); found {
		return &at.value
	}
	return nil
}

// find returns the slot of the hash, or the empty one it would take.
func (sh *shard) find(hash uint64) (at *slot, found bool) {
	if len(sh.slots) == 0 {
		return nil, false
	}
	low, high := uint32(hash)>>16, uint32(hash>>32)
	for i := hash >> 20; ; i++ {
		at = &sh.slots[i&uint64(len(sh.slots)-1)]
		if at.value == 0 || at.high == high && at.low>>16 == low {
			return at, at.value != 0
		}
	}
}

func (sh *shard) grow() {
	old := sh.slots
	sh.slots = make([]slot, max(32, 2*len(old)))
	for _, o := range old {
		if o.value != 0 {
			at, _ := sh.find(uint64(o.high)<<32 | uint64(o.low))
			*at = o
		}
	}
}

// hashText folds a text into h eight bytes at a time by the 128-bit product of
// two words, its halves combined by xor (the mixing step of wyhash). It is the
// same on every machine, and no secret: who chooses the texts can make two meet.
func hashText[T string | []byte](h uint64, s T) uint64 {
	h = mix(h^0xa0761d6478bd642f, uint64(len(s))^0xe7037ed1a0b428db)
	if len(s) > 64 { // in three strands, which the processor follows at once
		second, third := h^0x2d358dccaa6c78a5, h^0x8bb84b93962eacc9
		for len(s) > 48 {
			h = mix(word(s)^0x8ebc6af09c88c6e3, word(s[8:])^h)
			second = mix(word(s[16:])^0x4b33a62ed433d4a3, word(s[24:])^second)
			third = mix(word(s[32:])^0x4d5a2da51de1aa47, word(s[40:])^third)
			s = s[48:]
		}
		h ^= second ^ third
	}
	for len(s) > 16 {
		h = mix(word(s)^0x8ebc6af09c88c6e3, word(s[8:])^h)
		s = s[16:]
	}
	var a, b uint64
	if len(s) >= 8 {
		a, b = word(s), word(s[len(s)-8:])
	} else {
		for i := range len(s) {
			a = a<<8 | uint64(s[i])
		}
	}
	return mix(a^0x589965cc75374cc3, b^h)
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// word is the first eight bytes of s as a number.
func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
