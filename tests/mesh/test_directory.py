"""A local directory as the origin."""
import email.utils
import os
import random
import socket
import threading
import time

import client
from filed import Filed, mesh_by_file
from harness import equal, needs, quick, soak, wait_until, watched


def site(case, name="site"):
    root = os.path.join(case.folder, name)
    os.makedirs(root)
    return root


def write(root, name, body, age_s=60):
    """A file that was changed so long ago, as a file's name and bytes."""
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(body)
    then = int(time.time()) - age_s
    os.utime(path, (then, then))
    return path


@needs("hedgerow")
def test_feat_C22_files_have_an_etag_a_date_and_ranges(case):
    """Files of a directory come with ETag, Last-Modified and their type; HEAD, conditions and ranges hold, of what was kept
    and of what was not; one that has changed is another one."""
    root = site(case)
    body = os.urandom(300000)
    path = write(root, "a/big.bin", body)
    write(root, "style.css", b"p {}")
    write(root, "empty.txt", b"")
    write(root, "index.html", b"the root")
    write(root, "a/index.html", b"of a")
    write(root, "b c+\u00e9.json", b"{}")
    node = case.node("fra-1", "file://" + root, flags=("--default-ttl", "1"))
    got = node.get("/a/big.bin")
    equal((got.status, got.body == body, got.get("Accept-Ranges")), (200, True, "bytes"), "whole")
    equal(email.utils.parsedate_to_datetime(got.get("Last-Modified")).timestamp(), os.stat(path).st_mtime, "its date")
    equal((got.get("ETag")[0], got.get("Content-Type")), ('"', "application/octet-stream"), "a strong tag, and a type")
    head = node.get("/a/big.bin", method="HEAD")
    equal((head.status, head.get("Content-Length"), head.get("ETag")), (200, "300000", got.get("ETag")), "HEAD")
    equal(node.get("/a/big.bin", headers=[("If-None-Match", got.get("ETag"))]).status, 304, "its tag")
    equal(node.get("/a/big.bin", headers=[("If-Modified-Since", got.get("Last-Modified"))]).status, 304, "its date")
    part = node.get("/a/big.bin", headers=[("Range", "bytes=-10")])
    equal((part.status, part.body, part.get("Content-Range")), (206, body[-10:], "bytes 299990-299999/300000"), "the end")
    equal(node.get("/a/big.bin", headers=[("Range", "bytes=300000-")]).status, 416, "beyond the end")
    for name, want, kind in (("/style.css", b"p {}", "text/css; charset=utf-8"), ("/empty.txt", b"", "text/plain; charset=utf-8"),
                             ("/", b"the root", "text/html; charset=utf-8"), ("/a/", b"of a", "text/html; charset=utf-8"),
                             ("/b%20c+%C3%A9.json?x=1", b"{}", "application/json")):
        got = node.get(name)
        equal((got.status, got.body, got.get("Content-Type")), (200, want, kind), name)
    for name in ("/a", "/none", "/none/", "/style.css/", "/style.css/x", "/" + "x" * 300):
        equal(node.get(name).status, 404, name)
    # A part of what nobody has, and then a file in its place that is another one.
    write(root, "part.bin", body)
    part = node.get("/part.bin", headers=[("Range", "bytes=100000-100009")])
    equal((part.status, part.body), (206, body[100000:100010]), "a range of what nobody has")
    before = node.get("/style.css").get("ETag")
    write(root, "style.css", b"q {}", age_s=30)
    wait_until(lambda: node.get("/style.css").body == b"q {}", "the file that took its place")
    assert node.get("/style.css").get("ETag") != before


@needs("hedgerow")
def test_feat_C22_a_mesh_reads_each_file_once(case):
    """In a mesh whose nodes have the same directory a file is read by one of them: the second viewer's is a copy."""
    root = site(case)
    bodies = {f"/f{i}.bin": os.urandom(100000) for i in range(6)}
    for name, body in bodies.items():
        write(root, name[1:], body)
    nodes = case.mesh(3, "dir:" + root)
    for node in nodes:
        for name, body in bodies.items():
            got = node.get(name)
            equal((got.status, got.body == body), (200, True), f"{name} at {node.name}")
    for name in bodies:
        os.remove(os.path.join(root, name[1:]))
    for node in nodes:
        for name, body in bodies.items():
            equal(node.get(name).body == body, True, f"{name} at {node.name}, when the file is gone")


