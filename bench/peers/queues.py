#!/usr/bin/python3
"""Measure Redis queues side by side, one after the other on this machine, each on a private Redis of its own: drumbeat, Celery, Sidekiq, BullMQ
and bee-queue, two processes each that run tasks.

    bench/run peers [--install] [N] [NAME...]        N tasks (20000; drumbeat ten times as many), all peers or those named

Tasks do nothing. What is told, a JSON line each: tasks a second while N that were enqueued before are drained, and how long after its enqueue
was answered a task starts when the worker is idle. A peer that is not installed is skipped, with a word why; --install installs what is missing:
Debian's packages, and those of npm into a folder of the user's cache. redis-server and python3-redis have to be there, or to be installed so.
"""
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE, SAMPLES, PACE, SETTLE = 180, 300, 0.01, 3
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "drumbeat", "peers")
OURS = "drumbeat"


def has_ruby_sidekiq():
    return shutil.which("ruby") and subprocess.run(["ruby", "-e", "require 'sidekiq'"], stderr=subprocess.DEVNULL).returncode == 0


def has_redis():
    return shutil.which("redis-server") and importlib.util.find_spec("redis")


def has_celery():
    return has_redis() and ("celery" in sys.modules or importlib.util.find_spec("celery"))


def has_node(package):
    return shutil.which("node") and os.path.isdir(os.path.join(CACHE, "node_modules", package))


def celery_messages():
    return importlib.import_module("celery_worker")


def node(file):
    return ["node", os.path.join(HERE, file)]


class Peer:
    """words: its program, which is called with `enqueue N`, `pace N` or `work`; processes: how many of `work` are started."""

    def __init__(self, name, words, processes, is_there, apt=(), npm=()):
        self.name, self.words, self.processes, self.is_there, self.apt, self.npm = name, words, processes, is_there, apt, npm


PEERS = [
    Peer("celery", [sys.executable, os.path.join(HERE, "celery_tasks.py")], 1, has_celery, apt=["python3-celery", "python3-redis"]),
    Peer("sidekiq", ["ruby", os.path.join(HERE, "sidekiq_tasks.rb")], 2, has_ruby_sidekiq, apt=["ruby-sidekiq"]),
    Peer("bullmq", node("bullmq_tasks.js"), 2, lambda: has_node("bullmq") and has_node("ioredis"), npm=["bullmq", "ioredis"]),
    Peer("bee-queue", node("bee_queue_tasks.js"), 2, lambda: has_node("bee-queue"), npm=["bee-queue"]),
]


def install(apt, npm):
    if apt and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", *apt], stdout=sys.stderr, check=False)
    if npm and shutil.which("npm"):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", CACHE, *npm], stdout=sys.stderr, check=False)
    importlib.invalidate_caches()


