"""The fault relay as a process, between an echo server and a client: what it promises to the tests that lean on it."""
import json
import os
import select
import socket
import subprocess
import threading
import time

import harness
from harness import equal, needs, quick, wait_until


class Echo:
    """Sends back what comes, as a stream and as datagrams, on one port number."""

    def __init__(self, case):
        while True:
            self.tcp = socket.create_server(("127.0.0.1", 0))
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind(self.tcp.getsockname())
                break
            except OSError:
                self.tcp.close()
        self.address = self.tcp.getsockname()
        self.accepted = []
        self.ended = []         # what ended a connection: "end" or "reset"
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._datagrams, daemon=True).start()
        case.cleanups.append(self.close)

    def _accept(self):
        while True:
            try:
                accepted, _ = self.tcp.accept()
            except OSError:
                return
            self.accepted.append(accepted)
            threading.Thread(target=self._stream, args=(accepted,), daemon=True).start()

    def _stream(self, accepted):
        try:
            while True:
                data = accepted.recv(65536)
                if not data:
                    self.ended.append("end")
                    accepted.shutdown(socket.SHUT_WR)
                    return
                accepted.sendall(data)
        except ConnectionResetError:
            self.ended.append("reset")
        except OSError:
            pass

    def _datagrams(self):
        while True:
            try:
                data, source = self.udp.recvfrom(65536)
                self.udp.sendto(data, source)
            except OSError:
                return

    def close(self):
        self.tcp.close()
        self.udp.close()


def setup(case, flags=(), seed=1):
    echo = Echo(case)
    relay = harness.Relay(case, "relay", seed, flags)
    relay.tell("target {}:{}".format(*echo.address))
    return echo, relay


def dial(relay, timeout=10.0):
    return socket.create_connection(relay.address, timeout)


def exchange(stream, data):
    """Sends data and reads as much back."""
    sender = threading.Thread(target=stream.sendall, args=(data,), daemon=True)
    sender.start()
    back = bytearray()
    while len(back) < len(data):
        got = stream.recv(262144)
        assert got, f"the stream ended after {len(back)} of {len(data)} bytes"
        back += got
    sender.join(5)
    return bytes(back)


def datagram_socket(relay):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(relay.address)
    made.settimeout(2)
    return made


def numbered(made, count, wait=1.0, size=100):
    """Sends numbered datagrams, one a millisecond; returns the numbers that come back, in order of arrival."""
    back = []
    for i in range(count):
        made.send(b"%08d" % i + b"." * (size - 8))
        time.sleep(0.001)
        while select.select([made], [], [], 0)[0]:
            back.append(int(made.recv(65536)[:8]))
    while select.select([made], [], [], wait)[0]:
        back.append(int(made.recv(65536)[:8]))
    return back


@needs("relay")
def test_a_healthy_relay_changes_nothing(case):
    """A stream of 20 MB both ways byte for byte, datagrams in order, on one number for both; ends travel on."""
    echo, relay = setup(case)
    data = os.urandom(1 << 20) * 20
    with dial(relay) as stream:
        equal(exchange(stream, data) == data, True, "the stream is as sent")
        stream.shutdown(socket.SHUT_WR)
        equal(stream.recv(1), b"", "the end comes back")
    wait_until(lambda: echo.ended == ["end"], "the end travels on")
    equal(numbered(datagram_socket(relay), 100), list(range(100)), "datagrams")
    wait_until(lambda: relay.stats()["open"] == 0, "no connection is left")
    stats = relay.stats()
    equal((stats["bytes_up"], stats["bytes_down"], stats["datagrams_up"]), (len(data) + 10000, len(data) + 10000, 100),
          "what was counted")


@needs("relay")
def test_delay_and_rate_take_their_time(case):
    """A delay is there both ways; a rate holds over a megabyte."""
    _, relay = setup(case, flags=["--delay-ms", "50"])
    with dial(relay) as stream:
        began = time.monotonic()
        exchange(stream, b"x")
        took = time.monotonic() - began
        assert 0.1 <= took, took
        quick(took, 0.3, "there and back")
        relay.tell("delay 0")
        relay.tell("rate 8000")
        began = time.monotonic()
        exchange(stream, b"x" * 1000000)
        took = time.monotonic() - began
        assert 0.9 <= took, took
        quick(took, 2, "a megabyte")


@needs("relay")
def test_datagrams_are_lost_doubled_and_reordered(case):
    """Each as often as asked, and the same ones again from the same seed."""
    seen = []
    for _ in range(2):
        _, relay = setup(case, seed=5)
        relay.tell("loss 20")
        back = numbered(datagram_socket(relay), 500)
        # Lost on the way there or back: a share of 0.64 returns.
        assert 250 < len(back) < 390, len(back)
        equal(relay.stats()["lost"], 500 - len(back), "what was lost")
        seen.append(back)
    equal(seen[0] == seen[1], True, "the same seed loses the same datagrams")
    _, relay = setup(case, seed=6)
    relay.tell("duplicate 50")
    back = numbered(datagram_socket(relay), 200)
    equal(len(set(back)), 200, "numbers that came")
    assert len(back) > 300, len(back)
    relay.tell("heal")
    relay.tell("reorder 20")
    back = numbered(datagram_socket(relay), 200)
    equal(sorted(back), list(range(200)), "numbers that came")
    assert back != sorted(back), "nothing was reordered"


@needs("relay")
def test_loss_slows_a_stream_and_takes_nothing_from_it(case):
    """As TCP would have it: late, in order, whole."""
    _, relay = setup(case, seed=5)
    data = os.urandom(1 << 20)
    relay.tell("loss 5")
    with dial(relay) as stream:
        equal(exchange(stream, data) == data, True, "the stream is as sent")
    assert relay.stats()["stalled"] > 0


