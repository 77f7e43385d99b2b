"""media.py - what the tests here share: the media origin, ffmpeg, the browser, and what must hold at the origin."""
import collections
import json
import os
import shutil
import sys

import client
import harness
import npm

HERE = os.path.dirname(os.path.abspath(__file__))
TTL = 2                 # seconds that a live manifest is fresh for
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=15"]
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
# Segments of a second, the same for both players: the dash muxer writes HLS playlists for its segments, too.
CODING = ["-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
          "-pix_fmt", "yuv420p", "-g", "15", "-keyint_min", "15", "-sc_threshold", "0", "-b:v", "120k",
          "-c:a", "aac", "-b:a", "48k"]
MUXING = ["-f", "dash", "-seg_duration", "1", "-use_template", "1", "-use_timeline", "1", "-hls_playlist", "1"]
FFMPEG = ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin"]
MANIFESTS = (".m3u8", ".mpd")


class Helper(harness.Process):
    """A process of the test itself, which ends with it in whatever way."""

    def ask_to_end(self):
        if self.running:
            self.kill()


class Origin(Helper):
    """media_origin.py with these folders, {prefix: folder}."""

    def __init__(self, case, folders, *options):
        self.log_file = os.path.join(case.folder, "requests.log")
        options = [*(f"--folder={prefix}={folder}" for prefix, folder in folders.items()), *options]
        super().__init__(case, "origin", [sys.executable, os.path.join(HERE, "media_origin.py"), self.log_file,
                                          "--ttl", str(TTL), *options])
        self.address = client.address_of(json.loads(self.line())["http"])
        self.url = "http://{}:{}".format(*self.address)

    def requests(self):
        """{path: when each request for it came}."""
        found = collections.defaultdict(list)
        with open(self.log_file, encoding="utf-8") as log:
            for line in log:
                request = json.loads(line)
                found[request["path"]].append(request["came"])
        return found


def lateness(came, ttl):
    """How late a request must have come, at least, if each was sent no sooner than |ttl| after the one before it: 0 when
    their times say no such thing, near |ttl| when two were sent at once. That is free of what machines and networks
    do to times: only a request that was truly long on its way can look like one too many."""
    latest, late = float("inf"), 0.0
    for at in reversed(came):
        late = max(late, at - latest)
        latest = min(at, latest) - ttl
    return late


def check_origin(origin, ttl=TTL):
    """One request per object and TTL: each manifest once in |ttl| seconds, all else once."""
    for path, came in origin.requests().items():
        if path.endswith(MANIFESTS):
            late = lateness(came, ttl)
            if late >= 0.75 * ttl:
                raise harness.Slow(f"{path} was asked for {len(came)} times in {came[-1] - came[0]:.2f} s with a TTL of "
                                   f"{ttl} s: one too many, unless one came {late:.2f} s late: {came}")
        else:
            harness.equal(len(came), 1, f"requests for {path} at the origin")


def check_age(what, asked, made, ttl=TTL):
    """A viewer's answer was no older, when asked for, than its TTL and a second."""
    harness.quick(asked - made, ttl + 1, f"{what} was old when it was asked for, with a TTL of {ttl} s")


def needs_browser(*tools):
    """Skips the test where there is no browser, no Node for it, or one of these tools is missing."""
    missing = npm.missing()
    if missing:
        raise harness.Skip(missing)
    for tool in ("chromium", *tools):
        if not shutil.which(tool):
            raise harness.Skip(f"needs {tool}")


def encode(case, folder, seconds):
    """A whole stream on disk."""
    os.makedirs(folder)
    command = [*FFMPEG, *PICTURE, *SOUND, "-t", str(seconds), *CODING, *MUXING, os.path.join(folder, "manifest.mpd")]
    encoder = Helper(case, "ffmpeg", command)
    harness.equal(encoder.wait_exit(120), 0, "ffmpeg's exit code")


def broadcast(case, folder, window):
    """A stream that goes on until the test ends, |window| seconds of it in its manifests."""
    os.makedirs(folder)
    live = ["-window_size", str(window), "-extra_window_size", "60", "-update_period", "1"]
    return Helper(case, "ffmpeg", [*FFMPEG, "-re", *PICTURE, "-re", *SOUND, *CODING, *MUXING, *live,
                                   os.path.join(folder, "manifest.mpd")])


def play(case, pages, seconds):
    """Each page's report (player.html), once all have played for so long or to the end."""
    out = os.path.join(case.folder, "reports.log")
    options = {"pages": pages, "seconds": seconds, "start": 120, "chromium": shutil.which("chromium"), "out": out}
    home = {"HOME": case.folder, "TMPDIR": case.folder}      # a browser leaves things in both
    browser = harness.Process(case, "browser", ["node", os.path.join(HERE, "browser.mjs"), json.dumps(options)], env=home)
    harness.equal(browser.wait_exit(seconds + 240), 0, f"the browser's exit code\n{browser.log()}")
    with open(out, encoding="utf-8") as file:
        return json.load(file)
