# Prints what rpm's Python binding says, one JSON value a line.
#
#   rpmdump.py headers TAG,TAG...   of each package named on standard input: its tags, or an error
#   rpmdump.py vercmp               of each line "a<TAB>b": labelCompare of two versions
#   rpmdump.py overlap              of each line "flags<TAB>evr<TAB>flags<TAB>evr": do these dependencies meet
#   rpmdump.py names                the table of tag names and numbers
import json
import os
import sys

import rpm


def plain(v):
    """Strings as latin1, byte for byte: they need not be UTF-8."""
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, str):
        v = v.encode("utf-8", "surrogateescape")
    if isinstance(v, (bytes, bytearray)):
        return bytes(v).decode("latin-1")
    return v


def headers(tags):
    log = open(os.devnull, "w")
    rpm.setLogFile(log)
    ts = rpm.TransactionSet()
    ts.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    for path in lines():
        fd = os.open(path, os.O_RDONLY)
        try:
            h = ts.hdrFromFdno(fd)
            yield {t: plain(h[t]) for t in tags.split(",")}
        except rpm.error as e:
            yield {"error": str(e)}
        finally:
            os.close(fd)
    rpm.setLogFile(sys.stderr)


def vercmp():
    for line in lines():
        a, b = line.split("\t")
        yield rpm.labelCompare(("0", a, "0"), ("0", b, "0"))


def overlap():
    for line in lines():
        fa, a, fb, b = line.split("\t")
        x = rpm.ds(("n", int(fa), a), rpm.RPMTAG_PROVIDENAME)
        y = rpm.ds(("n", int(fb), b), rpm.RPMTAG_REQUIRENAME)
        yield bool(x.Compare(y))


def names():
    yield {plain(name): number for number, name in rpm.tagnames.items()}


def lines():
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines()


for value in globals()[sys.argv[1]](*sys.argv[2:]):
    print(json.dumps(value))