@needs("hedgerow")
def test_feat_C22_nothing_leaves_the_directory(case):
    """Encoded dots, links out of the directory and through it are 403; hidden files, pipes, sockets and odd names are 404;
    a link that stays inside is followed; no file outside is ever sent."""
    root = site(case, "site/root")
    write(os.path.dirname(root), "secret", b"SECRET")
    write(root, "page", b"page")
    write(root, "sub/page", b"sub")
    write(root, ".git/config", b"SECRET")
    write(root, "sub/.hidden", b"SECRET")
    write(root, ".well-known/x", b"known")
    for name, to in (("up", "../secret"), ("all", "/"), ("sub/up", "../../secret"), ("out", os.path.dirname(root)),
                     ("loop", "loop"), ("inside", "sub/page"), ("absolute", os.path.join(root, "page")),
                     ("folder", "sub"), ("proc", "/proc/self/root")):
        os.symlink(to, os.path.join(root, name))
    os.mkfifo(os.path.join(root, "pipe"))
    listener = socket.socket(socket.AF_UNIX)
    os.chdir(root)
    listener.bind("socket")
    node = case.node("fra-1", "dir:" + root, flags=("--error-ttl", "0"))
    wants = {"/..%2Fsecret": 403, "/sub%2F..%2F..%2Fsecret": 403, "/%2e%2e%2fsecret": 403, "/up": 403, "/all/etc/passwd": 403,
             "/sub/up": 403, "/out/secret": 403, "/loop": 403, "/absolute": 403, "/proc/etc/passwd": 403,
             "/.git/config": 404, "/sub/.hidden": 404, "/.%67it/config": 404, "/pipe": 404, "/socket": 404,
             "/sub%2Fpage": 404, "/page%00": 404, "/page%00.html": 404, "/sub//page": 404, "//page": 404,
             "/inside": 200, "/folder/page": 200, "/.well-known/x": 200, "/page": 200}
    for path, want in wants.items():
        got = node.get(path)
        assert got.status == want or (want != 200 and got.status == 400), f"{path}: {got.status}, not {want}"
        assert b"SECRET" not in got.body and b"root:" not in got.body, path
    for path in ("/../secret", "/%2e%2e/secret", "/sub/../../secret", "/./page/../../secret"):
        got = node.get(path)
        assert got.status in (400, 403, 404) and b"SECRET" not in got.body, (path, got.status)
    for method, want in (("PUT", 403), ("DELETE", 403), ("POST", 403)):
        equal(node.get("/page", method=method).status, want, method)
    listener.close()


@needs("hedgerow")
def test_feat_C22_a_directory_that_is_gone_is_an_origin_that_fails(case):
    """Where the directory itself has gone, as a disk that is not mounted, nothing is "not there": it is 502, and all is well
    again when it is back."""
    root = site(case)
    write(root, "page", b"page")
    node = case.node("fra-1", "dir:" + root, flags=("--error-ttl", "0", "--default-ttl", "0"))
    os.rename(root, root + "-away")
    got = node.get("/page")
    equal((got.status, "destination_not_found" in (got.get("Proxy-Status") or "")), (502, True), "while it is gone")
    os.rename(root + "-away", root)
    wait_until(lambda: node.get("/page").body == b"page", "it is back")


