package rpm

import "github.com/fedora-respin/respin/internal/lanes"

// lockstep computes two SHA-256, and MD5 where it is asked for, over the same
// bytes, of which whole and md5 have seen some before: they stand at other places
// within their blocks. They stay some bytes ahead of payload, so that all are at
// the start of a block whenever they go on together.
type lockstep struct {
	payload, whole     *lanes.Digest
	md5                *lanes.MD5 // nil: not wanted
	leadWhole, leadMD5 int        // bytes that they are ahead of payload
	lead               int        // the larger of them
	ahead              bool       // they are
	rest               []byte     // seen by none, or its start by those ahead
}

// newLockstep begins with the payload; whole has seen offset bytes, md5 size.
func newLockstep(payload, whole *lanes.Digest, md5 *lanes.MD5, offset, size int64) *lockstep {
	const block = lanes.BlockSize
	lead := func(n int64) int { return int((block - n%block) % block) }
	l := &lockstep{payload: payload, whole: whole, md5: md5, leadWhole: lead(offset), rest: make([]byte, 0, 4*block)}
	if md5 != nil {
		l.leadMD5 = lead(size)
	}
	l.lead = max(l.leadWhole, l.leadMD5)
	return l
}

func (l *lockstep) write(p []byte) {
	const block = lanes.BlockSize
	if len(l.rest) > 0 {
		// As much of p as completes the blocks that rest has begun.
		blocks := (len(l.rest) + block - 1) / block
		n := min(blocks*block+l.lead-len(l.rest), len(p))
		from := len(l.rest)
		l.rest = append(l.rest, p[:n]...)
		done := l.together(l.rest)
		if done < from {
			l.rest = append(l.rest[:0], l.rest[done:]...)
			return
		}
		l.rest = l.rest[:0]
		p = p[done-from:]
	}
	done := l.together(p)
	l.rest = append(l.rest, p[done:]...)
}

// together feeds as many whole blocks as there are for all and returns how many
// bytes payload has taken.
func (l *lockstep) together(p []byte) int {
	const block = lanes.BlockSize
	if len(p) < l.lead {
		return 0
	}
	if !l.ahead {
		_, _ = l.whole.Write(p[:l.leadWhole])
		if l.md5 != nil {
			_, _ = l.md5.Write(p[:l.leadMD5])
		}
		l.ahead = true
	}
	n := (len(p) - l.lead) / block * block
	whole := p[l.leadWhole : l.leadWhole+n]
	if l.md5 == nil {
		lanes.Write(l.payload, l.whole, p[:n], whole)
	} else {
		lanes.Trio(l.payload, l.whole, l.md5, p[:n], whole, p[l.leadMD5:l.leadMD5+n])
	}
	return n
}

// end feeds what fills no block.
func (l *lockstep) end() {
	whole, sigMD5 := l.rest, l.rest
	if l.ahead {
		whole, sigMD5 = whole[l.leadWhole:], sigMD5[l.leadMD5:]
	}
	_, _ = l.payload.Write(l.rest)
	_, _ = l.whole.Write(whole)
	if l.md5 != nil {
		_, _ = l.md5.Write(sigMD5)
	}
	l.rest = nil
}
