"""Celery's part of queues.py: prefork, two processes, the messages that it prefetches raised to what makes it fastest, results kept."""
import os
import sys
import time

from celery import Celery

SOCKET = os.environ["PEER_SOCKET"]
EVERY = 100
app = Celery("peer", broker="redis+socket://" + SOCKET, backend="redis+socket://" + SOCKET)
app.conf.worker_prefetch_multiplier = 100
ran = 0


@app.task(name="noop")
def noop(n=-1):
    global ran
    if n >= 0:
        os.write(1, b"at %d %d\n" % (n, time.monotonic_ns()))
        return
    ran += 1
    if ran % EVERY == 0:
        os.write(1, b"ran %d\n" % EVERY)


def enqueue(count):
    """One message as a client writes it, then the same under other ids."""
    import redis

    server = redis.Redis(unix_socket_path=SOCKET)
    app.send_task("noop", task_id="@")
    message = server.lpop("celery").decode()
    for first in range(0, count, 1000):
        server.lpush("celery", *(message.replace('"@"', '"peer-%d"' % n) for n in range(first, min(first + 1000, count))))


def pace(count, pause):
    for n in range(count):
        noop.delay(n)
        print(n, time.monotonic_ns(), flush=True)
        time.sleep(pause)


if sys.argv[1] == "work":
    app.worker_main(["worker", "-c", "2", "-l", "error"])
elif sys.argv[1] == "enqueue":
    enqueue(int(sys.argv[2]))
else:
    pace(int(sys.argv[2]), float(sys.argv[3]))
