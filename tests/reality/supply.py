"""supply.py - the origin as a process of its own: an answer begins so long after its request, and goes on at a rate, as the
simulator's origin has it. Told by one line of JSON on standard input; says its port, and at the end of standard input what it was
asked for."""
import asyncio
import json
import random
import re
import socket
import sys

import workload


class Supply:
    def __init__(self, told):
        self.settings, self.seed = told["settings"], told["seed"]
        self.bodies = {f"/k/{key}": workload.body(self.seed, key, size) for key, size in enumerate(told["sizes"], 1)}
        self.counts, self.bytes, self.connections, self.heads = {}, 0, 0, []

    async def connection(self, reader, writer):
        self.connections += 1
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                await self.answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, head, writer):
        loop, settings = asyncio.get_running_loop(), self.settings
        at = loop.time()
        path = head.split(" ", 2)[1]
        count = self.counts[path] = self.counts.get(path, 0) + 1
        self.heads.append(head) if len(self.heads) < 3 else None
        chance = random.Random(f"{self.seed} {path} {count}")
        at += (settings["origin-delay-ms"] + chance.uniform(0, settings["origin-jitter-ms"])) / 1000
        body, status = self.bodies.get(path), "200 OK"
        await asyncio.sleep(at - loop.time())
        if body is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        key = int(path[3:])
        fields = [f'ETag: "{key}-{len(body)}-0"', "Content-Type: application/octet-stream", "Cache-Control: public, max-age=86400",
                  f"Cache-Tag: t{key % 8}"]
        wanted = re.search(r"\r\nrange: *bytes=(\d+)-(\d*)\r\n", head, re.IGNORECASE)
        if wanted and int(wanted.group(1)) < len(body):
            first, last = int(wanted.group(1)), min(int(wanted.group(2) or len(body)), len(body) - 1)
            fields.append(f"Content-Range: bytes {first}-{last}/{len(body)}")
            body, status = body[first:last + 1], "206 Partial Content"
        chunked = workload.chunked(settings, self.seed, key) and status[:3] == "200"
        fields.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        writer.write(("\r\n".join([f"HTTP/1.1 {status}", *fields]) + "\r\n\r\n").encode())
        self.bytes += len(body)
        begin = 0
        while begin < len(body):
            piece = body[begin:begin + 1 + chance.randrange(workload.ORIGIN_PIECE)]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            begin += len(piece)
            at += len(piece) / settings["origin-rate"]
            await asyncio.sleep(at - loop.time())
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


async def main():
    supply = Supply(json.loads(sys.stdin.readline()))
    server = await asyncio.start_server(supply.connection, "0.0.0.0", 80)
    print(json.dumps({"ready": True}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    print(json.dumps({"fetches": sum(supply.counts.values()), "keys": len(supply.counts), "bytes": supply.bytes,
                      "most": max(supply.counts.values(), default=0), "connections": supply.connections, "heads": supply.heads}))


asyncio.run(main())
