"""bodies.py - the bodies that the origin sends and the clients expect: a function of length, seed and kind,
made a page at a time, so that a gigabyte is never held. Each page begins with its own number, so that a page in
the wrong place is as wrong as a wrong byte."""
import functools
import random
import struct

PAGE = 65536
WORDS = ("hedge", "row", "edge", "mesh", "origin", "leaf", "owner", "ring", "zone", "peer", "flight", "lease", "viewer",
         "the", "of", "and", "to", "{", "}", "<div>", "</div>", "\n", "margin:", "0;", "function", "return", "=", ",")


@functools.lru_cache(maxsize=64)
def block(seed, text):
    """What every page of this seed is made from: noise, or words that compress well."""
    source = random.Random(f"hedgerow {seed}")
    if not text:
        return source.randbytes(PAGE)
    return " ".join(source.choices(WORDS, k=PAGE // 3)).encode()[:PAGE].ljust(PAGE)


@functools.lru_cache(maxsize=256)
def page(seed, number, text=False):
    mark = b"%08x" % number if text else struct.pack(">Q", number)
    return mark + block(seed, text)[8:]


def pieces(length, seed, text=False, start=0):
    """The bytes from start on, in pieces that end where pages do."""
    at = start
    while at < length:
        take = min(length, (at // PAGE + 1) * PAGE) - at
        yield page(seed, at // PAGE, text)[at % PAGE:at % PAGE + take]
        at += take


def body(length, seed, text=False):
    return b"".join(pieces(length, seed, text))


class Wrong(AssertionError):
    """A body differs from the one that the origin has."""


class Checker:
    """Takes a body as it arrives, in pieces of any size, and raises Wrong at the first wrong byte."""

    def __init__(self, length, seed, text=False, start=0):
        self.length, self.seed, self.text = length, seed, text
        self.at = start

    def feed(self, data):
        view, begin = memoryview(data), 0
        while begin < len(view):
            if self.at >= self.length:
                raise Wrong(f"{len(view) - begin} bytes beyond the end at {self.length}")
            offset = self.at % PAGE
            want = page(self.seed, self.at // PAGE, self.text)
            got = view[begin:begin + min(PAGE - offset, self.length - self.at)]
            if not want.startswith(got, offset):        # compares in place: much goes through here
                bad = next(i for i in range(len(got)) if got[i] != want[offset + i])
                raise Wrong(f"byte {self.at + bad} of {self.length} is {got[bad]:#04x}, not {want[offset + bad]:#04x}")
            self.at += len(got)
            begin += len(got)

    def end(self):
        if self.at != self.length:
            raise Wrong(f"the body ends at {self.at} of {self.length}")
