#!/usr/bin/python3
"""seeds.py FROM TO - makes seeds for the HTTP/1 fuzz targets out of a public corpus, FROM/http1-corpus.tar.zst: whole
exchanges, their messages parted by lines "--MARK--". Each message goes to TO/fuzz_http_request, TO/fuzz_http_response or both,
what follows a head to TO/fuzz_chunked, and everything to TO/fuzz_http_differ. Says "skip ..." where there is no corpus."""
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile


def put(folder, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(data).hexdigest()[:32]), "wb") as file:
        file.write(data)


def messages(archive):
    with tempfile.TemporaryFile() as plain:
        subprocess.run(["zstd", "-q", "-d", "-c", archive], stdout=plain, check=True)
        plain.seek(0)
        with tarfile.open(fileobj=plain) as tar:
            for member in tar:
                if member.isfile():
                    yield from tar.extractfile(member).read().split(b"\n--MARK--\n")


def main():
    source, target = sys.argv[1:]
    archive = os.path.join(source, "http1-corpus.tar.zst")
    if not os.path.exists(archive):
        print(f"skip fuzz-seeds: no {archive} (HEDGEROW_CORPORA names another folder); the targets begin with their own samples")
        return
    count = 0
    for message in messages(archive):
        count += 1
        put(os.path.join(target, "fuzz_http_differ"), message)
        put(os.path.join(target, f"fuzz_http_{'response' if message.startswith(b'HTTP') else 'request'}"), message)
        _, end, body = message.partition(b"\r\n\r\n")
        if end and body:
            put(os.path.join(target, "fuzz_chunked"), body)
    print(f"ok fuzz-seeds: {count} messages of {archive}")


main()
