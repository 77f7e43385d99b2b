"""URLs and cookies that other people's programs signed, unmodified: let in as they are, and not when anything is changed."""
import base64
import datetime
import itertools
import json
import os
import subprocess
import time

import npm
from harness import Skip, equal, needs

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "https://d111111abcdef8.cloudfront.net"
NETWORK, INSIDE, OUTSIDE = "192.0.2.0/24", "192.0.2.77", "198.51.100.1"


def keys(case):
    """An RSA key and one of P-256, made with openssl: {kind: (private, public)}."""
    kinds = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
             "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}
    made = {}
    for kind, words in kinds.items():
        private, public = (os.path.join(case.folder, f"{kind}.{half}") for half in ("pem", "pub"))
        subprocess.run(["openssl", "genpkey", *words, "-out", private], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
        made[kind] = (private, public)
    return made


def detail(case, url, public, *words, cookies=None):
    """What hedgerow says of a request: the detail for the log, "Signed" when it is let in."""
    if cookies:
        words += ("--cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
    done = case.run("sign", url, "--check", "--key", public, "--key-id", "K2JCJMDEHXQW5F", "--json", *words, code=None)
    said = json.loads(done.stdout)
    equal(done.returncode, 0 if said["ok"] else 1, "the exit code")
    return said["detail"], said["target"]


def let_in(case, url, target, public, *words, cookies=None):
    equal(detail(case, url, public, *words, cookies=cookies), ("Signed", target), f"{url} {words} {cookies}")


def kept_out(case, url, public, *words, cookies=None, why=None):
    said, _ = detail(case, url, public, *words, cookies=cookies)
    assert said != "Signed" and why in (None, said), f"{url} {words} {cookies}: {said}, not {why}"


def other(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def tampered_urls(url):
    """Scheme, host, path, own query, and each parameter: a byte changed at its start, its middle and its end; left out."""
    base, _, query = url.partition("?")
    yield url.replace("https://", "http://", 1)
    yield url.replace("d111111", "d111112", 1)
    yield other(base, len(base) - 1) + "?" + query
    yield base + "?more=1&" + query
    parts = query.split("&")
    for i, part in enumerate(parts):
        name = part.index("=") + 1
        for at in {name, (name + len(part)) // 2, len(part) - 2} if name + 2 < len(part) else ():
            yield base + "?" + "&".join(parts[:i] + [other(part, at)] + parts[i + 1:])
        yield base + "?" + "&".join(parts[:i] + parts[i + 1:])
        yield base + "?" + "&".join(parts + [part])


def tampered_cookies(cookies):
    cookies = {name: str(value) for name, value in cookies.items()}
    for name, value in cookies.items():
        for at in {0, len(value) // 2, max(0, len(value) - 3)}:
            yield {**cookies, name: other(value, at)}
        yield {key: val for key, val in cookies.items() if key != name}


def soon(seconds=3600):
    return datetime.datetime.fromtimestamp(int(time.time()) + seconds, datetime.timezone.utc).isoformat()


@needs("hedgerow", timeout=240)
def test_feat_S1_S2_S5_the_sdks_signer(case):
    """S1, S2, S5: what @aws-sdk/cloudfront-signer makes, as URL and as cookies, canned and custom, with RSA and P-256, SHA-1
    and SHA-256, is let in; with a byte changed anywhere, or too late, too early or from elsewhere, it is not."""
    if npm.missing() or not os.path.isdir(os.path.join(HERE, "node_modules")):
        raise Skip(npm.missing() or "tests/signers/run.py has not installed the signer")
    pairs, wishes = keys(case), []
    for kind, sha, custom, cookies in itertools.product(pairs, ("SHA1", "SHA256"), (False, True), (False, True)):
        wish = {"kind": kind, "key": pairs[kind][0], "keyPairId": "K2JCJMDEHXQW5F", "algorithm": sha, "cookies": cookies,
                "url": HOST + "/films/a%20b.mp4?size=large&x", "dateLessThan": soon()}
        if custom:
            wish.update(dateGreaterThan=soon(-60), ipAddress=NETWORK)
            if cookies:
                wish["url"] = HOST + "/films/*"
        wishes.append(wish)
    done = subprocess.run(["node", "sign.mjs"], cwd=HERE, input=json.dumps(wishes).encode(), stdout=subprocess.PIPE,
                          check=True, timeout=60)
    for wish, made in zip(wishes, json.loads(done.stdout)):
        public, custom = pairs[wish["kind"]][1], "ipAddress" in wish
        url, cookies = (HOST + "/films/a%20b.mp4?size=large&x", made) if wish["cookies"] else (made, None)
        target = "/films/a%20b.mp4?size=large&x" + ("" if wish["cookies"] else "=")
        where = ("--from", INSIDE)
        let_in(case, url, target, public, *where, cookies=cookies)
        for altered in tampered_urls(url) if not cookies else ():
            kept_out(case, altered, public, *where)
        for altered in tampered_cookies(cookies) if cookies else ():
            kept_out(case, url, public, *where, cookies=altered)
        kept_out(case, url, public, *where, "--at", "2h", cookies=cookies, why="SignatureExpired")
        kept_out(case, url, pairs["p256" if wish["kind"] == "rsa" else "rsa"][1], *where, cookies=cookies, why="SignatureWrong")
        if wish["algorithm"] == "SHA1":
            kept_out(case, url, public, *where, "--no-sha1", cookies=cookies, why="SignatureSha1")
        else:
            let_in(case, url, target, public, *where, "--no-sha1", cookies=cookies)
        if custom:
            kept_out(case, url, public, "--from", OUTSIDE, cookies=cookies, why="SignatureAddress")
            kept_out(case, url, public, *where, "--at", str(int(time.time()) - 600), cookies=cookies, why="SignatureEarly")
        if custom and cookies:
            let_in(case, HOST + "/films/z/y?x", "/films/z/y?x", public, *where, cookies=cookies)
            kept_out(case, HOST + "/books/a", public, *where, cookies=cookies, why="SignatureResource")
            kept_out(case, HOST + "/films/../books/a", public, *where, cookies=cookies, why="SignatureResource")


@needs("hedgerow", timeout=120)
def test_feat_S1_debians_botocore(case):
    """S1: what Debian's botocore makes is let in, canned and custom, and not with anything changed."""
    try:
        from botocore.signers import CloudFrontSigner
    except ImportError:
        raise Skip("python3-botocore is not installed") from None
    private, public = keys(case)["rsa"]
    signer = CloudFrontSigner("K2JCJMDEHXQW5F", lambda text: subprocess.run(
        ["openssl", "dgst", "-sha1", "-sign", private], input=text, stdout=subprocess.PIPE, check=True).stdout)
    end, start = (datetime.datetime.utcnow() + datetime.timedelta(seconds=s) for s in (3600, -60))
    for target in ("/a.mp4", "/a.mp4?x=1"):
        canned = signer.generate_presigned_url(HOST + target, date_less_than=end)
        policy = signer.build_policy(HOST + "/a*", end, date_greater_than=start, ip_address=NETWORK)
        custom = signer.generate_presigned_url(HOST + target, policy=policy)
        for url in (canned, custom):
            let_in(case, url, target, public, "--from", INSIDE)
            kept_out(case, url, public, "--from", INSIDE, "--no-sha1", why="SignatureSha1")
        for altered in tampered_urls(canned):
            kept_out(case, altered, public, "--from", INSIDE)
        kept_out(case, custom, public, "--from", OUTSIDE, why="SignatureAddress")


def for_url(raw):
    return base64.b64encode(raw).decode().translate(str.maketrans("+=/", "-_~"))


@needs("hedgerow", timeout=120)
def test_feat_S5_the_openssl_command(case):
    """S5: a policy that was written by hand and signed with openssl dgst, by a key of P-256 and one of RSA."""
    for (kind, (private, public)), sha in itertools.product(keys(case).items(), ("sha1", "sha256")):
        policy = json.dumps({"Statement": [{"Resource": "https://*.cloudfront.net/films/*", "Condition": {
            "DateLessThan": {"AWS:EpochTime": int(time.time()) + 600}}}]}, separators=(",", ":")).encode()
        signature = subprocess.run(["openssl", "dgst", f"-{sha}", "-sign", private], input=policy, stdout=subprocess.PIPE,
                                   check=True).stdout
        tail = f"Policy={for_url(policy)}&Signature={for_url(signature)}&Key-Pair-Id=K2JCJMDEHXQW5F"
        if sha == "sha256":
            tail += "&Hash-Algorithm=SHA256"
        let_in(case, f"{HOST}/films/a?{tail}", "/films/a", public)
        let_in(case, f"{HOST}/films/b?x=1&{tail}&y=2", "/films/b?x=1&y=2", public)
        kept_out(case, f"{HOST}/books/a?{tail}", public, why="SignatureResource")
        kept_out(case, f"{HOST}/films/a?{tail.replace('SHA256', 'SHA1')}" if sha == "sha256" else f"{HOST}/films/a?{tail}&"
                 "Hash-Algorithm=SHA256", public, why="SignatureWrong")


@needs("hedgerow", timeout=120)
def test_feat_S1_S7_our_own_signer(case):
    """S1, S7: what hedgerow sign makes is let in, for each kind of key; openssl verifies what it signed."""
    made = keys(case)
    case.run("sign", "--new-key", "ed25519", "--out", "ed")
    made["ed"] = (os.path.join(case.folder, "ed"), os.path.join(case.folder, "ed.pub"))
    for kind, (private, public) in made.items():
        words = ("--key", private, "--key-id", "K2JCJMDEHXQW5F", "--expires", "1h")
        base = HOST + "/films/a.mp4?x=1"
        url = case.run("sign", base, *words).stdout.strip()
        let_in(case, url, "/films/a.mp4?x=1", public)
        if kind == "ed":
            assert len(url) - len(base) <= 200, url
            more = ("--prefix", "/films/")
        else:
            more = ("--resource", HOST + "/films/*")
            said = json.loads(case.run("sign", base, *words, "--json").stdout)
            with open(os.path.join(case.folder, "sig"), "wb") as file:
                raw = said["cookies"]["CloudFront-Signature"].translate(str.maketrans("-_~", "+=/"))
                file.write(base64.b64decode(raw))
            subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", file.name],
                           input=said["signed"].encode(), check=True, stdout=subprocess.DEVNULL)
        cookies = case.run("sign", base, *words, *more, "--address", NETWORK, "--cookies").stdout.strip()
        cookies = dict(line.split("=", 1) for line in cookies.split("\n"))
        let_in(case, HOST + "/films/z", "/films/z", public, "--from", INSIDE, cookies=cookies)
        kept_out(case, HOST + "/films/z", public, "--from", OUTSIDE, cookies=cookies, why="SignatureAddress")
        kept_out(case, HOST + "/books/z", public, "--from", INSIDE, cookies=cookies)
        for altered in tampered_urls(url):
            if kind != "ed" or not altered.startswith("http:"):
                kept_out(case, altered, public)
