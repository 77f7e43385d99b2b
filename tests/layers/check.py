#!/usr/bin/python3
"""check.py - the rules of the tree that no compiler checks: which layer may include what.

    proto/base <- proto <- ring | gossip <- node/core <- node/http <- node/{io,admin,cli}
    proto/base <- node/coding | node/sf | node/store | node/steer <- node/core
       proto, node/coding, node/sf <- node/dist <- node/signed <- node/core
                        node/dist, node/steer <- node/dns <- node/io
    proto/base <- node/tls | node/sigv4 <- node/io
                                            node/core <- sim <- sim/door

Each rule is one result line. Without arguments it checks the tree; --self-test proves that each rule can fail.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOP = {"node", "gossip", "ring", "proto", "tests", "sim", "CMakeLists.txt", "README.md", "LICENSE"}

# A layer and the layers that it may include, itself among them. The longest matching folder names a file's layer.
BELOW_CORE = ["proto/base", "proto", "ring", "gossip", "node/coding", "node/sf", "node/store", "node/steer", "node/dist",
              "node/signed", "node/core"]
LAYERS = {
    "proto/base": ["proto/base"],
    "proto": ["proto/base", "proto"],
    "ring": ["proto/base", "proto", "ring"],
    "gossip": ["proto/base", "proto", "gossip"],
    "node/coding": ["proto/base", "node/coding"],
    "node/sf": ["proto/base", "node/sf"],
    "node/dist": ["proto/base", "proto", "node/coding", "node/sf", "node/dist"],
    "node/signed": ["proto/base", "proto", "node/dist", "node/signed"],
    "node/steer": ["proto/base", "proto", "node/steer"],
    "node/dns": ["proto/base", "proto", "node/coding", "node/sf", "node/dist", "node/steer", "node/dns"],
    "node/core": BELOW_CORE,
    "node/http": BELOW_CORE + ["node/http"],
    "node/store": ["proto/base", "node/store"],
    "node/sigv4": ["proto/base", "node/sigv4"],
    "node/tls": ["proto/base", "node/tls"],
    "node/io": BELOW_CORE + ["node/http", "node/tls", "node/sigv4", "node/dns", "node/io"],
    "node/admin": BELOW_CORE + ["node/http", "node/tls", "node/sigv4", "node/dns", "node/io", "node/admin"],
    "node/cli": BELOW_CORE + ["node/http", "node/tls", "node/sigv4", "node/dns", "node/io", "node/admin", "node/cli"],
    "sim": BELOW_CORE + ["sim"],
    # The simulator's doors: its world has no files, processes and clock, what runs many of them has.
    "sim/door": BELOW_CORE + ["sim", "sim/door"],
    "sim/main.c": BELOW_CORE + ["sim", "sim/door"],
}
CORES = ["proto/base", "proto", "ring", "gossip", "node/coding", "node/sf", "node/store", "node/steer", "node/dist",
         "node/signed", "node/core", "node/dns", "node/http", "node/tls", "node/sigv4", "sim"]

# System headers that only some layers may see.
SOCKETS = r"ev\.h|sys/socket\.h|sys/un\.h|sys/epoll\.h|sys/select\.h|poll\.h|netdb\.h|netinet/.*|arpa/.*|ares\.h"
FILES = r"fcntl\.h|sys/stat\.h|sys/mman\.h|sys/uio\.h|dirent\.h|unistd\.h|glob\.h"
HEADER_RULES = [
    ("sockets and libev", SOCKETS, ["node/io"]),
    ("files", FILES, ["node/io", "node/admin", "node/cli", "sim/door", "sim/main.c"]),
    ("processes", r"sys/wait\.h|sys/prctl\.h|spawn\.h", ["node/io", "node/admin", "node/cli", "sim/door"]),
    ("clocks, threads and signals", r"sys/time\.h|sys/random\.h|signal\.h|pthread\.h|threads\.h|semaphore\.h",
     ["node/io", "node/admin", "node/cli", "sim/door", "sim/main.c"]),
    ("floating point", r"math\.h|fenv\.h|complex\.h|tgmath\.h", ["node/io", "node/admin", "node/cli"]),
    ("the mesh's cryptography", r"sodium(/.*)?\.h|sodium", ["proto", "proto/base", "node/http", "node/sf", "node/signed", "node/dns", "node/steer",
                                                              "node/sigv4", "sim"]),
    ("GnuTLS", r"gnutls/.*", ["proto", "node/signed", "node/tls"]),
    ("msgpack", r"msgpack(/.*)?\.h", ["proto"]),
    ("zstd", r"zstd.*\.h", ["proto"]),
    ("zlib", r"zlib\.h", ["node/coding", "node/cli"]),
    ("Brotli", r"brotli/.*", ["node/coding"]),
    ("xxhash", r"xxhash\.h", ["node/store"]),
    ("jansson", r"jansson\.h", ["node/admin", "node/cli", "node/signed", "sim/door"]),
    ("libmaxminddb", r"maxminddb\.h", ["node/io"]),
    ("nghttp2", r"nghttp2/.*", ["node/http"]),
    ("libyaml", r"yaml\.h", ["node/dist"]),
]
# Calls that hand a core time, randomness or output behind its back.
CALL_RULE = re.compile(
    r"(?<![\w.>])(time|clock_gettime|gettimeofday|clock|rand|random|srand|getrandom|arc4random|fopen|open|printf|puts|"
    r"fprintf|fputs|perror|socket|connect|getenv|sleep|usleep|nanosleep)\s*\(")
# Words of unfinished work, and where this tree happens to lie: neither belongs in a text.
WORDS = re.compile(r"\b(TODO|FIXME|XXX)\b|not implemented|" + re.escape(ROOT + os.sep))
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def layer_of(path):
    found = [layer for layer in LAYERS if path.startswith(layer + "/") or path == layer]
    return max(found, key=len) if found else None


def strip(text):
    """The code without comments and strings, so that words in them do not count."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: '""' if m.group(0)[0] in "\"'" else " ", text, flags=re.S)


