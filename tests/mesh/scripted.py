"""scripted.py - origins that answer in bytes, whatever they are worth. Scripted chooses them by the path and keeps what
it was sent, byte for byte; Script does to each connection what a function says. (origin.py answers well, and is asked
for by URL.)"""
import socket
import threading

from harness import equal

CLOSE = object()    # in an answer: the connection ends here


class Scripted:
    """answers: {path: [bytes or CLOSE, ...]}, or a function that makes such a list of the request's head; "*" stands
    for any other path. What does not end with CLOSE leaves the connection open, and the next request on it is read."""

    def __init__(self, answers):
        self.answers = answers
        self.lock = threading.Lock()
        self.heads = []                 # (number of the connection, the head as it came, its empty line included)
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:{}".format(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def seen(self, path):
        """[(connection, head)] of the requests for a path."""
        with self.lock:
            return [(number, head) for number, head in self.heads if head.split(b" ", 2)[1] == path.encode()]

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        kept = b""
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while True:
                    while b"\r\n\r\n" not in kept:
                        data = connection.recv(65536)
                        if not data:
                            return
                        kept += data
                    head, kept = kept.split(b"\r\n\r\n", 1)
                    with self.lock:
                        self.heads.append((number, head + b"\r\n\r\n"))
                    path = head.split(b" ", 2)[1].decode("latin-1")
                    answer = self.answers.get(path, self.answers.get("*", [CLOSE]))
                    for part in answer(head) if callable(answer) else answer:
                        if part is CLOSE:
                            return
                        connection.sendall(part)
            except OSError:
                return


class Script:
    """An origin that does to each connection what a function says; what it raises fails the test."""

    def __init__(self, *acts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.acts, self.faults = acts, []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for act in self.acts:
            accepted, _ = self.listener.accept()
            accepted.settimeout(20)
            try:
                with accepted, accepted.makefile("rb") as reader:
                    act(accepted, reader)
            except Exception as fault:      # noqa: BLE001: told by end()
                self.faults.append(fault)

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive(), "the origin still waits"
        self.listener.close()
        equal(self.faults, [], "what went wrong at the origin")


def head_of(reader):
    """A request's first line and its fields, names in lower case."""
    line, fields = reader.readline().decode().rstrip("\r\n"), {}
    while field := reader.readline().decode().rstrip("\r\n"):
        name, _, value = field.partition(":")
        fields[name.lower()] = value.strip()
    return line, fields
