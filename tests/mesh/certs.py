"""certs.py - certificates of tests, made by the openssl command when they are needed."""
import os
import ssl
import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
new_certs_dir = {folder}
database = {folder}/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:false
subjectAltName = {san}
[middle]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
"""


def openssl(*words):
    done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, f"openssl {' '.join(words)}:\n{done.stdout.decode()}"


class Pair:
    """A certificate with its key: paths of two PEM files."""

    def __init__(self, cert, key):
        self.cert, self.key = cert, key

    def context(self, trusts=None, version=None):
        """What a server shows; with trusts, it wants a certificate of theirs."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.cert, self.key)
        made.asked = None
        if version:
            made.maximum_version = version
        if trusts:
            made.verify_mode = ssl.CERT_REQUIRED
            made.load_verify_locations(trusts)

        def sni(_socket, name, context):
            context.asked = name
        made.sni_callback = sni
        return made


class Authority:
    """One that signs: its own certificate is .cert."""

    def __init__(self, folder, name="ca", above=None):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "index"), "w", encoding="ascii"):
            pass
        self.cert, self.key = self._path("ca.crt"), self._path("ca.key")
        if above:
            pair = above.leaf(name, extensions="middle")
            self.cert, self.key = pair.cert, pair.key
        else:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                    f"/CN={name}", "-addext", "basicConstraints=critical,CA:true", "-keyout", self.key, "-out", self.cert)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def leaf(self, name, san=None, start=None, end=None, extensions="leaf"):
        """A certificate for a name; start and end are YYYYMMDDHHMMSSZ."""
        config, request = self._path(f"{name}.cnf"), self._path(f"{name}.csr")
        pair = Pair(self._path(f"{name}.crt"), self._path(f"{name}.key"))
        with open(config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(folder=self.folder, san=san or f"DNS:{name}"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", pair.key, "-out", request)
        times = ["-startdate", start, "-enddate", end] if start else ["-days", "30"]
        openssl("ca", "-batch", "-config", config, "-extensions", extensions, "-cert", self.cert, "-keyfile", self.key,
                "-in", request, "-out", pair.cert, "-notext", *times)
        return pair