@needs("hedgerow")
def test_feat_C22_methods_that_are_none_of_a_files(case):
    """Where viewers may do all, a directory still takes no writes: 405 with Allow, whatever body comes along."""
    root = site(case)
    write(root, "page", b"page")
    node = case.node("fra-1", "dir:" + root, flags=("--methods", "all"))
    for size in (0, 10, 1000000):
        with client.Connection(node.http) as connection:
            connection.send(client.request_bytes(node.http, "/page", "PUT", [("Content-Length", str(size))]))
            try:
                connection.send(b"x" * size)
            except OSError:
                pass
            got = connection.read("PUT")
            equal((got.status, "GET" in got.get("Allow")), (405, True), f"PUT of {size} bytes")
            equal(got.get("Connection"), "close" if size else None, f"the connection behind {size} bytes that nobody took")
    equal(node.get("/page", method="OPTIONS").get("Allow"), "GET, HEAD, OPTIONS", "OPTIONS")
    equal(node.get("/page").body, b"page", "the file")


@needs("hedgerow")
def test_feat_C22_a_file_that_changes_while_it_is_read_is_cut_and_not_kept(case):
    """A file that grows, shrinks or is written to while a viewer takes it: that answer is cut short of its length, and
    nothing of it is kept: the next viewer gets the file as it is then, whole."""
    root = site(case)
    size = 24 << 20
    # More than the memory's eighth: it passes through a window, so its end is read when the viewer wants it.
    node = case.node("fra-1", "dir:" + root, flags=("--memory", "64MiB"))
    for how in ("grow", "shrink", "write"):
        path = write(root, how, os.urandom(1 << 20) * (size >> 20))
        with client.Connection(node.http) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(client.request_bytes(node.http, "/" + how))
            taken = len(connection.socket.recv(4096))
            assert taken > 0
            with open(path, "r+b") as file:
                if how == "grow":
                    file.seek(0, 2)
                    file.write(b"more")
                elif how == "shrink":
                    file.truncate(size // 2)
                else:
                    file.seek(size - 10)
                    file.write(b"another on")
            try:
                while (data := connection.socket.recv(1 << 20)):
                    taken += len(data)
            except ConnectionResetError:
                pass
            assert taken < size, f"{how}: {taken} bytes of {size}"
        with open(path, "rb") as file:
            now = file.read()
        got = node.get("/" + how)
        equal((got.status, got.body == now, got.get("X-Cache")), (200, True, "Miss from hedgerow"), f"{how}: the next one")


def node_has_read(node):
    """Bytes that the process has read, of files and of all else."""
    with open(f"/proc/{node.process.pid}/io", encoding="ascii") as counts:
        return next(int(line.split()[1]) for line in counts if line.startswith("rchar"))


@needs("hedgerow", release=True, timeout=240)
def test_feat_C22_a_large_file_takes_constant_memory_and_holds_nobody_up(case):
    """A file of 256 MiB (soak: 1 GiB), sparse, goes to four slow viewers at once: the node grows by its windows and no
    more, while small files are answered."""
    root = site(case)
    size = (1 << 30) if soak() else (256 << 20)
    path = write(root, "large", b"")
    with open(path, "r+b") as file:
        file.truncate(size)
        marks = [random.randrange(0, size) for _ in range(50)]
        for at in marks:
            file.seek(at)
            file.write(b"x")
        file.seek(0)
    write(root, "small", b"small")
    node = case.node("fra-1", "dir:" + root, flags=("--memory", "64MiB", "--default-ttl", "0"))
    node.get("/small")
    sums, wrong = [0] * 4, []

    def take(number):
        seen = 0

        def on_body(data):
            nonlocal seen
            seen += len(data)
            sums[number] += bytes(data).count(b"x")
        got = node.get("/large", timeout=120.0, on_body=on_body)
        if (got.status, seen) != (200, size):
            wrong.append((got.status, seen))

    # A viewer that stops: the file is read no further than its window, and then to its end.
    with watched([node]) as grown, client.Connection(node.http) as connection:
        connection.send(client.request_bytes(node.http, "/large"))
        first = connection.socket.recv(4096)
        read = [-1, node_has_read(node)]
        while read[-1] != read[-2]:
            time.sleep(0.5)
            read.append(node_has_read(node))
        parser = client.ResponseParser("GET", lambda data: None)
        parser.feed(first)
        while not parser.done:
            data = connection.socket.recv(1 << 20)
            assert data, f"cut after {parser.body_bytes} bytes"
            parser.feed(data)
        equal(parser.body_bytes, size, "what the one that stopped got in the end")
    assert read[-1] < 64 << 20, read
    assert grown["fra-1"] < 64 << 20, grown
    with watched([node]) as grown:
        takers = [threading.Thread(target=take, args=(number,)) for number in range(4)]
        for taker in takers:
            taker.start()
        longest = 0.0
        while any(taker.is_alive() for taker in takers):
            began = time.monotonic()
            equal(node.get("/small").body, b"small", "a small file meanwhile")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.05)
    equal((wrong, sums), ([], [len(set(marks))] * 4), "what the viewers got")
    assert grown["fra-1"] < 160 << 20, grown
    quick(longest, 2, "a small file")
    print(f"{size >> 20} MiB to four viewers: grown by {grown['fra-1'] >> 20} MiB, a small file took {longest * 1000:.0f} ms")


