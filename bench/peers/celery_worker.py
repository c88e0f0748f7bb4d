#!/usr/bin/python3
"""Measure a worker on N messages of a Celery client, sent before it starts: tasks that do nothing, whose results are kept.

A private Redis on a unix socket is broker and result backend. Both workers have two processes that run tasks; Celery's prefetches 100
for each, which is what makes it fastest. What is told: tasks a second from the first result to the last.

    bench/peers/celery_worker.py drumbeat|celery [N]

needs Debian's python3-celery, python3-redis and redis-server; for drumbeat DATABASE_URL with its schema (bench/run sets it).
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import redis

PATIENCE = 240
POOL = 2
APP = """
from celery import Celery
app = Celery('bench', broker='redis+socket://{socket}', backend='redis+socket://{socket}')
app.conf.worker_prefetch_multiplier = 100

@app.task(name='noop')
def noop(**arguments):
    pass
"""
CONFIG = """
worker: {{pool: {pool}, queues: [celery]}}
redis: {{url: 'unix://{socket}'}}
queues: {{celery: {{broker: redis, protocol: celery}}}}
celery: {{track_started: false}}
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def wait_for_redis(path):
    server = redis.Redis(unix_socket_path=path)
    deadline = time.monotonic() + 10
    while True:
        try:
            server.ping()
            return server
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def send(server, count):
    """One message as a client writes it, then the same under other ids: sending is not what is measured."""
    from celery import Celery

    Celery(broker="redis+socket://" + server.connection_pool.connection_kwargs["path"]).send_task("noop", kwargs={"n": 1}, task_id="@")
    message = server.lpop("celery").decode()
    pipe = server.pipeline(transaction=False)
    once = os.urandom(6).hex()  # drumbeat knows the ids of a week again
    for n in range(count):
        pipe.lpush("celery", message.replace('"@"', '"bench-%s-%d"' % (once, n)))
        if n % 1000 == 999:
            pipe.execute()
    pipe.execute()


def results(server):
    return server.info("keyspace").get("db0", {}).get("keys", 0)


def measure(who, count, folder):
    socket = os.path.join(folder, "redis")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL)
    worker = None
    try:
        broker = wait_for_redis(socket)
        send(broker, count)
        few = results(broker) + 8  # a worker's own keys are no results
        if who == "celery":
            write(folder, "bench_app.py", APP.format(socket=socket))
            words = [sys.executable, "-m", "celery", "-A", "bench_app", "worker", "-c", str(POOL), "-l", "warning"]
        else:
            top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
            words = [os.path.join(top, "build", "drumbeat"), "worker", "--config", write(folder, "bench.yaml", CONFIG.format(pool=POOL, socket=socket))]
        with open(os.path.join(folder, "log"), "w") as log:
            worker = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        deadline, began, first, done = time.monotonic() + PATIENCE, None, 0, 0
        while done < count and time.monotonic() < deadline:
            time.sleep(0.02)
            done = results(broker)
            if began is None and done > few:
                began, first = time.monotonic(), done
        took = time.monotonic() - (began or deadline)
        return {"tasks": done, "seconds": round(took, 2), "tasks_per_s": round((done - first) / took), "load_average": round(os.getloadavg()[0], 1)}
    finally:
        for process in (worker, server):
            if process:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000, place)))
