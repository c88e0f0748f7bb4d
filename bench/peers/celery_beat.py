#!/usr/bin/python3
"""Measure Celery beat with N schedules that are all due at the same minute, as `drumbeat bench schedules` measures ours.

A private Redis on a unix socket is the broker, as Celery recommends; the schedules are crontabs of one minute an hour in
the application's configuration, kept by Celery's own default scheduler. What is told: memory (PSS) and CPU of the beat
while it waits, and how long after the minute began every task was in the queue, or how many were when patience ended.

    bench/peers/celery_beat.py [N] [PATIENCE_SECONDS]

needs Debian's python3-celery, python3-redis and redis-server.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import redis

SETTLE = 15  # seconds of waiting that are measured
APP = """
from celery import Celery
from celery.schedules import crontab
app = Celery('bench', broker='redis+socket://{socket}')
app.conf.timezone = 'UTC'
app.conf.beat_schedule = {{'bench-%d' % i: {{'task': 'noop', 'schedule': crontab(minute={minute})}} for i in range({count})}}
"""


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def wait_for_redis(path):
    broker = redis.Redis(unix_socket_path=path)
    deadline = time.monotonic() + 10
    while True:
        try:
            broker.ping()
            return broker
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def rest(beat, until):
    """Until nothing is loaded any more, then SETTLE seconds: CPU a minute."""
    last = -1.0
    while cpu_seconds(beat.pid) - last > 0.5:
        last = cpu_seconds(beat.pid)
        time.sleep(2)
        if time.time() > until - SETTLE - 2:
            raise SystemExit("Celery beat took too long to load: it was due before")
    before, begun = cpu_seconds(beat.pid), time.monotonic()
    time.sleep(SETTLE)
    return (cpu_seconds(beat.pid) - before) / (time.monotonic() - begun) * 60


def measure(count, patience, folder):
    socket = os.path.join(folder, "redis")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
                              stdout=subprocess.DEVNULL)
    beat = None
    try:
        broker = wait_for_redis(socket)
        due = (int(time.time() + count / 1000 + SETTLE + 20) // 60 + 1) * 60
        with open(os.path.join(folder, "bench_app.py"), "w") as file:
            file.write(APP.format(socket=socket, minute=due // 60 % 60, count=count))
        with open(os.path.join(folder, "log"), "w") as log:
            beat = subprocess.Popen([sys.executable, "-m", "celery", "-A", "bench_app", "beat", "-l", "warning",
                                     "-s", os.path.join(folder, "schedule")], cwd=folder, stdout=log, stderr=log)
        answer = {"schedules": count, "idle_cpu_s_per_min": round(rest(beat, due), 2), "pss_mib": round(pss_mib(beat.pid), 1)}
        time.sleep(max(0, due - time.time() - 0.5))
        cpu, sent = cpu_seconds(beat.pid), 0
        while sent < count and time.time() < due + patience:
            time.sleep(0.05)
            sent = broker.llen("celery")
        took = time.time() - due
        answer.update(emitted=sent, emit_s=round(took, 2), ms_per_task=round(took / max(sent, 1) * 1000, 3),
                      emit_cpu_s=round(cpu_seconds(beat.pid) - cpu, 2), emitted_pss_mib=round(pss_mib(beat.pid), 1),
                      load_average=round(os.getloadavg()[0], 1))
        return answer
    finally:
        for process in (beat, server):
            if process:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(measure(words[0] if words else 10000, words[1] if len(words) > 1 else 300, place)))
