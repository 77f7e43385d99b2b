"""What a real browser makes of the frames in which a body goes as zstd."""
import hashlib
import os
import urllib.parse

import bodies
import media
from harness import equal, needs

LEAF = bodies.PAGE
# Which leaves are text, and how long the last one is: it may pack or not, or be too short to be tried.
BODIES = {"mixed": ("tntnnttnt", 300), "noise-end": ("ttnn", 5000), "text": ("tttttttttt", LEAF), "tiny-end": ("tn", 1)}


def mixed(name, leaves, last):
    """A body of leaves of text and of noise."""
    lengths = [LEAF] * (len(leaves) - 1) + [last]
    return b"".join(bodies.page(name, i, kind == "t")[:length] for i, (kind, length) in enumerate(zip(leaves, lengths)))


@needs("hedgerow", release=True, timeout=300)
def test_feat_R23_a_browser_decodes_the_frames(case):
    """R23: Chromium decodes bodies of many frames, some of them with a raw block, from each of three nodes: first while
    they come from the origin, then whole."""
    media.needs_browser()
    folder = os.path.join(case.folder, "bodies")
    os.makedirs(folder)
    want = {}
    for name, (leaves, last) in BODIES.items():
        body = mixed(name, leaves, last)
        want[f"/bodies/{name}.js"] = (len(body), hashlib.sha256(body).hexdigest())
        with open(os.path.join(folder, f"{name}.js"), "wb") as file:
            file.write(body)
    origin = media.Origin(case, {"bodies": folder, "page": media.HERE})
    nodes = case.mesh(3, origin.url, flags=("--compress", "zstd"))
    query = urllib.parse.urlencode({"src": [*want, *want]}, doseq=True)
    pages = ["http://{}:{}/page/frames.html?{}".format(*node.http, query) for node in nodes]
    for report in media.play(case, pages, 60):
        who = report["url"]
        equal((report["errors"], report["ended"]), ([], True), f"errors of {who}")
        equal([answer["url"] for answer in report["answers"]], [*want, *want], f"what {who} fetched")
        for answer in report["answers"]:
            equal((answer["status"], answer["coding"]), (200, "zstd"), f"the coding of {answer['url']} for {who}")
            equal((answer["bytes"], answer["sha256"]), want[answer["url"]], f"{answer['url']} as {who} decoded it")
            assert 0 < answer["wire"] < answer["bytes"], f"{answer['url']} came to {who} in {answer['wire']} bytes"
    equal([node.counter("coder_bytes_in") for node in nodes], [0, 0, 0], "bytes that coders took")
    media.check_origin(origin)
