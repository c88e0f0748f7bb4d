"""Runs the tasks of a Celery application inside a drumbeat worker, one after the other, through Celery's own tracer.

    app.py APP            take tasks on standard input, answer on descriptor 3 (docs/handlers.md: commands that stay)
    app.py APP --names    say which tasks there are, and end

The application is the project's own and unchanged: what `celery -A APP worker` would run. Results, callbacks, chains and chords are the
business of Celery's tracer and of the result backend that the project has; drumbeat keeps the message, the limits and the row. A task that its
process did not survive is told of afterwards, by a task of the name TELL that drumbeat enqueues for itself.

Needs nothing but the standard library and the project's Celery (5.2 or later).
"""
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
from datetime import datetime, timezone

from celery import signals
from celery import exceptions as celery_exceptions
from celery import states
from celery._state import _set_task_join_will_block
from celery.app import trace
from celery.app.task import Context, Task
from celery.app.utils import find_app
from celery.exceptions import SoftTimeLimitExceeded
from kombu.serialization import dumps, loads
from kombu.utils.json import dumps as plain

TELL = "drumbeat.tell"
AGAIN = "drumbeat_again"          # header: the message that a retry would have been
SUCCESSOR = "drumbeat_successor"  # header: how often tasks of this id have followed each other
LINKS = ("callbacks", "errbacks", "chain", "chord")
FOREVER = 366 * 86400


class Cancelled(BaseException):
    """Raised inside the task when drumbeat wants its end. Nothing that catches exceptions catches it."""