@needs("relay")
def test_bits_flip_as_many_as_asked(case):
    """In streams and datagrams, each flip counted and each found in what arrives."""
    _, relay = setup(case)
    data = bytes(4 << 20)
    relay.tell("flip 5000 1000")
    with dial(relay) as stream:
        back = exchange(stream, data)
    stats = relay.stats()
    equal((stats["flips"], stats["flips_left"]), (5000, 0), "flips")
    # A bit flipped on the way there may be flipped again on the way back.
    assert 4990 <= bin(int.from_bytes(back, "big")).count("1") <= 5000
    relay.tell("flip always 100000")
    made = datagram_socket(relay)
    made.send(bytes(1000))
    assert any(made.recv(2000)), "a datagram came back whole"
    relay.tell("heal")
    made.send(bytes(1000))
    equal(made.recv(2000), bytes(1000), "a datagram after healing")


@needs("relay")
def test_a_cut_holds_one_way_until_it_heals(case):
    """Streams stand still, keep every byte, and go on afterwards; datagrams are lost; new callers wait."""
    echo, relay = setup(case)
    with dial(relay) as stream:
        exchange(stream, b"before")
        relay.tell("cut up")
        stream.sendall(b"during")
        stream.settimeout(0.3)
        try:
            raise AssertionError(f"{stream.recv(10)} passed the cut")
        except TimeoutError:
            pass
        made = datagram_socket(relay)
        equal(numbered(made, 5, wait=0.3), [], "datagrams through the cut")
        with dial(relay) as late:
            late.sendall(b"hello")
            time.sleep(0.2)
            equal(len(echo.accepted), 1, "connections that passed the cut")
            relay.tell("heal")
            stream.settimeout(5)
            equal(stream.recv(10), b"during", "what waited")
            equal(late.recv(10), b"hello", "what a late caller said")
            equal(numbered(made, 5, wait=0.3), list(range(5)), "datagrams after healing")
            # The other way: what the target says is held back.
            relay.tell("cut down")
            stream.sendall(b"again")
            stream.settimeout(0.3)
            try:
                raise AssertionError(f"{stream.recv(10)} passed the cut")
            except TimeoutError:
                pass
            relay.tell("heal")
            stream.settimeout(5)
            equal(stream.recv(10), b"again", "what waited")


@needs("relay")
def test_half_open_tells_the_caller_nothing(case):
    """The target's end sees a reset; the caller's stays open and is swallowed, until healing resets it, too."""
    echo, relay = setup(case)
    with dial(relay) as stream:
        exchange(stream, b"before")
        relay.tell("half-open")
        wait_until(lambda: echo.ended == ["reset"], "the target's end sees a reset")
        stream.sendall(b"anybody there?")
        with dial(relay) as late:
            late.sendall(b"hello")
            for caller in (stream, late):
                caller.settimeout(0.3)
                try:
                    raise AssertionError(f"{caller.recv(10)} came from a dead end")
                except TimeoutError:
                    pass
            relay.tell("heal")
            for caller in (stream, late):
                caller.settimeout(5)
                try:
                    raise AssertionError(f"{caller.recv(10)} instead of a reset")
                except ConnectionResetError:
                    pass
    with dial(relay) as stream:
        equal(exchange(stream, b"after"), b"after", "a new connection")


@needs("relay")
def test_nobody_behind_the_relay_is_a_reset(case):
    """A target that refuses; and before there is a target, callers wait for one."""
    echo = Echo(case)
    relay = harness.Relay(case, "relay")
    with dial(relay) as early:
        early.sendall(b"early")
        early.settimeout(0.2)
        try:
            raise AssertionError(early.recv(10))
        except TimeoutError:
            pass
        relay.tell("target {}:{}".format(*echo.address))
        early.settimeout(5)
        equal(early.recv(10), b"early", "what an early caller said")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = closed.getsockname()
    relay.tell("target {}:{}".format(*nowhere))
    try:
        with dial(relay) as stream:
            equal(stream.recv(1), None, "instead of a reset")
    except ConnectionResetError:
        pass


@needs("relay")
def test_wrong_words_are_refused(case):
    """At the start with exit code 2, later with an answer that says so; a taken port with 1 and its address."""
    relay = harness.Relay(case, "relay")
    taken = "{}:{}".format(*relay.address)
    for code, words in ((2, ["--los", "5"]), (2, []), (2, ["--mesh", "nowhere"]), (2, ["--mesh"]), (1, ["--mesh", taken])):
        done = subprocess.run([case.binary("relay"), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=10,
                              check=False)
        equal(done.returncode, code, f"the exit code with {words}")
        assert code != 1 or taken.encode() in done.stderr, done.stderr
    for words in ("los 5", "loss 500", "target x", "target 127.0.0.1:1 7", ""):
        relay.process.stdin.write((words + "\n").encode())
        relay.process.stdin.flush()
        assert "error" in json.loads(relay.line()), words


@needs("relay")
def test_it_ends_with_its_input_and_on_sigterm(case):
    """Exit code 0 either way, with connections open."""
    _, relay = setup(case)
    with dial(relay) as stream:
        exchange(stream, b"x")
        relay.process.stdin.close()
        equal(relay.wait_exit(5), 0, "exit code when standard input ends")
    _, relay = setup(case)
    with dial(relay) as stream:
        exchange(stream, b"x")
        relay.process.terminate()
        equal(relay.wait_exit(5), 0, "exit code on SIGTERM")
