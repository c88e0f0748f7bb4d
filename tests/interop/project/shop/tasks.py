"""Tasks of every kind that a Django project has."""
import os
import time

from celery import Task, chain, group, shared_task, signals
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from django.db import transaction

from .models import Note


class OutOfStock(Exception):
    def __init__(self, article, missing):
        super().__init__(article, missing)
        self.article, self.missing = article, missing


def note(text):
    Note.objects.create(text=text)


@signals.task_prerun.connect
def on_prerun(sender=None, task_id=None, **_):
    if sender.name == "shop.tasks.signalled":
        note("prerun " + task_id)


@signals.task_postrun.connect
def on_postrun(sender=None, task_id=None, state=None, **_):
    if sender.name == "shop.tasks.signalled":
        note("postrun %s %s" % (task_id, state))


@signals.task_success.connect
def on_success(sender=None, result=None, **_):
    if sender.name == "shop.tasks.signalled":
        note("success %s" % result)


@signals.task_failure.connect
def on_failure(sender=None, task_id=None, exception=None, **_):
    if sender.name in ("shop.tasks.out_of_stock", "shop.tasks.dies"):
        note("failure %s %s" % (task_id, type(exception).__name__))


@signals.task_retry.connect
def on_retry(sender=None, request=None, **_):
    if sender.name == "shop.tasks.flaky":
        note("retry %s %d" % (request.id, request.retries))


@shared_task
def add(x, y):
    return x + y


@shared_task
def far_add(x, y):
    return x + y


@shared_task
def total(numbers):
    return sum(numbers)


@shared_task
def nothing():
    return None


@shared_task
def signalled(x):
    return x


@shared_task
def out_of_stock(article, missing=1):
    raise OutOfStock(article, missing)


@shared_task
def boom(message="no good"):
    raise ValueError(message)


@shared_task(bind=True)
def about_me(self, *args, **kwargs):
    r = self.request
    return {"id": r.id, "task": r.task, "args": list(r.args), "kwargs": r.kwargs, "retries": r.retries, "root_id": r.root_id, "parent_id": r.parent_id,
            "group": r.group, "queue": r.delivery_info["routing_key"], "priority": r.delivery_info["priority"], "eager": r.is_eager,
            "direct": r.called_directly, "correlation_id": r.correlation_id, "header": r.get("x_team"), "timelimit": r.timelimit, "expires": r.expires}


@shared_task(bind=True, max_retries=3)
def flaky(self, times, countdown=0.1):
    if self.request.retries < times:
        raise self.retry(exc=KeyError("again"), countdown=countdown)
    return self.request.retries


@shared_task(bind=True, max_retries=5)
def counts_down(self, n):
    """Tries again with other arguments."""
    if n:
        raise self.retry(args=[n - 1], countdown=0)
    return self.request.retries


@shared_task(autoretry_for=(OSError,), max_retries=2, default_retry_delay=0, retry_backoff=False)
def autoretried(key):
    note("tried " + key)
    raise OSError("no network")


@shared_task(bind=True)
def steps(self, n, key):
    for i in range(1, n + 1):
        self.update_state(state="PROGRESS", meta={"current": i, "total": n, "message": "step %d" % i})
    until(lambda: Note.objects.filter(text="seen " + key).exists())
    return n


@shared_task(soft_time_limit=1, time_limit=600)
def too_slow(catches):
    try:
        time.sleep(600)
    except SoftTimeLimitExceeded:
        if not catches:
            raise
        return "cleaned up"


@shared_task(time_limit=1)
def far_too_slow():
    try:
        time.sleep(600)
    except SoftTimeLimitExceeded:
        time.sleep(600)


@shared_task
def sleeps(key):
    note("asleep " + key)
    time.sleep(600)


@shared_task
def dies():
    os._exit(3)


@shared_task(ignore_result=True)
def unwatched(key):
    note("unwatched " + key)
    return key


@shared_task
def ignored():
    raise Ignore()


@shared_task
def rejected():
    raise Reject("not for me", requeue=False)


@shared_task(bind=True)
def replaced(self, x, y):
    raise self.replace(add.s(x, y))


@shared_task(bind=True)
def replaced_by_itself(self, n):
    if n:
        raise self.replace(replaced_by_itself.s(n - 1))
    return "here"


@shared_task(bind=True)
def replaced_by_many(self, n):
    raise self.replace(group(add.s(i, i) for i in range(n)))


@shared_task(bind=True)
def replaced_by_chain(self, x):
    raise self.replace(chain(add.s(x, 1), add.s(10)))


@shared_task(bind=True)
def joins(self, x):
    self.add_to_chord(add.s(x, 100))
    return x


@shared_task
def starts_more(n):
    return [add.delay(i, i).id for i in range(n)]


@shared_task
def in_transaction(key):
    with transaction.atomic():
        note("written " + key)
    return Note.objects.filter(text="written " + key).count()


class Counting(Task):
    """A class of the project's own, with state of its process and with handlers."""

    calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return super().__call__(*args, **kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        note("on_success " + task_id)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        note("on_failure %s %s" % (task_id, "ZeroDivisionError" in einfo.traceback))

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        note("after_return %s %s" % (task_id, status))


@shared_task(base=Counting, bind=True)
def divide(self, x, y):
    assert self.calls >= 1
    return x / y


@shared_task
def old_errback(task_id):
    note("errback " + task_id)


@shared_task
def new_errback(request, exc, traceback):
    note("errback %s %s %s" % (request.id, type(exc).__name__, bool(traceback)))


@shared_task
def callback(result, key):
    note("callback %s %s" % (key, result))


@shared_task
def ticked(key):
    note("ticked " + key)
    return key


def until(question, seconds=60):
    deadline = time.time() + seconds
    while not question():
        assert time.time() < deadline, "waited in vain"
        time.sleep(0.05)
