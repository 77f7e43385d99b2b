"""Real players in a real browser, each page through a node of its own."""
import os
import urllib.parse

import media
from harness import Slow, equal, needs, soak, wait_until

DELAY = 12      # seconds that live players stay behind: what a busy machine does to one of them is no stall
PLAYERS = {"hls": "master.m3u8", "dash": "manifest.mpd"}
LIBRARIES = {"hls": ("hls.js", "dist", "hls.min.js"), "dash": ("dashjs", "dist", "modern", "umd", "dash.all.min.js")}


def start(case, stream, count=3, options=()):
    """The origin of the stream, the pages and the players; and nodes."""
    scripts = os.path.join(case.folder, "js")
    os.makedirs(scripts)
    for path in LIBRARIES.values():
        os.symlink(os.path.join(media.HERE, "node_modules", *path), os.path.join(scripts, path[-1]))
    origin = media.Origin(case, {"stream": stream, "js": scripts, "page": media.HERE}, *options)
    return origin, case.mesh(count, origin.url)


def pages(nodes, delay=0):
    """A page for each player and node."""
    found = []
    for node in nodes:
        for player, manifest in PLAYERS.items():
            query = urllib.parse.urlencode({"player": player, "src": f"/stream/{manifest}", "delay": delay})
            found.append("http://{}:{}/page/player.html?{}".format(*node.http, query))
    return found


def check(reports):
    """What every viewer may expect."""
    for report in reports:
        who = report["url"]
        equal(report["errors"], [], f"errors, and {len(report['stalls'])} stalls of {who}")
        if report["stalls"]:
            raise Slow(f"stalls of {who}: {report['stalls']}")
        assert report["started"], f"{who} has not started: {report}"
        equal(list(report["answers"]), ["200"], f"statuses of answers to {who}")
        assert report["manifests"], f"{who} has seen no manifest"
        for seen in report["manifests"]:
            media.check_age(f"{seen['url']} for {who} ({seen['xcache']})", seen["asked"], seen["made"])


def tell(reports):
    """Figures for people."""
    ages = [seen["asked"] - seen["made"] for report in reports for seen in report["manifests"]]
    behind = [seconds for report in reports for seconds in report["latency"]]
    print(f"{len(reports)} players, {len(ages)} manifests, the oldest {max(ages):.2f} s when asked for"
          + (f"; behind live by {min(behind):.1f} to {max(behind):.1f} s" if behind else "")
          + f"; too busy to decode {sum(len(report['slow']) for report in reports)} times")


def check_shared(nodes):
    """Each node served viewers, and some of it was at its neighbours already. A node whose players lead all others is
    the first to ask for each object, so that all it serves has just come from the origin: that is no fault."""
    found = {node.name: node.status()["requests"] for node in nodes}
    for name, counts in found.items():
        equal(counts["error"], 0, f"errors of {name}")
        assert counts["total"] > 0, f"{name} served nothing"
    assert sum(counts["peer"] for counts in found.values()) > 0, f"nothing came from a neighbour: {found}"


@needs("hedgerow", release=True, alone=True, timeout=360)
def test_feat_D1_on_demand_plays_to_its_end(case):
    """D1: hls.js and dash.js play a stream on demand through each of three nodes: from start to end without a stall, no
    error, and the origin is asked once for each object."""
    media.needs_browser("ffmpeg")
    seconds = 600 if soak() else 16
    stream = os.path.join(case.folder, "stream")
    media.encode(case, stream, seconds)
    origin, nodes = start(case, stream)
    reports = media.play(case, pages(nodes), seconds + 60)
    tell(reports)
    check(reports)
    for report in reports:
        assert report["ended"] and abs(report["position"] - seconds) < 1, f"{report['url']} has not ended: {report}"
    media.check_origin(origin)
    check_shared(nodes)


@needs("hedgerow", release=True, alone=True, timeout=360)
def test_feat_D1_live_plays_without_a_stall(case):
    """D1: hls.js and dash.js play a live stream through each of three nodes: no stall, no error, no manifest older than
    its TTL and a second, none too far behind; the origin is asked once for each segment and once per TTL for each
    manifest."""
    media.needs_browser("ffmpeg")
    seconds = 600 if soak() else 20
    stream = os.path.join(case.folder, "stream")
    encoder = media.broadcast(case, stream, window=10 * DELAY)
    origin, nodes = start(case, stream)
    wait_until(lambda: os.path.exists(os.path.join(stream, f"chunk-stream0-{DELAY + 1:05}.m4s")),
               lambda: f"enough of the stream to begin with\n{encoder.log()}", 60)
    reports = media.play(case, pages(nodes, DELAY), seconds)
    tell(reports)
    check(reports)
    for report in reports:
        who = report["url"]
        assert not report["paused"] and report["latency"], f"{who} does not play: {report}"
        # As far behind as asked for and as it took to start, a segment, an old manifest and some rounding.
        most = DELAY + report["started"] - report["opened"] + 1 + media.TTL + 1 + 4
        assert max(report["latency"]) < most, f"{who} is more than {most:.1f} s behind live: {report['latency']}"
        # One for each two segments, at the least, kept coming.
        assert len(report["manifests"]) > seconds / 4, f"{who} saw few manifests: {report['manifests']}"
    media.check_origin(origin)
    check_shared(nodes)


@needs("hedgerow", release=True, alone=True, timeout=180)
def test_a_stream_that_stops_is_seen_as_stalled(case):
    """The tests above, of a stream whose origin falls silent in its middle: what they check of a viewer must fail for
    each player, or it proves nothing."""
    media.needs_browser()
    stream = os.path.join(case.folder, "stream")
    media.encode(case, stream, 30)
    _, nodes = start(case, stream, 1, ("--hold", "10"))
    reports = media.play(case, pages(nodes), 14)
    for report in reports:
        try:
            check([report])
        except AssertionError as found:
            assert report["stalls"] and "stalls of" in str(found), f"another fault than a stall: {found}"
            print(f"{report['url']} stood still at {report['stalls'][0]['position']:.1f} s")
        else:
            raise AssertionError(f"nothing was found wrong with {report}")