class Channel:
    """JSON lines from and to drumbeat, on descriptors that no task can reach by accident."""

    def __init__(self):
        self.orders = os.fdopen(os.dup(0), "rb")
        self.answers = os.fdopen(os.dup(3), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.close(3)

    def say(self, **line):
        data = json.dumps(line, allow_nan=False).encode() + b"\n"
        while data:
            data = data[self.answers.write(data):]


def hostname():
    return "drumbeat@" + socket.gethostname()


def open_app(name):
    """The application with everything that it registers, in the order in which a worker of Celery does it."""
    sys.path.insert(0, os.getcwd())
    app = find_app(name)
    app.loader.init_worker()
    trace.setup_worker_optimizations(app, hostname())
    return app


# Names ----------------------------------------------------------------------------------------------------------------


def queue_of(app, name):
    try:
        queue = app.amqp.router.route({}, name, (), {}).get("queue")
        return getattr(queue, "name", queue)
    except Exception:
        return None


def names(app):
    """Each task with its limits in seconds: those of Celery, which has none unless somebody sets them."""
    for name, task in sorted(app.tasks.items()):
        hard = task.time_limit or app.conf.task_time_limit or FOREVER
        soft = task.soft_time_limit or app.conf.task_soft_time_limit or hard
        yield {"name": name, "queue": queue_of(app, name), "soft": min(soft, hard), "hard": hard}
    yield {"name": TELL, "queue": TELL, "soft": 60, "hard": 60}


# Messages -------------------------------------------------------------------------------------------------------------


class Order:
    """A task as drumbeat hands it over: `message` has what there is of the client's message, the body as it came."""

    def __init__(self, line):
        self.line = line
        self.message = line.get("message") or {}
        self.headers = dict(self.message.get("headers") or {})
        self.embed = self.message.get("embed") or {}
        again = self.headers.get(AGAIN) or {}
        self.headers.update(again.get("headers") or {})
        self.body = again.get("body") or self.embed.get("body")
        self.id = self.message.get("external_id") or line["id"]
        self.name = line["name"]
        self.queue = self.message.get("queue")
        # Whoever claimed the message did not know that it is the application's, and tells the client itself.
        self.told_by_others = bool(self.message.get("external_id")) and not self.embed.get("app")

    def call(self):
        """Arguments, keyword arguments and what follows the task."""
        if self.body:
            return loads(self.body, "application/json", "utf-8", accept={"application/json"})
        given = self.line.get("args") or {}
        if given and set(given) <= {"args", "kwargs"} and isinstance(given.get("args", []), list):
            return given.get("args", []), given.get("kwargs") or {}, {key: self.embed.get(key) for key in LINKS}
        return [], given, {key: self.embed.get(key) for key in LINKS}

    def request(self, args, kwargs, links):
        """The request as a worker of Celery makes it from a message."""
        request = dict(self.headers)
        for key in (AGAIN, "limits"):
            request.pop(key, None)
        request.setdefault("retries", 0)
        request.setdefault("root_id", self.id)
        for key in ("parent_id", "group", "group_index"):
            request.setdefault(key, self.embed.get(key))
        request.update(
            id=self.id, task=self.name, args=args, kwargs=kwargs, hostname=hostname(), is_eager=False,
            reply_to=self.embed.get("reply_to"), correlation_id=self.embed.get("correlation_id") or self.id,
            delivery_info={"exchange": "", "routing_key": self.queue, "priority": self.message.get("priority"), "redelivered": None},
            properties={key: request[key] for key in ("periodic_task_name",) if key in request},
            **(links or {}),
        )
        if self.told_by_others:
            request.update(ignore_result=True, **dict.fromkeys(LINKS))
        return request


def seconds_until(eta):
    if not eta:
        return 0.0
    moment = datetime.fromisoformat(eta.replace("Z", "+00:00")) if isinstance(eta, str) else eta
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def limits_of(headers):
    hard, soft = headers.get("timelimit") or (None, None)
    given = {"hard": hard, "soft": soft}
    return {key: "%dms" % max(1000, value * 1000) for key, value in given.items() if value}


# Running --------------------------------------------------------------------------------------------------------------


class Runner:
    def __init__(self, app, channel):
        self.app = app
        self.channel = channel
        self.order = None       # that runs now
        self.interruptible = False
        self.deferred = None    # a retry that was asked for: its message, and how to send it
        self.tasks_left = app.conf.worker_max_tasks_per_child or -1
        self.most_memory = app.conf.worker_max_memory_per_child

    def open(self):
        """What a process of Celery's pool does before its first task."""
        _set_task_join_will_block(True)
        signals.worker_init.send(sender=None)
        self.app.loader.init_worker_process()
        self.app.log.setup("INFO", None, redirect_stdouts=False, hostname=hostname())
        trace.logger.setLevel("WARNING")
        self.app.set_current()
        self.app.set_default()
        self.app.finalize()
        for name, task in self.app.tasks.items():
            task.__trace__ = trace.build_tracer(name, task, self.app.loader, hostname(), app=self.app)
        self.watch_what_is_sent()
        self.watch_progress()
        signal.signal(signal.SIGTERM, self.on_term)
        signal.signal(signal.SIGUSR1, self.on_soft_limit)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signals.worker_process_init.send(sender=None)

    def on_term(self, *_):
        if not self.interruptible:
            sys.exit(0)
        self.interruptible = False
        raise Cancelled()

    def on_soft_limit(self, *_):
        if self.interruptible:
            raise SoftTimeLimitExceeded()

    # A message with the id of the task that runs is that task once more: a retry, which drumbeat keeps as the same row, or the task that
    # replaces it, which has to be told from a copy.
    def watch_what_is_sent(self):
        send = self.app.amqp.send_task_message

        def send_task_message(producer, name, message, **options):
            order = self.order
            headers, properties = message[0], message[1]
            if order is None or headers.get("id") != order.id:
                return send(producer, name, message, **options)
            queue = options.get("queue") or options.get("routing_key")
            queue = getattr(queue, "name", queue)
            is_retry = name == order.name and (headers.get("retries") or 0) > (order.headers.get("retries") or 0)
            if is_retry and queue in (None, order.queue) and not self.deferred:
                self.deferred = message, lambda: send(producer, name, message, **options)
                return None
            headers[SUCCESSOR] = (order.headers.get(SUCCESSOR) or 0) + 1
            return send(producer, name, message, **options)

        self.app.amqp.__dict__["send_task_message"] = send_task_message

    def watch_progress(self):
        update_state = Task.update_state
        runner = self

        def shown(task, task_id=None, state=None, meta=None, **options):
            update_state(task, task_id=task_id, state=state, meta=meta, **options)
            if runner.order and task_id in (None, runner.order.id) and isinstance(meta, dict):
                value, total, text = meta.get("current"), meta.get("total"), meta.get("message")
                runner.channel.say(progress=value if isinstance(value, (int, float)) else 0,
                                   total=total if isinstance(total, (int, float)) else 0,
                                   message=text if isinstance(text, str) else None)

        Task.update_state = shown

    def run(self, order):
        if order.name == TELL:
            return tell(self.app, order.line.get("args") or {})
        task = self.app.tasks[order.name]
        args, kwargs, links = order.call()
        request = order.request(args, kwargs, links)
        self.interruptible = True
        try:
            result, info, _, _ = task.__trace__(order.id, args, kwargs, request)
        finally:
            self.interruptible = False
        state = info.state if info else states.SUCCESS
        if state != states.RETRY and self.deferred:
            self.deferred[1]()  # retry(throw=False): it goes on, and runs again
        return getattr(self, "end_" + state.lower(), self.end_failure)(order, info.retval if info else result)

    def end_success(self, order, result):
        try:
            self.channel.say(result=json.loads(plain(result)))
        except (TypeError, ValueError) as x:
            self.channel.say(log="the result is not shown in the row: %s" % x, level="warning")

    def end_ignored(self, order, reason):
        self.channel.say(log=str(reason) or "ignored", level="info")

    def end_rejected(self, order, reject):
        reason = "rejected: %s" % (reject.reason or "")
        if reject.requeue:
            self.channel.say(snooze=1, message=reason)
        else:
            self.channel.say(error=reason, retryable=False)

    def end_retry(self, order, retry):
        if not self.deferred:
            return self.end_failure(order, retry)
        (headers, properties, body, _), _ = self.deferred
        why = "retry: %s" % (describe(retry.exc) if retry.exc else "asked for")
        signals.before_task_publish.send(sender=order.name, body=body, exchange="", routing_key=order.queue, declare=[], headers=headers,
                                         properties=properties, retry_policy=None)
        _, _, text = dumps(body, serializer="json")
        kept = {AGAIN: {"headers": json.loads(plain(headers)), "body": text}, "retries": headers["retries"]}
        limits = limits_of(headers)
        if limits:
            kept["limits"] = limits
        self.channel.say(retry=seconds_until(headers.get("eta")), error=why, headers=kept)
        signals.after_task_publish.send(sender=order.name, body=body, headers=headers, exchange="", routing_key=order.queue)

    def end_failure(self, order, exc):
        self.channel.say(error=describe(exc), retryable=False)

    def is_spent(self):
        self.tasks_left -= 1
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, as the setting is
        return self.tasks_left == 0 or (self.most_memory and used > self.most_memory)

    def take(self, order):
        """One task, from its order to its last line. Whether the next one needs another process."""
        self.order, self.deferred = order, None
        try:
            self.run(order)
        except Cancelled:
            self.leave()
        except Exception as x:
            self.channel.say(error=describe(x), retryable=order.name == TELL)
        finally:
            self.order = None
        sys.stdout.flush()
        sys.stderr.flush()
        spent = self.is_spent()
        self.channel.say(end=order.line["id"], leaving=bool(spent))
        return spent

    def leave(self):
        signals.worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
        sys.stdout.flush()
        sys.stderr.flush()
        sys.exit(0)

    def serve(self):
        self.open()
        self.channel.say(ready=True, interrupt=True)
        for line in iter(self.channel.orders.readline, b""):
            if self.take(Order(json.loads(line))):
                break
        self.leave()


def describe(exc):
    text = str(exc)
    return "%s: %s" % (type(exc).__name__, text) if text else type(exc).__name__


# What a process did not live to tell --------------------------------------------------------------------------------------


def tell(app, told):
    """Mark a task as failed or revoked whose process died, or which never started, as the main process of a Celery worker does."""
    order = Order({"id": told["id"], "name": told["name"], "args": told.get("args"), "message": told["message"]})
    task = app.tasks[order.name]
    args, kwargs, links = order.call()
    request = Context(order.request(args, kwargs, links))
    if task.backend.get_state(order.id) == states.SUCCESS:
        return
    store = not (task.ignore_result or request.ignore_result) or task.store_errors_even_if_ignored
    if told["state"] == states.REVOKED:
        task.backend.mark_as_revoked(order.id, told["message_of"], request=request, store_result=store)
        signals.task_revoked.send(sender=task, request=request, terminated=told["message_of"] == "terminated", signum=None,
                                  expired=told["message_of"] == "expired")
        return
    module = importlib.import_module(told["module"])
    exc = getattr(module, told["type"], celery_exceptions.WorkerLostError)(told["message_of"])
    task.backend.mark_as_failure(order.id, exc, request=request, store_result=store)
    signals.task_failure.send(sender=task, task_id=order.id, exception=exc, args=args, kwargs=kwargs, traceback=None, einfo=None)


def main():
    channel = Channel()
    began = time.monotonic()
    try:
        app = open_app(sys.argv[1])
        if sys.argv[2:] == ["--names"]:
            channel.say(names=list(names(app)), seconds=round(time.monotonic() - began, 3))
            return
    except Exception as x:
        channel.say(failed=describe(x))
        raise
    Runner(app, channel).serve()


if __name__ == "__main__":
    main()
