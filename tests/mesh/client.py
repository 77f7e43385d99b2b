"""client.py - a strict HTTP/1.1 client for tests: every byte of an answer is accounted for, nothing is retried, and a
body that ends early is an error. ResponseParser takes bytes from wherever they come; Connection is a blocking
socket around it."""
import json
import socket


class Broken(Exception):
    """The answer is not HTTP/1.1 as RFC 9112 has it, or ended before its end."""


class Answer:
    def __init__(self, status, headers):
        self.status, self.headers = status, headers     # headers: (name, value) pairs as received
        self.body = b""

    def get(self, name, default=None):
        """All values of a field joined with commas (RFC 9110 section 5.2)."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else default

    def json(self):
        return json.loads(self.body)

    def result(self):
        """The word of X-Cache: Hit, PeerHit, Miss, Error…"""
        return (self.get("X-Cache") or "").split(" ")[0]

    def hops(self):
        """Cache-Status (RFC 9211) as (name, {parameter: value}) pairs, the one nearest to the origin first."""
        found = []
        for member in (self.get("Cache-Status") or "").split(","):
            parts = [part.strip() for part in member.split(";")]
            if parts[0]:
                found.append((parts[0].strip('"'), dict((p.split("=", 1) + [True])[:2] for p in parts[1:])))
        return found


class ResponseParser:
    """Feeds on the bytes of one answer. on_body(data) gets the body as it comes, each piece lent for the call only; done
    turns true at its end."""

    def __init__(self, method="GET", on_body=None):
        self.method, self.on_body = method, on_body
        self.answer, self.done, self.until_close = None, False, False
        self.body_bytes = 0
        self.rest = bytearray()         # not yet understood: a part of the head or of a chunk line
        self.left = 0                   # of the body, or of the current chunk
        self.step = self._head

    def feed(self, data):
        """Returns what follows the answer's end (pipelining), b"" before."""
        if self.step == self._length_body and not self.rest and not self.done:
            # The way of all but the first bytes of a long body: nothing is gathered.
            mine, after = data[:self.left], data[self.left:]        # no copies of a memoryview
            self._take(mine)
            self.done = self.left == 0
            return bytes(after)
        self.rest += data
        while not self.done and self.step():
            pass
        if not self.done:
            return b""
        after, self.rest = bytes(self.rest), bytearray()
        return after

    def closed(self):
        """The connection ended: the answer must have, too."""
        if self.until_close and not self.done:
            self.done = True
        if not self.done:
            where = f"{self.body_bytes} bytes into the body" if self.answer else "before the head's end"
            raise Broken(f"the connection closed {where}")

    def _line(self, limit=65536):
        end = self.rest.find(b"\r\n")
        if end < 0:
            if len(self.rest) > limit:
                raise Broken("a line without end")
            return None
        line = bytes(self.rest[:end])
        del self.rest[:end + 2]
        return line

    def _head(self):
        end = self.rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self.rest) > 1 << 18:
                raise Broken("a head without end")
            return False
        lines = bytes(self.rest[:end]).decode("latin-1").split("\r\n")
        del self.rest[:end + 4]
        version, _, status = lines[0].partition(" ")
        if version != "HTTP/1.1" or not status[:3].isdigit() or "\n" in status:
            raise Broken(f"status line {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
                raise Broken(f"header line {line!r}")
            headers.append((name, value.strip(" \t")))
        status = int(status[:3])
        if 100 <= status < 200 and status != 101:
            return True                 # an interim answer: the real one follows
        self.answer = Answer(status, headers)
        self._choose_body()
        return True

    def _choose_body(self):
        answer = self.answer
        lengths = {value for name, value in answer.headers if name.lower() == "content-length"}
        coding = answer.get("Transfer-Encoding")
        if len(lengths) > 1 or (lengths and coding):
            raise Broken("two framings in one answer")
        if self.method == "HEAD" or answer.status in (204, 304):
            self.done = True
        elif coding is not None:
            if coding.lower() != "chunked":
                raise Broken(f"Transfer-Encoding {coding!r}")
            self.step = self._chunk_size
        elif lengths:
            self.left = int(lengths.pop())
            self.done = self.left == 0
            self.step = self._length_body
        else:
            self.until_close = True
            self.left = 1 << 62
            self.step = self._length_body

    def _give(self, count):
        data = bytes(self.rest[:count])
        del self.rest[:count]
        self._take(data)

    def _take(self, data):
        self.body_bytes += len(data)
        self.left -= len(data)
        if self.on_body:
            self.on_body(data)
        else:
            self.answer.body += data

    def _length_body(self):
        self._give(min(self.left, len(self.rest)))
        self.done = self.left == 0
        return False

    def _chunk_size(self):
        line = self._line(256)
        if line is None:
            return False
        size = line.split(b";")[0]
        if not size or size.strip(b"0123456789abcdefABCDEF") or len(size) > 16:
            raise Broken(f"chunk size {line!r}")
        self.left = int(size, 16)
        self.step = self._chunk_data if self.left else self._trailer
        return True

    def _chunk_data(self):
        if self.left:
            if not self.rest:
                return False
            self._give(min(self.left, len(self.rest)))
            return True
        if len(self.rest) < 2:
            return False
        if self.rest[:2] != b"\r\n":
            raise Broken("a chunk without its end")
        del self.rest[:2]
        self.step = self._chunk_size
        return True

    def _trailer(self):
        line = self._line()
        if line is None:
            return False
        self.done = line == b""
        return True


def request_bytes(address, target, method="GET", headers=()):
    head = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        head.append(f"Host: {address[0]}:{address[1]}")
    head += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


class Connection:
    """One keep-alive connection; a request at a time."""

    def __init__(self, address, timeout=30.0, segment=0):
        self.address = address
        self.socket = socket.socket() if segment else socket.create_connection(address, timeout)
        if segment:     # at most: with small ones the other side's kernel takes less at once, as over a network
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.after = b""
        self.room = memoryview(bytearray(262144))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, target, method="GET", headers=(), on_body=None):
        self.send(request_bytes(self.address, target, method, headers))
        return self.read(method, on_body)

    def read(self, method="GET", on_body=None):
        parser = ResponseParser(method, on_body)
        if self.after:
            self.after = parser.feed(self.after)
        while not parser.done:
            count = self.socket.recv_into(self.room)
            if count:
                self.after = parser.feed(self.room[:count])
            else:
                parser.closed()
        return parser.answer

    def at_end(self, timeout=5.0):
        """Whether the other side closes, with nothing more sent."""
        self.socket.settimeout(timeout)
        try:
            return not self.after and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def fetch(address, target, method="GET", headers=(), timeout=30.0, on_body=None):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        return connection.request(target, method, headers, on_body)


def address_of(text):
    """("127.0.0.1", 8080) of "127.0.0.1:8080"."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
