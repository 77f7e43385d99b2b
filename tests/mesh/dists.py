"""dists.py - meshes that serve what is applied at them: sites that say their name, distributions to write down, and who
asks for them by host."""
import collections
import http.server
import itertools
import json
import os
import socket
import struct
import threading
import time

import client
from harness import Node
from test_configuration import command, file_of, mesh_of

Asked = collections.namedtuple("Asked", "method target headers")    # headers: names in lower case, values as a list
RESET, HANG = "reset", "hang"       # what say() returns for no answer


class Site:
    """An origin that says its name: the answer to PATH is "NAME PATH", fresh for a minute, or what .say(asked) returns
    instead: (status, {field: value}, body), RESET or HANG. What it was asked for is in .asked."""

    def __init__(self, case, name="site", port=0):
        self.name, self.asked, self.say = name, [], lambda asked: None
        self.lock, self.over, self.open = threading.Lock(), threading.Event(), set()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with site.lock:
                    site.open.add(self.connection)

            def handle_one(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_one)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass            # a connection that ended

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        case.cleanups.append(self.close)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = collections.defaultdict(list)
        for name, value in handler.headers.items():
            headers[name.lower()].append(value)
        asked = Asked(handler.command, handler.path, dict(headers))
        with self.lock:
            self.asked.append(asked)
        said = self.say(asked) or (200, {}, f"{self.name} {handler.path}")
        if said == HANG:
            self.over.wait(60)
        if said in (HANG, RESET):
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        status, fields, body = said
        handler.send_response(status)
        for name, value in {"Cache-Control": "max-age=60", "Content-Length": str(len(body)), **fields}.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body.encode())

    def count(self, target=None, method=None):
        with self.lock:
            return sum(1 for asked in self.asked if target in (None, asked.target) and method in (None, asked.method))

    def seen(self, target):
        """The fields of the last request for it."""
        with self.lock:
            return next(asked.headers for asked in reversed(self.asked) if asked.target == target)

    def close(self):
        """Refuses from now on; what is open is cut."""
        if self.over.is_set():
            return
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def distribution(name, sites, hosts=None, **fields):
    """One with these sites as origins, each by its name, in force for NAME.example."""
    sites = sites if isinstance(sites, (list, tuple)) else [sites]
    return {"name": name, "hosts": hosts if hosts is not None else [f"{name}.example"],
            "origins": [site if isinstance(site, dict) else {"id": site.name, "url": site.url} for site in sites], **fields}


numbers = itertools.count()


def apply(case, nodes, *distributions, code=0, at=0, words=()):
    """hedgerow distribution apply at one of the nodes: what the command says, once all have it."""
    path = file_of(case, f"applied-{next(numbers)}.json", {"distributions": list(distributions)})
    return command(case, nodes[at], "apply", path, *words, code=code)


def serving(case, *distributions, count=3, **options):
    """A mesh, and these in force on all of its nodes."""
    nodes = mesh_of(case, count, **options)
    apply(case, nodes, *distributions)
    return nodes


def ask(node, host, path, method="GET", headers=(), body=b""):
    """One request by host on a connection of its own."""
    fields = [("Host", host), *headers] + ([("Content-Length", str(len(body)))] if body or method in ("POST", "PUT", "PATCH")
                                           else [])
    with client.Connection(node.http) as connection:
        connection.send(client.request_bytes(node.http, path, method, fields) + body)
        return connection.read(method)


def text(node, host, path, **options):
    """(status, body) of it."""
    answer = ask(node, host, path, **options)
    return answer.status, answer.body.decode()


def by_file(case, count, content, flags=()):
    """A mesh whose nodes run by one file with these distributions (-c FILE); node.file is its path."""
    path, nodes = file_of(case, "served.json", content), []
    for i in range(count):
        name = f"n-{i + 1}"
        file = case.admit(name, ("eu/fra", "eu/ams")[i % 2], flags=("--role", "operator") if i == 0 else ())
        words = ["-c", path, "--node-file", file, "--audit", "0", *case.timer_words(), *flags]
        for what in ("http", "mesh", "admin"):
            words += [f"--{what}", "127.0.0.1:0"]
        if nodes:
            words += ["--seed", "{}:{}".format(*nodes[0].mesh)]
        node = Node(case, name, words).wait_ready()
        node.file = path
        nodes.append(node)
    case.wait_agreed(nodes)
    return nodes


def rewrite(path, content):
    """Puts another text in a file's place, at once."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    os.replace(path + ".new", path)


class Load:
    """Viewers who ask all nodes without a pause, on connections that they keep, until the with block ends. Whatever is not
    200 with the body that belongs to the path fails it. |misses|: every so many-th URL is one that nobody has asked for."""

    def __init__(self, nodes, host, name, each=2, misses=50):
        self.nodes, self.host, self.name, self.each, self.misses = nodes, host, name, each, misses
        self.over, self.wrong, self.done = threading.Event(), [], 0
        self.lock = threading.Lock()

    def _ask(self, number):
        node, done = self.nodes[number % len(self.nodes)], 0
        try:
            with client.Connection(node.http) as connection:
                while not self.over.is_set():
                    done += 1
                    path = f"/new-{number}-{done}" if done % self.misses == 0 else f"/{done % 20}"
                    answer = connection.request(path, "GET", [("Host", self.host)])
                    if (answer.status, answer.body.decode()) != (200, f"{self.name} {path}"):
                        raise AssertionError(f"{path}: {answer.status} {answer.body[:100]!r}")
        except Exception as error:      # noqa: BLE001: told at the end
            with self.lock:
                self.wrong.append(f"{node.name}, request {done}: {error!r}")
        with self.lock:
            self.done += done

    def __enter__(self):
        self.threads = [threading.Thread(target=self._ask, args=(i,), daemon=True)
                        for i in range(self.each * len(self.nodes))]
        for thread in self.threads:
            thread.start()
        time.sleep(0.1)
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        if kind is None:
            assert not self.wrong, f"{len(self.wrong)} of {self.done} requests: {self.wrong[:5]}"
            assert self.done > 100 * len(self.threads), f"only {self.done} requests"

