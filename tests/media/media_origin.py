#!/usr/bin/python3
"""media_origin.py - the media origin: one process that serves folders, stamps each answer and writes down each request.

    media_origin.py LOG [--folder PREFIX=FOLDER]... [--ttl SECONDS] [--made SECONDS] [--validators] [--hold N]

/PREFIX/NAME is FOLDER/NAME as it is at that moment. Manifests (.m3u8, .mpd) are fresh for --ttl seconds in shared
caches and never in browsers, everything else for a day; what is not there is a 404 for a second. Each answer has
"X-Made: TIME", its time in seconds since 1970: what any viewer gets, and however late, tells when it was current.
--made N also serves a stream that needs no encoder: /made/live.m3u8 names /made/K.m4s, a new K each N seconds.
--validators gives each manifest an ETag and honours If-None-Match.
--hold N says nothing to requests for segments whose number is N or more.

LOG gets a JSON line a request: when it came on a clock that only goes forward, its path, the status of its answer.
Prints one JSON line with its address. No answer has a Date, whose whole seconds would make some answers a second older
to the caches than they are: here each second of freshness counts.
"""
import argparse
import asyncio
import hashlib
import json
import os
import re
import time

TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".m4s": "video/iso.segment",
         ".mp4": "video/mp4", ".html": "text/html; charset=utf-8", ".js": "text/javascript"}
MANIFESTS = (".m3u8", ".mpd")
WINDOW, SEGMENT = 6, 65536 + 4321      # of the made stream: segments a manifest names, bytes of each


class Media:
    def __init__(self, options):
        self.folders = dict(item.split("=", 1) for item in options.folder)
        self.ttl, self.made, self.validators, self.hold = options.ttl, options.made, options.validators, options.hold
        self.log = open(options.log, "w", buffering=1, encoding="utf-8")
        self.began = time.monotonic()

    def find(self, path):
        """The body of a path, None where there is none."""
        prefix, _, name = path.strip("/").partition("/")
        if prefix == "made" and self.made:
            return self.find_made(name)
        if prefix not in self.folders or "/" in name or not name:
            return None
        try:
            with open(os.path.join(self.folders[prefix], name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def held(self, path):
        """Is this a request to say nothing to?"""
        number = re.search(r"-(\d+)\.m4s$", path)
        return self.hold is not None and number is not None and int(number.group(1)) >= self.hold

    def find_made(self, name):
        newest = int((time.monotonic() - self.began) / self.made) + WINDOW
        first = newest - WINDOW + 1
        if name == "live.m3u8":
            lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{max(1, round(self.made))}",
                     f"#EXT-X-MEDIA-SEQUENCE:{first}"]
            for number in range(first, newest + 1):
                lines += [f"#EXTINF:{self.made:.3f},", f"{number}.m4s"]
            return ("\n".join(lines) + "\n").encode()
        stem, _, kind = name.partition(".")
        if kind != "m4s" or not stem.isdigit() or int(stem) > newest:
            return None
        return hashlib.sha256(stem.encode()).digest() * (SEGMENT // 32)

    def answer(self, method, path, headers):
        """(status, the whole answer's bytes)."""
        name = path.partition("?")[0]
        body, ending = self.find(name), os.path.splitext(name)[1]
        head = [f"X-Made: {time.time():.6f}", f"Content-Type: {TYPES.get(ending, 'application/octet-stream')}"]
        status = 200 if body is not None else 404
        if body is None:
            head.append("Cache-Control: max-age=1")
            body = b""
        elif ending in MANIFESTS:
            head.append(f"Cache-Control: max-age=0, s-maxage={self.ttl}")
            if self.validators:
                tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                head.append(f"ETag: {tag}")
                if headers.get("if-none-match") == tag:
                    status, body = 304, b""
        else:
            head.append("Cache-Control: max-age=86400")
        if status != 304:
            head.append(f"Content-Length: {len(body)}")
        reason = {200: "OK", 304: "Not Modified", 404: "Not Found"}[status]
        text = f"HTTP/1.1 {status} {reason}\r\n" + "\r\n".join(head) + "\r\n\r\n"
        return status, text.encode() + (b"" if method == "HEAD" else body)

    async def serve(self, reader, writer):
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                came = time.monotonic()
                method, path, _ = lines[0].split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                if self.held(path):
                    await reader.read()         # until whoever asks has had enough
                    return
                status, data = self.answer(method, path, headers)
                writer.write(data)
                self.log.write(json.dumps({"came": came, "path": path, "status": status}) + "\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--folder", action="append", default=[])
    parser.add_argument("--ttl", type=int, default=2)
    parser.add_argument("--made", type=float)
    parser.add_argument("--validators", action="store_true")
    parser.add_argument("--hold", type=int, metavar="N")
    server = await asyncio.start_server(Media(parser.parse_args()).serve, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"http": "{}:{}".format(*server.sockets[0].getsockname()[:2])}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
