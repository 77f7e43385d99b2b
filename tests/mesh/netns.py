"""netns.py - nodes that each have a host of their own: Linux network namespaces joined by bridges, to cut and to heal.

    the test's namespace:  ctl  10.78.0.1/24, a bridge to every node: viewers, /status, the origin
                           left --cut-- right, two bridges without addresses: the backbone, 10.79.0.0/24

The test's own process moves into a namespace of its own, and each node's namespace is held by a process of the test. None
has a name in the system: the kernel removes them, and every link in them, with the last of the test's processes, however
those end. Needs root; where namespaces cannot be made the test is skipped with the reason.
"""
import ctypes
import os
import subprocess

from harness import Node, Skip, wait_until

CLONE_NEWNET = 0x40000000
HUB, HOSTS = "10.78.0.1", 10


def ip(*words, inside=None):
    """One `ip` command, in the namespace of a process or in the test's own."""
    command = ["ip", *words]
    if inside:
        command = ["nsenter", "-t", str(inside), "-n", *command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stdout.decode().strip()}")
    return done.stdout.decode()


class Housed(Node):
    """A node in the namespace that the process |holder| holds."""
    prefix = ()


class Net:
    """Call first in a test, before anything has a thread: threads and sockets made earlier stay outside."""

    def __init__(self, case):
        self.case, self.holders = case, []
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise Skip(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
        try:
            ip("link", "set", "lo", "up")
            for bridge in ("ctl", "left", "right"):
                ip("link", "add", bridge, "type", "bridge")
                ip("link", "set", bridge, "up")
            ip("addr", "add", f"{HUB}/24", "dev", "ctl")
            ip("link", "add", "cut", "type", "veth", "peer", "name", "cut-right")
            for end, bridge in (("cut", "left"), ("cut-right", "right")):
                ip("link", "set", end, "master", bridge)
                ip("link", "set", end, "up")
        except OSError as error:
            raise Skip(f"no bridges can be made: {error}") from None
        case.cleanups.append(self.close)

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()

    def cut(self):
        """Nothing passes between left and right, and nobody is told."""
        ip("link", "set", "cut", "down")

    def heal(self):
        ip("link", "set", "cut", "up")

    def _house(self, number, side):
        """A namespace with a link to ctl and one to |side|; returns the process that holds it."""
        holder = subprocess.Popen(["unshare", "-n", "sleep", "3600"], stdin=subprocess.DEVNULL)
        self.holders.append(holder)
        own = os.readlink("/proc/self/ns/net")

        def moved():
            with open(f"/proc/{holder.pid}/comm", encoding="ascii") as comm:
                return comm.read() == "sleep\n" and os.readlink(f"/proc/{holder.pid}/ns/net") != own
        wait_until(moved, "a namespace for the node", timeout=5)
        ip("link", "set", "lo", "up", inside=holder.pid)
        for what, bridge, network in (("c", "ctl", "10.78.0"), ("m", side, "10.79.0")):
            ip("link", "add", f"{what}{number}", "type", "veth", "peer", "name", f"{what}0", "netns", str(holder.pid))
            ip("link", "set", f"{what}{number}", "master", bridge)
            ip("link", "set", f"{what}{number}", "up")
            ip("addr", "add", f"{network}.{HOSTS + number}/24", "dev", f"{what}0", inside=holder.pid)
            ip("link", "set", f"{what}0", "up", inside=holder.pid)
        return holder

    def mesh(self, left, right, origin_url, timers=None):
        """A mesh of left + right nodes, in as many zones as there are sides, that all agree."""
        nodes = []
        for number in range(left + right):
            side = "left" if number < left else "right"
            holder = self._house(number, side)
            kind = type("Housed", (Housed,), {"prefix": ("nsenter", "-t", str(holder.pid), "-n", "--")})
            control, backbone = f"10.78.0.{HOSTS + number}", f"10.79.0.{HOSTS + number}"
            node = self.case.node(
                f"{side}-{number + 1}", origin_url, f"eu/{side}", seeds=[nodes[0].mesh] if nodes else [], timers=timers,
                flags=["--http", f"{control}:8080", "--admin", f"{control}:7401", "--mesh", f"{backbone}:7400"], kind=kind)
            node.side = side
            nodes.append(node)
        self.case.wait_agreed(nodes)
        return nodes
