"""dig.py - asks DNS, byte by byte (RFC 1035, 6891): queries as they should be, or as nobody should write them, over UDP and
TCP, and answers taken apart."""
import collections
import ipaddress
import socket
import struct

A, NS, SOA, AAAA, HTTPS, AXFR, ANY = 1, 2, 6, 28, 65, 252, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
COOKIE, SUBNET = 10, 8

Record = collections.namedtuple("Record", "name kind ttl data")     # data: text where it is known, else bytes


class Answer:
    """One message: .id .rcode .aa .tc, .answers .authority .additional of Record, .options {code: bytes}."""

    def __init__(self, message):
        self.message = message
        self.id, flags, questions, *counts = struct.unpack(">6H", message[:12])
        self.rcode, self.aa, self.tc, self.is_answer = flags & 15, bool(flags >> 10 & 1), bool(flags >> 9 & 1), flags >> 15
        at = 12
        self.question = None
        for _ in range(questions):
            name, at = self._name(at)
            self.question = (name, struct.unpack(">H", message[at:at + 2])[0])
            at += 4
        self.options, sections = {}, []
        for count in counts:
            records = []
            for _ in range(count):
                record, at = self._record(at)
                if record:
                    records.append(record)
            sections.append(records)
        assert at == len(message), f"{len(message) - at} bytes behind the end"
        self.answers, self.authority, self.additional = sections

    def _name(self, at):
        labels, end = [], None
        while self.message[at]:
            if self.message[at] >= 0xc0:
                end = end or at + 2
                at = struct.unpack(">H", self.message[at:at + 2])[0] & 0x3fff
                continue
            labels.append(self.message[at + 1:at + 1 + self.message[at]].decode("latin-1"))
            at += self.message[at] + 1
        return ".".join(labels), end or at + 1

    def _record(self, at):
        name, at = self._name(at)
        kind, _, ttl, length = struct.unpack(">HHIH", self.message[at:at + 10])
        at += 10
        raw = self.message[at:at + length]
        if kind == 41:
            self._opt(ttl, raw)
            return None, at + length
        data = raw
        if kind in (A, AAAA):
            data = str(ipaddress.ip_address(raw))
        elif kind == NS:
            data = self._name(at)[0]
        elif kind == SOA:
            first, after = self._name(at)
            second, after = self._name(after)
            data = (first, second, *struct.unpack(">5I", self.message[after:after + 20]))
        return Record(name, kind, ttl, data), at + length

    def _opt(self, ttl, raw):
        self.rcode |= ttl >> 24 << 4
        while raw:
            code, length = struct.unpack(">HH", raw[:4])
            self.options[code] = raw[4:4 + length]
            raw = raw[4 + length:]

    def addresses(self):
        return [record.data for record in self.answers if record.kind in (A, AAAA)]


def query(name, kind=A, number=1, options=None, udp=1232, klass=1, flags=0):
    """The bytes of one; udp=None: without EDNS. options: [(code, bytes)]."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    packed = b"".join(struct.pack(">HH", code, len(data)) + data for code, data in options or ())
    opt = b"" if udp is None else b"\0" + struct.pack(">HHIH", 41, udp, 0, len(packed)) + packed
    return struct.pack(">6H", number, flags, 1, 0, 0, udp is not None) + labels + b"\0" + struct.pack(">HH", kind, klass) + opt


def subnet(network):
    """The option of RFC 7871 for such as 192.0.2.0/24."""
    net = ipaddress.ip_network(network)
    return SUBNET, struct.pack(">HBB", net.version == 4 or 2, net.prefixlen, 0) + net.network_address.packed[:(net.prefixlen + 7) // 8]


def udp(address, message, timeout=5.0, tries=3):
    """The answer, or None where there is none."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    for _ in range(tries):
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.settimeout(timeout)
            asked.connect(address)              # so that an answer from another address is none
            asked.send(message)
            try:
                return Answer(asked.recv(65536))
            except (TimeoutError, ConnectionError):
                pass
    return None


def framed(message):
    return struct.pack(">H", len(message)) + message


def read_one(reader):
    """One message of a connection (a file), or None at its end."""
    length = reader.read(2)
    return Answer(reader.read(struct.unpack(">H", length)[0])) if len(length) == 2 else None


def tcp(address, *messages, timeout=10.0):
    """The answers to all of them, asked at once on one connection."""
    with socket.create_connection(address, timeout) as connection, connection.makefile("rb") as reader:
        connection.sendall(b"".join(map(framed, messages)))
        return [read_one(reader) for _ in messages]


def ask(address, name, kind=A, **more):
    found = udp(address, query(name, kind, **more))
    assert found is not None, f"no answer to {name} {kind}"
    return found
