"""viewers.py - viewers as a process of its own: each request goes out at its time, on a connection that is there already, and its
answer is compared with what the origin has, byte for byte. Told by one line of JSON on standard input:

    {"seed", "sizes", "addresses": {node: "IP"}, "start": monotonic seconds, "requests": [[seconds, uri, bytes, node]]}

and says {"ready"}, and at the end one line a request: [result, status, first byte, last byte, lateness], times in seconds."""
import asyncio
import gc
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mesh"))
import client  # noqa: E402
import workload  # noqa: E402

AHEAD = 1.0     # a request's connection is chosen, or opened, so much before it is sent
PATIENCE = 30.0


class Viewer(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self):
        self.parser = self.done = None
        self.closed = False

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _):
        self.closed = True
        if self.done and not self.done.done():
            self.done.set_exception(client.Broken("the connection closed"))

    def ask(self, address, uri):
        self.body, self.first = [], None
        self.parser = client.ResponseParser("GET", self.body.append)
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(client.request_bytes((address, 80), uri))

    def data_received(self, data):
        now = time.monotonic()
        if self.parser is None:
            return
        if self.first is None:
            self.first = now
        self.parser.feed(data)
        if self.parser.done and not self.done.done():
            self.done.set_result(now)


class Crowd:
    def __init__(self, told):
        self.told, self.idle, self.opened = told, {node: [] for node in told["addresses"]}, 0
        self.bodies = {f"/k/{key}": workload.body(told["seed"], key, size) for key, size in enumerate(told["sizes"], 1)}

    async def connection(self, node):
        idle = self.idle[node]
        while idle:
            one = idle.pop()
            if not one.closed:
                return one
        self.opened += 1
        _, one = await asyncio.get_running_loop().create_connection(Viewer, self.told["addresses"][node], 80)
        return one

    async def visit(self, at, uri, _, node):
        address, node = self.told["addresses"][str(node)], str(node)
        at += self.told["start"]
        await asyncio.sleep(at - AHEAD - time.monotonic())
        one = await self.connection(node)
        await asyncio.sleep(at - time.monotonic())
        if one.closed:
            one = await self.connection(node)
        began = time.monotonic()
        one.ask(address, uri)
        try:
            ended = await asyncio.wait_for(one.done, PATIENCE)
        except (client.Broken, asyncio.TimeoutError) as error:
            return ["Broken: " + str(error), 0, 0, 0, began - at]
        answer = one.parser.answer
        same = b"".join(one.body) == self.bodies[uri]
        self.idle[node].append(one)
        result = answer.result() if same else "Wrong"
        return [result, answer.status, one.first - began, ended - began, began - at]


async def main():
    crowd = Crowd(json.loads(sys.stdin.readline()))
    print(json.dumps({"ready": True}), flush=True)
    crowd.told["start"] = json.loads(sys.stdin.readline())
    gc.freeze()
    gc.disable()
    found = await asyncio.gather(*(crowd.visit(*asked) for asked in crowd.told["requests"]))
    print(json.dumps({"answers": found, "connections": crowd.opened}))


asyncio.run(main())
