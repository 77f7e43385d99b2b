"""chunks.py - what an origin's body in chunks of one byte costs a node, beside the same body with a length (ROBUSTNESS S6):
CPU seconds of a real node for a MiB, medians of rounds that take turns. Usage: chunks.py [rounds]"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mesh"))
import bodies  # noqa: E402
import harness  # noqa: E402
from scripted import Scripted  # noqa: E402

TARGET = 20
BYTES = 1 << 20
EACH = 8        # bodies a round: a tick of the clock is 10 ms


def cpu_seconds(node):
    with open(f"/proc/{node.process.pid}/schedstat", encoding="ascii") as stat:
        own = int(stat.read().split()[0])
    for task in os.listdir(f"/proc/{node.process.pid}/task"):
        if int(task) != node.process.pid:
            with open(f"/proc/{node.process.pid}/task/{task}/schedstat", encoding="ascii") as stat:
                own += int(stat.read().split()[0])
    return own / 1e9


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    body = bodies.body(BYTES, "chunks")
    told = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
    ones = told + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    plain = told + b"Content-Length: %d\r\n\r\n" % BYTES + body
    with tempfile.TemporaryDirectory() as folder:
        case = harness.Case(folder, [os.path.join(harness.ROOT, os.environ.get("HEDGEROW_BUILD", ".build"))], True)
        origin = Scripted({"/ones": [ones], "/plain": [plain]})
        try:
            node = case.node("fra-1", origin.url)
            spent = {"/ones": [], "/plain": []}
            for _ in range(rounds):
                for path, seen in spent.items():
                    before = cpu_seconds(node)
                    for _ in range(EACH):
                        harness.equal(node.get(path).body == body, True, path)
                    seen.append((cpu_seconds(node) - before) / EACH / BYTES * 1e9)
        finally:
            origin.close()
            case.finish()
    ones_ns, plain_ns = (sorted(seen)[len(seen) // 2] for seen in spent.values())
    ratio = ones_ns / plain_ns
    print(f"row S6  a MiB in chunks of a byte costs {ratio:.1f} times one with a length ({ones_ns:.1f} and {plain_ns:.1f} ns a "
          f"byte); target <= {TARGET}: {'pass' if ratio <= TARGET else 'MISS'}")
    return ratio > TARGET


if __name__ == "__main__":
    sys.exit(main())