class Server:
    """A private Redis; environment() is what programs need to find it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "redis")
        words = ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--maxmemory-policy", "noeviction", "--dir", folder]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        celery_messages().wait_for_redis(self.path)

    def environment(self):
        return dict(os.environ, PEER_SOCKET=self.path, NODE_PATH=os.path.join(CACHE, "node_modules"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Workers:
    """Processes that tell `ran COUNT` now and then, and `at NUMBER NANOSECONDS` of each task that has a number."""

    def __init__(self, peer, server):
        self.ran, self.starts, self.looks, self.lock = 0, {}, [], threading.Lock()
        self.processes = [
            subprocess.Popen([*peer.words, "work"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=server.environment(), text=True)
            for _ in range(peer.processes)
        ]
        for process in self.processes:
            threading.Thread(target=self.hear, args=(process,), daemon=True).start()

    def hear(self, process):
        for line in process.stdout:
            words = line.split()
            with self.lock:
                if words[:1] == ["ran"]:
                    self.ran += int(words[1])
                    self.looks.append((time.monotonic(), self.ran))
                elif words[:1] == ["at"]:
                    self.starts[int(words[1])] = int(words[2])

    def wait(self, done):
        deadline = time.monotonic() + PATIENCE
        while not done() and time.monotonic() < deadline and all(process.poll() is None for process in self.processes):
            time.sleep(0.02)
        return done()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def throughput(peer, count, server):
    """From the first word of the workers until all but the last few are drained: each tells a hundred at once."""
    subprocess.run([*peer.words, "enqueue", str(count)], env=server.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with Workers(peer, server) as workers:
        if not workers.wait(lambda: workers.ran >= count * 0.95):
            return None
        (began, before), (ended, after) = workers.looks[0], workers.looks[-1]
        return (after - before) / (ended - began)


def latency(peer, server):
    """Milliseconds, sorted. The first tasks are not counted: who serves them is still waking up."""
    warm = 20
    with Workers(peer, server) as workers:
        time.sleep(SETTLE)
        words = [*peer.words, "pace", str(SAMPLES + warm), str(PACE)]
        answer = subprocess.run(words, env=server.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        sent = {int(n): int(at) for n, at in (line.split() for line in answer.stdout.splitlines())}
        workers.wait(lambda: len(workers.starts) >= SAMPLES + warm)
        return sorted(max(0, workers.starts[n] - at) / 1e6 for n, at in sent.items() if n >= warm and n in workers.starts)


def at_percent(samples, percent):
    return round(samples[min(len(samples) - 1, len(samples) * percent // 100)], 3) if samples else None


def measure(peer, count):
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        rate = throughput(peer, count, server)
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        samples = latency(peer, server)
    return {"peer": peer.name, "tasks": count, "tasks_per_s": rate and round(rate), "start_ms": {"p50": at_percent(samples, 50), "p95": at_percent(samples, 95)}}


def measure_ours(count):
    """Tasks in Redis alone, and a row of each in PostgreSQL (DATABASE_URL: bench/run sets it): their program measures itself, the same way."""
    program = os.path.join(HERE, "..", "..", "build", "drumbeat")
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        environment = dict(os.environ, REDIS_URL="unix://" + server.path)
        for rows, words in (("failures", ["--redis"]), ("full", [])):
            told = {"peer": OURS, "rows": rows, "tasks": count}
            for what, more in (("throughput", ["--pool", "2", "--tasks", str(count)]), ("latency", ["--pool", "2"])):
                answer = subprocess.run([program, "bench", what, "--json", *words, *more], env=environment, stdout=subprocess.PIPE, text=True, check=True)
                told.update({key: value for key, value in json.loads(answer.stdout.splitlines()[-1]).items() if key in ("tasks_per_s", "start_ms") and value})
            yield told


def tell(line):
    print(json.dumps(line), flush=True)


def main():
    words = [word for word in sys.argv[1:] if word != "--install"]
    count = int(words.pop(0)) if words and words[0].isdigit() else 20000
    if "--install" in sys.argv and not has_redis():
        install(["redis-server", "python3-redis"], [])
    if not has_redis():
        sys.exit("bench/run peers: redis-server or python3-redis is not installed (--install does it)")
    print("load average: %.1f %.1f %.1f" % os.getloadavg(), flush=True)
    ours = not words or OURS in words
    for line in measure_ours(count * 10) if ours else ():
        tell(line)
    if ours and has_celery():
        with tempfile.TemporaryDirectory() as folder:
            tell(dict(peer=OURS, protocol="celery", **celery_messages().measure("drumbeat", count, folder)))
    for peer in PEERS:
        if words and peer.name not in words:
            continue
        if "--install" in sys.argv and not peer.is_there():
            install(peer.apt, peer.npm)
        if not peer.is_there():
            print("%s: skipped, it is not installed (bench/run peers --install does it)" % peer.name, flush=True)
            continue
        try:
            tell(measure(peer, count))
        except subprocess.CalledProcessError as failed:
            print("%s: skipped, its program ended with %d" % (peer.name, failed.returncode), flush=True)


if __name__ == "__main__":
    main()