def included_path(path, name, sources):
    """An include's path in the tree: from the root, or beside the file that includes it."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return name if name in sources or beside not in sources else beside


def check_includes(sources):
    """Each layer includes only what its arrow points to."""
    for path, text in sources.items():
        layer = layer_of(path)
        if layer is None:
            continue
        for kind, name in INCLUDE.findall(text):
            target = layer_of(included_path(path, name, sources))
            if kind == '"' and target is None:
                yield f"{path} includes \"{name}\", which is in no layer that it may see"
            elif kind == '"' and target not in LAYERS[layer]:
                yield f"{path} includes {name}: {layer} may not see {target}"


def check_headers(sources):
    """Only some layers see sockets, files, clocks and each library."""
    for path, text in sources.items():
        layer = layer_of(path)
        if layer is None:
            continue
        for kind, name in INCLUDE.findall(text):
            for what, pattern, allowed in HEADER_RULES:
                if kind == "<" and re.fullmatch(pattern, name) and layer not in allowed and path not in allowed:
                    yield f"{path} includes <{name}>: {what} only in {', '.join(allowed)}"


def check_calls(sources):
    """Cores are handed time and randomness, and never print."""
    for path, text in sources.items():
        if layer_of(path) not in CORES or not path.endswith(".c"):
            continue
        for found in CALL_RULE.finditer(strip(text)):
            yield f"{path} calls {found.group(1)}()"


def check_words(sources):
    """The tree holds no notes to self and no paths of one machine."""
    for path, text in sources.items():
        for found in WORDS.finditer(text):
            if not path.startswith("tests/layers/"):
                yield f"{path} says \"{found.group(0)}\""


def check_top(sources):
    """The top level holds what it should and nothing else that shows."""
    for name in sorted({path.split("/")[0] for path in sources}):
        if not name.startswith(".") and name not in TOP:
            yield f"{name} is not one of {' '.join(sorted(TOP))}"


PROOFS = "tests/README.md"


def check_proofs(sources):
    """Each test that the table of rows names is there, and each test of such a row is named."""
    rows = re.findall(r"^\| (?:row )?[A-Z0-9, ]+ \|.*\| (.*) \|$", sources.get(PROOFS, ""), re.M)
    named = [name for row in rows for name in re.findall(r"`([\w.]+)(\*?)`", row)]
    tests = "\n".join([text for path, text in sources.items() if path.startswith("tests/") and path.endswith((".c", ".py"))
                       and not path.startswith("tests/layers/")] + [os.path.basename(path) + "\n" + path.rpartition(".")[0]
                      for path in sources if path.startswith("tests/")])
    for name, more in named:
        if not re.search(r"(\b|\btest_)" + re.escape(name) + ("" if more else r"\b"), tests):
            yield f"{PROOFS} names {name}{more}, and there is no such test"
    for name in sorted(set(re.findall(r"^static void ((?:rob_[MGS]\d+|row_\d+)_\w+)\(", tests, re.M))):
        if not any(name == one or (more and name.startswith(one)) for one, more in named):
            yield f"{name} is no test that {PROOFS} names"


RULES = [("includes", check_includes), ("system-headers", check_headers), ("calls", check_calls),
         ("words", check_words), ("top-level", check_top), ("proofs", check_proofs)]


def tree_files():
    """What git knows of or would take; outside of a clone, all files but the build's."""
    git = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if git.returncode == 0 and git.stdout:
        yield from git.stdout.decode().strip("\0").split("\0")
        return
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".build", ".git")) and f != "__pycache__"]
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def read_tree():
    sources = {}
    for path in sorted(tree_files()):
        full = os.path.join(ROOT, path)
        if os.path.isfile(full):
            with open(full, encoding="utf-8", errors="replace") as file:
                sources[path] = file.read()
    return sources


