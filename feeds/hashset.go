package feeds

import "math/bits"

// hashSet remembers 32-bit values by 64-bit hashes, in 12 bytes a slot and up
// to a limit. It has many small tables, so that one growing table never needs
// much room at once. Two texts of one hash are taken for the same: among 3
// million, about one chance in 60,000 that any two are.
type hashSet struct {
	shards [setShards]shard
	n      int
	limit  int
}

const setShards = 1 << 10

type shard struct {
	keys   []uint64 // the hash, with the tag in its low 16 bits
	values []uint32 // 0 is an empty slot
	n      int
}

// put returns the tag and value that are there already, or puts these there.
// Past the limit nothing is put, and full is true. value must not be 0.
func (s *hashSet) put(hash uint64, tag uint16, value uint32) (oldTag uint16, old *uint32, full bool) {
	sh := &s.shards[hash&(setShards-1)]
	i, found := sh.find(hash)
	if found {
		return uint16(sh.keys[i]), &sh.values[i], false
	}
	if s.n >= s.limit {
		return 0, nil, true
	}
	if sh.n*8 >= len(sh.keys)*7 {
		sh.grow()
		i, _ = sh.find(hash)
	}
	sh.keys[i], sh.values[i] = hash&^0xffff|uint64(tag), value
	sh.n++
	s.n++
	return 0, nil, false
}

// get returns the value there is, or nil.
func (s *hashSet) get(hash uint64) *uint32 {
	sh := &s.shards[hash&(setShards-1)]
	if i, found := sh.find(hash); found {
		return &sh.values[i]
	}
	return nil
}

// find returns the slot of the hash, or the empty one it would take.
func (sh *shard) find(hash uint64) (int, bool) {
	if len(sh.keys) == 0 {
		return 0, false
	}
	mask := len(sh.keys) - 1
	i := int(hash>>20) & mask
	for sh.values[i] != 0 {
		if sh.keys[i]>>16 == hash>>16 {
			return i, true
		}
		i = (i + 1) & mask
	}
	return i, false
}

func (sh *shard) grow() {
	old := *sh
	size := max(8, 2*len(old.keys))
	sh.keys, sh.values = make([]uint64, size), make([]uint32, size)
	for j, v := range old.values {
		if v != 0 {
			i, _ := sh.find(old.keys[j])
			sh.keys[i], sh.values[i] = old.keys[j], v
		}
	}
}

// hashText folds a text into h eight bytes at a time by the 128-bit product of
// two words, its halves combined by xor (the mixing step of wyhash). It is the
// same on every machine, and no secret: who chooses the texts can make two meet.
func hashText[T string | []byte](h uint64, s T) uint64 {
	h = mix(h^0xa0761d6478bd642f, uint64(len(s))^0xe7037ed1a0b428db)
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
