"""origin.py - an origin that counts what it is asked and answers as its URL says. It runs in threads of the test's own
process, so a test reads its counters directly.

Paths:  /bytes/N       N bytes (bodies.py)
        /drip/N        the same in parts of 1,024 bytes, 100 ms apart
        /slow/N        the same at 100,000 bytes a second
Query:  seed=S text=1                       which bytes; text=1 compresses well
        status=404 cc=max-age=60 expires=V etag=V lm=V vary=V header=Name:Value    what the head says
        chunked=1 close=1                   the framing: chunked, or no framing but the connection's end
        part=B every_ms=T rate=B            the pace
        delay_ms=T                          before the head
        gate=NAME gate_at=B                 waits at byte B until the test calls open_gate(NAME)
        truncate=B reset=B                  closes, or resets, the connection after B bytes of the body
        hang=head | hang=B                  says no more, before the head or after B bytes of the body
HEAD, If-None-Match against etag, and one byte range are understood. Nothing but the URL chooses the body. A request's
body is read to its end before the answer, and the test is told its length and its CRC-32.
"""
import collections
import socket
import struct
import threading
import time
import urllib.parse
import zlib

import bodies

Request = collections.namedtuple("Request", "time method target headers connection body")
Body = collections.namedtuple("Body", "length crc")     # of a request


class Gone(Exception):
    """The connection is over: by order of the URL, or by the client."""