def self_test():
    """Each rule finds what it is there for, and lets its lawful twin pass."""
    tree = {"ring/ring.h": "", "gossip/gossip.h": "", "proto/cert.h": "", "proto/base/err.h": "", "node/core/x.h": "",
            "node/io/loop.h": "", "node/http/parse.h": "", "sim/world.h": "", "sim/door/children.h": "", "tests/unit/test_x.c": "static void rob_M1_there(void **state)\n"}
    cases = [
        (check_includes, "gossip/a.c", '#include "ring/ring.h"\n', '#include "proto/cert.h"\n'),
        (check_includes, "node/core/a.c", '#include "node/http/parse.h"\n', '#include "gossip/gossip.h"\n'),
        (check_includes, "node/core/b.c", '#include "../io/loop.h"\n', '#include "x.h"\n'),
        (check_includes, "proto/base/a.c", '#include "proto/cert.h"\n', '#include "err.h"\n'),
        (check_headers, "node/core/a.c", "#include <ev.h>\n", "#include <string.h>\n"),
        (check_includes, "node/coding/a.c", '#include "node/core/x.h"\n', '#include "proto/base/err.h"\n'),
        (check_includes, "node/sigv4/a.c", '#include "node/core/x.h"\n', '#include "proto/base/err.h"\n'),
        (check_headers, "node/core/a.c", "#include <brotli/encode.h>\n", "#include <stdint.h>\n"),
        (check_headers, "node/http/a.c", "#include <sys/socket.h>\n", "#include <sodium.h>\n"),
        (check_headers, "ring/a.c", "#include <math.h>\n", "#include <stdint.h>\n"),
        (check_includes, "sim/hunt/a.c", '#include "sim/door/children.h"\n', '#include "sim/world.h"\n'),
        (check_includes, "sim/door/a.c", '#include "node/io/loop.h"\n', '#include "sim/door/children.h"\n'),
        (check_headers, "sim/hunt/a.c", "#include <unistd.h>\n", "#include <string.h>\n"),
        (check_headers, "sim/world.c", "#include <sys/wait.h>\n", "#include <string.h>\n"),
        (check_headers, "sim/door/a.c", "#include <sys/socket.h>\n", "#include <sys/wait.h>\n"),
        (check_calls, "sim/hunt/a.c", 'void f(void)\n{\n    printf("x");\n}\n', "int rand_of(void);\n"),
        (check_calls, "sim/a.c", "int f(void)\n{\n    return rand();\n}\n", "/* rand() */ int rand_of(void);\n"),
        (check_calls, "node/core/a.c", 'void f(void)\n{\n    printf("x");\n}\n', 'const char *s = "printf(";\n'),
        (check_words, "ring/a.c", "/* TO" "DO: more */", "/* to do: less */"),
        (check_top, "docs/a.md", "", None),
        (check_proofs, PROOFS, "| M1 | it holds | `rob_M1_gone` |\n", "| M1 | it holds | `rob_M1_there` |\n"),
        (check_proofs, PROOFS, "| row 9 | it holds | `rob_M1_*`, `row_9_*` |\n", "| row 9 | it holds | `rob_M1_*` |\n"),
        (check_proofs, PROOFS, "| row 9 | it holds | `x` |\n", "| row 9 | it holds | `rob_M1_there` |\n"),
    ]
    for rule, path, bad, good in cases:
        assert list(rule({**tree, path: bad})), (rule.__name__, path, bad)
        assert good is None or not list(rule({**tree, path: good})), (rule.__name__, path, good)


def main():
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        return 0
    sources = read_tree()
    failed = False
    for name, rule in RULES:
        found = list(rule(sources))
        for line in found:
            print(f"    {line}")
        print(f"{'FAIL' if found else 'ok'} rules/{name}")
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
