"""certificates.py - certificates and keys of tests, made by openssl when they run; and viewers who speak TLS."""
import os
import socket
import ssl
import subprocess

import client


class Authority:
    """One that signs, in a folder of its own."""

    def __init__(self, folder, name="ca"):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.file, self.key = self.path("ca.crt"), self.path("ca.key")
        self._openssl("req", "-x509", *self._new_key(self.key), "-out", self.file, "-days", "2",
                      "-subj", f"/CN=Test {name}")

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def _new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]

    @staticmethod
    def _openssl(*words):
        done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
        assert done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr.decode()}"

    def issue(self, name, *alternatives, chain=None, key=None, days=2):
        """(chain, key): the files of a certificate for these ("DNS:example.com")."""
        chain, key = chain or self.path(f"{name}.crt"), key or self.path(f"{name}.key")
        request, extensions = self.path(f"{name}.csr"), self.path(f"{name}.ext")
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", f"/CN={name}")
        with open(extensions, "w", encoding="ascii") as out:
            out.write("subjectAltName=" + ",".join(alternatives) + "\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                      "-extfile", extensions, "-out", chain)
        return chain, key

    def context(self, most=None):
        """What a viewer who trusts this authority connects with; most: the highest version."""
        context = ssl.create_default_context(cafile=self.file)
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)     # Python's own way since 3.10
        if most:
            context.maximum_version = most
        return context


def localhost(authority):
    return authority.issue("localhost", "DNS:localhost", "IP:127.0.0.1")


class Connection(client.Connection):
    """client.Connection over TLS. As there: what ends without a close-notify is cut, and an error."""

    def __init__(self, address, context, name="localhost", timeout=30.0, session=None, segment=0):
        super().__init__(address, timeout, segment)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name, suppress_ragged_eofs=False,
                                              session=session)
        except BaseException:
            self.socket.close()
            raise

    def read(self, method="GET", on_body=None):
        gathered = bytearray()          # records are small: as bytes each would copy all before it
        answer = super().read(method, on_body or gathered.extend)
        if not on_body:
            answer.body = bytes(gathered)
        return answer

    def subject(self):
        """The common name that the other side's certificate has."""
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


def fetch(address, context, target, name="localhost", **options):
    with Connection(address, context, name) as connection:
        return connection.request(target, **options)


def plain(address):
    return socket.create_connection(address, 30)