class Origin:
    def __init__(self, host="127.0.0.1", port=0, tls=None, name=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family, backlog=1024)
        self.host, self.port = self.listener.getsockname()[:2]
        self.tls = tls                  # an ssl.SSLContext
        at = name or (f"[{self.host}]" if family == socket.AF_INET6 else self.host)
        self.url = f"{'https' if tls else 'http'}://{at}:{self.port}"
        self.secured = []               # of each TLS connection: (version, resumed, name asked for)
        self.lock = threading.Condition()
        self.requests = []              # every request, in order of arrival
        self.counts = collections.Counter()     # by target
        self.body_bytes = collections.Counter() # handed over, by target
        self.connections = 0
        self.began = {}                 # target -> when the first byte of its last answer's body was handed over
        self.finished = {}              # and when the last one was
        self.gates = set()
        self.sockets = set()
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    # What tests read and do.

    @property
    def total(self):
        with self.lock:
            return len(self.requests)

    def count(self, target):
        with self.lock:
            return self.counts[target]

    def forget(self):
        with self.lock:
            self.requests.clear()
            self.counts.clear()
            self.body_bytes.clear()

    def open_gate(self, name):
        with self.lock:
            self.gates.add(name)
            self.lock.notify_all()

    def wait(self, condition, timeout, what):
        """Waits until condition() holds, looked at after each request and answer."""
        with self.lock:
            if not self.lock.wait_for(condition, timeout):
                raise AssertionError(f"not within {timeout} s at the origin: {what}")

    def close(self):
        with self.lock:
            self.closing = True
            for open_socket in self.sockets:
                try:
                    open_socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.lock.notify_all()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    # One thread a connection.

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.closing:
                    accepted.close()
                    return
                self.connections += 1
                self.sockets.add(accepted)
                number = self.connections
            threading.Thread(target=self._serve, args=(accepted, number), daemon=True).start()

    def _serve(self, connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            connection = self._secure(connection)
            if connection is None:
                return
        reader = connection.makefile("rb", 65536)
        try:
            while self._one(connection, reader, number):
                pass
            if self.tls:                # only who ends well says so
                connection.unwrap()
        except (Gone, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(connection)
            reader.close()
            connection.close()

    def _secure(self, connection):
        """The same connection behind its TLS handshake, or None."""
        with self.lock:
            self.sockets.discard(connection)
        try:
            connection = self.tls.wrap_socket(connection, server_side=True)
        except (OSError, ValueError):
            connection.close()
            return None
        with self.lock:
            self.sockets.add(connection)
            self.secured.append((connection.version(), connection.session_reused, getattr(self.tls, "asked", None)))
        return connection

    def _one(self, connection, reader, number):
        """Reads one request and answers it. False when the connection is to end."""
        line = reader.readline(65537).decode("latin-1")
        if not line:
            return False
        method, target, _ = line.rstrip("\r\n").split(" ")
        headers = {}
        while True:
            field = reader.readline(65537).decode("latin-1").rstrip("\r\n")
            if not field:
                break
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        body = read_body(connection, reader, headers)
        with self.lock:
            self.requests.append(Request(time.monotonic(), method, target, headers, number, body))
            self.counts[target] += 1
            self.lock.notify_all()
        keep = Reply(self, connection, method, target, headers).send()
        with self.lock:
            self.finished[target] = time.monotonic()
            self.lock.notify_all()
        return keep and headers.get("connection", "").lower() != "close"


def read_body(connection, reader, headers):
    """What a request brings; raises Gone when it ends early."""
    length, crc = 0, 0

    def read(count):
        nonlocal length, crc
        while count:
            data = reader.read(min(count, 1 << 18))
            if not data:
                raise Gone
            count -= len(data)
            length += len(data)
            crc = zlib.crc32(data, crc)

    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int(reader.readline(64).decode() or "x", 16):
            read(size)
            if reader.read(2) != b"\r\n":
                raise Gone
        if reader.readline(64) != b"\r\n":
            raise Gone
    else:
        read(int(headers.get("content-length", 0)))
    return Body(length, crc)


class Reply:
    """One answer, as its URL says."""

    def __init__(self, origin, connection, method, target, headers):
        self.origin, self.connection, self.method, self.headers = origin, connection, method, headers
        self.target = target
        path, _, query = target.partition("?")
        self.query = urllib.parse.parse_qs(query, keep_blank_values=True)
        kind, _, length = path.strip("/").partition("/")
        self.known = kind in ("bytes", "drip", "slow") and length.isdigit()
        self.length = int(length) if self.known else 0
        self.start, self.end = 0, self.length
        self.seed, self.text = self.say("seed", "0"), self.say("text") == "1"
        self.part = int(self.say("part", "1024" if kind == "drip" else "65536"))
        self.every = int(self.say("every_ms", "100" if kind == "drip" else "0")) / 1000
        self.rate = int(self.say("rate", "100000" if kind == "slow" else "0"))
        if self.rate and "part" not in self.query:
            self.part = max(1, min(self.part, self.rate // 50))
        self.began, self.at_start = 0.0, True

    def say(self, name, default=None):
        return self.query.get(name, [default])[0]

    def number(self, name):
        value = self.say(name)
        return int(value) if value is not None and value.isdigit() else None

    def send(self):
        if self.say("delay_ms"):
            time.sleep(int(self.say("delay_ms")) / 1000)
        if self.say("hang") == "head":
            self.hang()
        status, head = self.head()
        lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'As-Asked'}"] + [f"{n}: {v}" for n, v in head]
        self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if self.method != "HEAD" and status not in (204, 304):
            self.body()
        return self.say("close") != "1"

    def head(self):
        """The status and the head's fields; also settles which bytes the body has."""
        head = [("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())), ("Server", "test-origin")]
        for field, name in (("Cache-Control", "cc"), ("Expires", "expires"), ("ETag", "etag"), ("Last-Modified", "lm"),
                            ("Vary", "vary"), ("Age", "age"), ("Content-Type", "type")):
            if self.say(name) is not None:
                head.append((field, self.say(name)))
        for extra in self.query.get("header", []):
            name, _, value = extra.partition(":")
            head.append((name, value))
        if not self.known:
            return 404, head + [("Content-Length", "0")]
        status = int(self.say("status", "200"))
        etag = self.say("etag")
        if etag and etag in self.headers.get("if-none-match", ""):
            return 304, head
        asked = self.headers.get("range", "")
        if status == 200 and asked.startswith("bytes=") and self.headers.get("if-range", etag) == etag:
            first, _, last = asked[6:].partition("-")
            if first.isdigit() and int(first) < self.length:
                self.start = int(first)
                self.end = min(self.length, int(last) + 1) if last.isdigit() else self.length
                head.append(("Content-Range", f"bytes {self.start}-{self.end - 1}/{self.length}"))
                status = 206
        if self.say("chunked") == "1":
            head.append(("Transfer-Encoding", "chunked"))
        elif self.say("close") == "1":
            head.append(("Connection", "close"))
        elif status not in (204, 304):
            head.append(("Content-Length", str(self.end - self.start)))
        return status, head

    def body(self):
        self.began = time.monotonic()
        sent = 0
        stops = sorted({at for at in map(self.number, ("truncate", "reset", "hang", "gate_at")) if at is not None})
        self.stop(sent)
        for piece in bodies.pieces(self.end, self.seed, self.text, self.start):
            at = 0
            while at < len(piece):
                take = min(self.part, len(piece) - at)
                take = min([take] + [stop - sent for stop in stops if stop > sent])
                self.pace(sent)
                self.frame(piece[at:at + take])
                at += take
                sent += take
                self.stop(sent)
        if self.say("chunked") == "1":
            self.connection.sendall(b"0\r\n\r\n")

    def frame(self, data):
        if self.say("chunked") == "1":
            self.connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self.connection.sendall(data)
        with self.origin.lock:
            self.origin.body_bytes[self.target] += len(data)
            if self.at_start:
                self.origin.began[self.target] = time.monotonic()
                self.at_start = False

    def pace(self, sent):
        due = self.began + (sent / self.rate if self.rate else sent // self.part * self.every)
        if due > time.monotonic():
            time.sleep(due - time.monotonic())

    def stop(self, sent):
        """Does what the URL orders for this byte of the body."""
        if self.number("gate_at") == sent or (self.say("gate") and "gate_at" not in self.query and sent == 0):
            name = self.say("gate")
            with self.origin.lock:
                self.origin.lock.wait_for(lambda: name in self.origin.gates or self.origin.closing, 120)
        if self.number("hang") == sent:
            self.hang()
        if self.number("truncate") == sent:
            raise Gone
        if self.number("reset") == sent:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Gone

    def hang(self):
        """Says no more until the other side has had enough."""
        self.connection.settimeout(300)
        self.connection.recv(1)
        raise Gone