@needs("hedgerow")
def test_feat_C22_a_directory_that_is_none_is_told(case):
    """What is no directory, or no path, is refused with what to write instead."""
    file = write(case.folder, "file", b"")
    for url, words in ((f"file://{case.folder}/none", "No such file"), (f"dir:{file}", "Not a directory"),
                       ("file:relative", "file:///PATH"), ("file://host/path", "three slashes")):
        done = case.run("run", "--origin", url, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--mesh", "127.0.0.1:0",
                        code=None)
        assert done.returncode in (2, 78) and words in done.stderr, (url, done.returncode, done.stderr)


@needs("hedgerow")
def test_feat_C22_a_directory_by_a_file_through_three_nodes(case):
    """A distribution's origin is a directory, by its root or by its URL, beside a server: a pattern each; three nodes read a
    file once. It takes no writes, and a viewer's Authorization makes no answer his alone."""
    root, other = site(case), site(case, "other site")
    write(root, "a.txt", b"of the root")
    big = os.urandom(700000)
    write(other, "files/b.bin", big)
    origin = case.origin()
    made = {"name": "files", "hosts": "*",
            "origins": [{"id": "root", "type": "directory", "root": root},
                        {"id": "url", "url": "file://" + other.replace(" ", "%20")}, {"id": "web", "url": origin.url}],
            "behaviours": [{"path": "/files/*", "origin": "url"}, {"path": "/bytes/*", "origin": "web"},
                           {"path": "*", "origin": "root"}]}
    nodes = mesh_by_file(case, 3, [made])
    for node in nodes:
        equal(node.get("/a.txt", headers=[("Authorization", "Basic x")]).body, b"of the root", "by its root")
        got = node.get("/files/b.bin")
        equal((got.status, got.body == big, got.get("Content-Type")), (200, True, "application/octet-stream"), "by its URL")
        equal(node.get("/bytes/10").status, 200, "the server's")
    equal(sum(node.counter("origin_fetches") for node in nodes), 3, "fetches from all origins, of all nodes")
    with client.Connection(nodes[0].http) as connection:
        connection.send(client.request_bytes(nodes[0].http, "/a.txt", "PUT", [("Content-Length", "0")]))
        answer = connection.read("PUT")
        equal((answer.status, answer.get("Allow")), (403, "GET, HEAD"), "a write")
    equal(nodes[1].get("/%2e%2e/secret").status, 404, "outside")


@needs("hedgerow")
def test_feat_C22_a_directory_that_comes_later(case):
    """A node whose distribution's directory is not there is told, answers with 502, and serves it when it is there."""
    root = os.path.join(case.folder, "later")
    node = Filed(case, "alone", [{"name": "files", "hosts": "*", "origins": "file://" + root}])
    assert "distribution files, origin origin: " in node.log() and "No such file" in node.log(), node.log()
    equal(node.get("/a.txt").status, 502, "while it is not there")
    write(root, "a.txt", b"here")
    wait_until(lambda: node.get("/a.txt?again").body == b"here", "it is there")
