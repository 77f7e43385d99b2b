"""far.py - hosts that are far from each other: network namespaces whose packets pass through this process, which delays them.

    host: a namespace with one TUN device, which has its address      (viewers, and a node each)
    far:  the test's own namespace, likewise, 198.18.255.1: the origin; no delay to it

    packet -> read from one host's device -> waits half a round trip -> written to the other one's

So what a kernel measures as the round-trip time of a connection is what the test says it is. Addresses are those that are
set aside for such tests (RFC 2544). Needs root and /dev/net/tun; where there is none the test is skipped with the reason.
"""
import ctypes
import fcntl
import heapq
import itertools
import os
import select
import socket
import struct
import subprocess
import threading
import time

from harness import Node, Skip, wait_until
from netns import CLONE_NEWNET, ip

HOME = "198.18.255.1"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)


def tun():
    """A new device "far0" in the namespace that this thread is in."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"far0", IFF_TUN | IFF_NO_PI))
    return fd


class Host:
    """A namespace with one address. What runs there stands behind |prefix|."""

    def __init__(self, address, holder, fd):
        self.address, self.holder, self.fd = address, holder, fd
        self.prefix = ("nsenter", "-t", str(holder.pid), "-n", "-m", "--")

    def run(self, *words, timeout=20.0):
        return subprocess.run([*self.prefix, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False).stdout.decode()


class Far:
    """Call first in a test, before anything has a thread: threads and sockets made earlier stay outside."""

    def __init__(self, case):
        self.case, self.hosts, self.places, self.rtt_ms = case, [], {}, {}
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        if not os.path.exists("/dev/net/tun"):
            raise Skip("there is no /dev/net/tun")
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise Skip(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            ip("link", "set", "lo", "up")
            self.fds = {HOME: tun()}
        except OSError as error:
            raise Skip(f"no TUN device can be made: {error}") from None
        self._address(HOME, None)
        self.stopped, (self.wake, self.waker) = False, os.pipe()
        self.thread = threading.Thread(target=self._carry, daemon=True)
        case.cleanups.append(self.close)

    @staticmethod
    def _address(address, inside):
        ip("addr", "add", f"{address}/32", "dev", "far0", inside=inside)
        ip("link", "set", "far0", "up", inside=inside)
        ip("route", "add", "default", "dev", "far0", "src", address, inside=inside)

    def host(self, address, place):
        """A new host at |place|, one of those that `rtt` knows."""
        holder = subprocess.Popen(["unshare", "-n", "-m", "sleep", "3600"], stdin=subprocess.DEVNULL)
        own = os.readlink("/proc/self/ns/net")

        def moved():
            with open(f"/proc/{holder.pid}/comm", encoding="ascii") as comm:
                return comm.read() == "sleep\n" and os.readlink(f"/proc/{holder.pid}/ns/net") != own
        try:
            wait_until(moved, "a namespace for the host", timeout=5)
            there = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if LIBC.setns(there, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                self.fds[address] = tun()
            finally:
                LIBC.setns(self.own, CLONE_NEWNET)
                os.close(there)
            ip("link", "set", "lo", "up", inside=holder.pid)
            self._address(address, holder.pid)
        except BaseException:
            holder.kill()
            holder.wait()
            raise
        self.places[address] = place
        self.hosts.append(Host(address, holder, self.fds[address]))
        return self.hosts[-1]

    def rtt(self, one, other, ms):
        """The round-trip time between two places, or within one."""
        self.rtt_ms[one, other] = self.rtt_ms[other, one] = ms

    def begin(self):
        """All hosts are there: packets pass from now on."""
        self.thread.start()

    def delay(self, source, destination):
        one, other = self.places.get(source), self.places.get(destination)
        return 0.0 if one is None or other is None else self.rtt_ms[one, other] / 2000

    def _carry(self):
        poll, waiting, count = select.poll(), [], itertools.count()
        for fd in (self.wake, *self.fds.values()):
            poll.register(fd, select.POLLIN)
        while not self.stopped:
            left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
            for fd, _ in poll.poll(left * 1000):
                if fd == self.wake:
                    continue
                for packet in self._packets(fd):
                    source, destination = (socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16))
                    if destination in self.fds:
                        at = time.monotonic() + self.delay(source, destination)
                        heapq.heappush(waiting, (at, next(count), destination, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, destination, packet = heapq.heappop(waiting)
                try:
                    os.write(self.fds[destination], packet)
                except OSError:
                    pass            # its queue is full, or the host is gone: lost, as packets are

    @staticmethod
    def _packets(fd):
        """What waits at a device, IPv4 alone."""
        for _ in range(64):
            try:
                packet = os.read(fd, 65536)
            except OSError:
                return
            if len(packet) >= 20 and packet[0] >> 4 == 4:
                yield packet

    def close(self):
        self.stopped = True
        os.write(self.waker, b"x")
        if self.thread.ident:
            self.thread.join()
        for host in self.hosts:
            host.holder.kill()
            host.holder.wait()
        for fd in (*self.fds.values(), self.own, self.wake, self.waker):
            os.close(fd)

    def node(self, host, name, zone, config, seeds=(), flags=()):
        """A node on a host of its own, with its usual ports, that serves what |config| says. Not yet ready."""
        kind = type("Housed", (Node,), {"prefix": host.prefix})
        words = ["-c", config, "--node-file", self.case.admit(name, zone), "--http", f"{host.address}:80",
                 "--admin", f"{host.address}:7401", "--mesh", f"{host.address}:7400"]
        for seed in seeds:
            words += ["--seed", seed]
        return kind(self.case, name, [*words, *flags])
