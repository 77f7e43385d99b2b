"""The program that is told when viewers may come to a node: for a BGP daemon."""
import os
import signal
import time

from harness import equal, needs, wait_until


def hook(case, text="exit 0"):
    """A program that writes down its words and its environment, then does as |text| says."""
    path, said = os.path.join(case.folder, "hook"), os.path.join(case.folder, "said")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$1 $HEDGEROW_NAME $HEDGEROW_ADDRESSES" >> {said}\n{text}\n')
    os.chmod(path, 0o755)

    def words():
        if not os.path.exists(said):
            return []
        with open(said, encoding="utf-8") as file:
            return file.read().splitlines()
    return path, words


def drain(case, node, *flags):
    case.run("drain", *flags, "--admin", "{}:{}".format(*node.admin), "--token-file", f"{node.data}/admin.token")


@needs("hedgerow")
def test_feat_L7_the_hook_follows_readiness(case):
    """L7: announce once when ready, withdraw within 5 s of a drain, announce again when that ends, withdraw before the
    process ends; never the same twice in a row; the program knows who and where."""
    path, words = hook(case)
    node = case.node("n1", case.origin().url, flags=("--announce-hook", path, "--viewer-address", "203.0.113.7",
                                                     "--viewer-address", "2001:db8::7"))
    wait_until(lambda: len(words()) == 1, "it is announced")
    drain(case, node)
    wait_until(lambda: len(words()) == 2, "it is withdrawn", timeout=5)
    drain(case, node)
    drain(case, node, "--off")
    wait_until(lambda: len(words()) == 3, "it is announced again")
    node.signal(signal.SIGTERM)
    equal(node.wait_exit(), 0, "exit code")
    who = f"{node.name} 203.0.113.7 2001:db8::7"
    equal(words(), [f"{word} {who}" for word in ("announce", "withdraw", "announce", "withdraw")], "what it was told")


@needs("hedgerow")
def test_feat_L7_what_fails_is_said_and_tried_again(case):
    """L7: a hook that fails is run again, and that is said; what was in doubt is withdrawn at the end."""
    path, words = hook(case, f"test -e {case.folder}/good")
    node = case.node("n1", case.origin().url, flags=("--announce-hook", path))
    wait_until(lambda: len(words()) >= 2, "it is tried again")
    assert "--announce-hook" in node.log() and "ended with 1" in node.log(), node.log()
    with open(os.path.join(case.folder, "good"), "w", encoding="utf-8"):
        pass
    count = len(words())
    wait_until(lambda: len(words()) > count, "and again")
    node.signal(signal.SIGTERM)
    equal(node.wait_exit(), 0, "exit code")
    equal([word.split()[0] for word in words()], ["announce"] * (len(words()) - 1) + ["withdraw"], "the words")


@needs("hedgerow")
def test_feat_L7_one_that_hangs_does_not_keep_the_withdrawal(case):
    """L7: an announcement that hangs is killed, with what it has started, and the withdrawal comes within 5 s of the
    drain; the node serves meanwhile."""
    path, words = hook(case, 'test "$1" = withdraw || sleep 1000')
    node = case.node("n1", case.origin().url, flags=("--announce-hook", path))
    wait_until(lambda: len(words()) == 1, "it is announced")
    equal(node.get("/bytes/10").status, 200, "an answer meanwhile")
    drain(case, node)
    begun = time.monotonic()
    wait_until(lambda: len(words()) == 2, "it is withdrawn", timeout=10)
    assert time.monotonic() - begun < 5, "withdrawn within 5 s"
    equal(words()[1].split()[0], "withdraw", "what was run")
    assert "killed" in node.log(), node.log()
