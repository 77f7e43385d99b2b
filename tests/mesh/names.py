"""names.py - a DNS server for tests (RFC 1035): answers over UDP, and TCP what is too long for that, on loopback what a test
says, counts what it is asked, and can be silent or fail."""
import collections
import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
UDP_MAX = 512
SERVFAIL, NXDOMAIN = 2, 3


class Names:
    """names: {name: {"A": [addresses], "AAAA": [...], "ttl": seconds, "rcode": SERVFAIL, "silent": ("A",), "delay": s}};
    a name that is not there does not exist. Tests change it at will."""

    def __init__(self, names):
        self.names, self.asked = names, collections.Counter()       # (name, "A" or "AAAA")
        self.socket, self.listener = self._bound()
        self.address = "127.0.0.1:{}".format(self.socket.getsockname()[1])
        self.closing = False
        threading.Thread(target=self._run, daemon=True).start()
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _bound():
        """One number for UDP and TCP; a free one of the one may be taken of the other."""
        while True:
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.bind(("127.0.0.1", 0))
            try:
                return datagrams, socket.create_server(datagrams.getsockname())
            except OSError:
                datagrams.close()

    def close(self):
        self.closing = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())

    def _run(self):
        with self.socket:
            while not self.closing:
                query, client = self.socket.recvfrom(4096)
                if len(query) > 12:
                    self._answer(query, lambda reply, client=client: self.socket.sendto(self._cut(reply), client))

    @staticmethod
    def _cut(reply):
        """What does not fit says so, and is asked for over TCP (RFC 7766)."""
        return reply if len(reply) <= UDP_MAX else (
            reply[:2] + b"\x83" + reply[3:6] + bytes(6) + reply[12:reply.index(b"\xc0\x0c")])

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.settimeout(20)
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted):
        with accepted, accepted.makefile("rb") as reader:
            try:
                while length := reader.read(2):
                    self._answer(reader.read(struct.unpack(">H", length)[0]),
                                 lambda reply: accepted.sendall(struct.pack(">H", len(reply)) + reply))
            except OSError:
                pass

    def _answer(self, query, send):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        question, name = query[12:at + 5], ".".join(labels).lower()
        word = {A: "A", AAAA: "AAAA"}.get(kind, str(kind))
        entry = self.names.get(name)
        self.asked[name, word] += 1
        if entry and (word in entry.get("silent", ()) or "all" in entry.get("silent", ())):
            return
        rcode = NXDOMAIN if entry is None else entry.get("rcode", 0)
        found = entry.get(word, []) if entry and not rcode else []
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, entry.get("ttl", 60), len(raw)) + raw
                           for raw in (ipaddress.ip_address(address).packed for address in found))
        reply = query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(found), 0, 0) + question + records
        delay = (entry or {}).get("delay", {}).get(word, 0)
        if delay:
            threading.Timer(delay, self._send, (send, reply)).start()
        else:
            self._send(send, reply)

    @staticmethod
    def _send(send, reply):
        try:
            send(reply)
        except OSError:
            pass            # somebody has closed
