"""Many players that poll one live stream."""
import asyncio
import hashlib
import random
import time

import client
import media
from harness import equal, needs, soak, total

EVERY = 2.0     # seconds between a player's polls, and between new segments
SEGMENT = 65536 + 4321


class Player:
    """Asks for the manifest each EVERY seconds, then for the newest segment that it names, on one connection."""

    def __init__(self, number, node):
        self.node, self.reader, self.writer = node, None, None
        self.phase = random.Random(number).random() * EVERY
        self.newest, self.made, self.oldest, self.polls, self.segments = 0, 0.0, 0.0, 0, 0

    async def get(self, target):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.node.http)
        parser = client.ResponseParser()
        self.writer.write(client.request_bytes(self.node.http, target))
        while not parser.done:
            data = await self.reader.read(1 << 17)
            if not data:
                parser.closed()
            parser.feed(data)
        equal(parser.answer.status, 200, f"the status of {target} at {self.node.name}")
        return parser.answer

    async def poll(self):
        asked = time.time()
        answer = await self.get("/made/live.m3u8")
        made = float(answer.get("X-Made"))
        media.check_age(f"the manifest at {self.node.name} ({answer.get('X-Cache')})", asked, made)
        assert made >= self.made, f"{self.node.name} went back to an older manifest: {made} after {self.made}"
        self.made, self.oldest, self.polls = made, max(self.oldest, asked - made), self.polls + 1
        newest = answer.body.decode().split()[-1].split(".")[0]
        if int(newest) > self.newest:
            self.newest, self.segments = int(newest), self.segments + 1
            body = (await self.get(f"/made/{newest}.m4s")).body
            equal(body, hashlib.sha256(newest.encode()).digest() * (SEGMENT // 32), f"segment {newest}")

    async def play(self, began, seconds):
        """Polls on time; one that comes late is not made up for."""
        due = began + self.phase
        while due < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.poll()
            due = max(due + EVERY, time.monotonic())
        self.writer.close()


async def play(nodes, count, seconds):
    players = [Player(i, nodes[i % len(nodes)]) for i in range(count)]
    began = time.monotonic()
    await asyncio.gather(*(player.play(began, seconds) for player in players))
    return players


@needs("hedgerow", release=True, alone=True, timeout=180)
def test_feat_D2_players_who_poll_cost_one_request_per_ttl(case):
    """D2: players that poll a live manifest each 2 s, spread over the edges, TTL 2 s, and fetch each new segment: the
    origin is asked once per TTL for the manifest and once for each segment, and nobody sees an old manifest. The long
    form: 1,000 players, 10 edges, 10 minutes."""
    count, edges, seconds = (1000, 10, 600) if soak() else (150, 3, 16)
    origin = media.Origin(case, {}, "--made", str(EVERY))
    nodes = case.mesh(edges, origin.url)
    players = asyncio.run(play(nodes, count, seconds))
    asked = origin.requests()["/made/live.m3u8"]
    print(f"{sum(p.polls for p in players)} polls and {sum(p.segments for p in players)} segments of {count} players over "
          f"{edges} edges in {seconds} s; the oldest manifest was {max(p.oldest for p in players):.2f} s old; the origin "
          f"was asked {len(asked)} times for it, {media.lateness(asked, media.TTL):.3f} s too soon at most")
    media.check_origin(origin)
    assert len(asked) >= seconds / media.TTL / 2, f"the manifest was asked for {len(asked)} times in {seconds} s"
    assert min(player.segments for player in players) >= seconds / EVERY / 2 - 1, "some players got few segments"
    equal(total(nodes, "origin_fetches"), sum(map(len, origin.requests().values())), "fetches by the nodes' own count")
