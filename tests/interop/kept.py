"""A program that stays, for tests/test_kept.c: it does what the argument "do" says."""
import json
import os
import signal
import sys
import time

tell = os.fdopen(3, "w", buffering=1)


class Stopped(Exception):
    pass


def stop(*_):
    raise Stopped()


def say(**line):
    tell.write(json.dumps(line) + "\n")


def do(order):
    what = order["args"].get("do")
    if what == "print":
        print("from", order["name"], flush=True)
    elif what == "wait":
        say(progress=1, total=2)
        try:
            time.sleep(600)
        except Stopped:
            say(error="stopped")
            return {"stopped": True}
    elif what == "die":
        if order["attempt"] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    elif what == "again":
        if order["attempt"] < 5:
            return say(retry=0, error="not yet", headers={"seen": order["attempt"]}) or {}
    elif what == "fail":
        return say(error="no paper", retryable=False) or {}
    elif what == "leave":
        return {"leaving": True}
    say(result={"pid": os.getpid(), "name": order["name"], "attempt": order["attempt"], "args": order["args"]})
    return {}


if sys.argv[1:] == ["broken"]:
    sys.exit("no such module")
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGUSR1, stop)
say(ready=True, interrupt=True)
for line in sys.stdin:
    order = json.loads(line)
    end = do(order)
    say(end=order["id"], **end)
    if end.get("leaving"):
        break
