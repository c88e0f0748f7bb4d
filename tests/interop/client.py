"""An ordinary Celery client, and what it has to see of tasks that drumbeat runs. Argument: the URL of the Redis."""
import json
import sys
import time

from celery import Celery, states, uuid
from celery.exceptions import NotRegistered, SoftTimeLimitExceeded, TaskRevokedError

app = Celery("client", broker=sys.argv[1], backend=sys.argv[1])
TIMEOUT = 60


def send(name, *args, **options):
    kwargs = options.pop("kwargs", {})
    return app.send_task(name, args=args, kwargs=kwargs, **options)


def raised(result):
    try:
        result.get(timeout=TIMEOUT)
    except Exception as x:
        return x
    raise AssertionError("%s did not fail" % result.id)


def keyword_arguments_are_the_handlers():
    r = send("echo", kwargs={"a": 1, "name": "Amélie"})
    assert r.get(timeout=TIMEOUT) == {"a": 1, "name": "Amélie"}
    assert r.state == "SUCCESS" and r.date_done is not None


def positional_arguments_have_a_place():
    assert send("echo", 1, "x", kwargs={"b": [True, None]}).get(timeout=TIMEOUT) == {"args": [1, "x"], "kwargs": {"b": [True, None]}}


def compressed_messages_are_read():
    for compression in ("zlib", "bzip2", "lzma"):
        assert send("echo", kwargs={"c": compression * 100}, compression=compression).get(timeout=TIMEOUT) == {"c": compression * 100}


def every_priority_is_served():
    results = [send("echo", kwargs={"p": p}, priority=p) for p in range(10)]
    assert [r.get(timeout=TIMEOUT)["p"] for r in results] == list(range(10))


def an_exception_is_raised_again_as_its_class():
    x = raised(send("fail", kwargs={"message": "ValueError: no such plan", "retryable": False}))
    assert type(x) is ValueError and x.args == ("no such plan",), repr(x)
    x = raised(send("fail", kwargs={"message": "something else", "retryable": False}))
    assert type(x) is Exception and "something else" in str(x), repr(x)


def a_time_limit_is_kept():
    x = raised(send("sleep", kwargs={"seconds": 60, "steps": 600}, soft_time_limit=1, time_limit=30))
    assert type(x) is SoftTimeLimitExceeded, repr(x)


def told(name, **options):
    """Every state of a new task as the backend publishes it, to the last."""
    task_id = uuid()
    listener = app.backend.client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(app.backend.get_key_for_task(task_id).decode())
    send(name, task_id=task_id, **options)
    metas = []
    deadline = time.time() + TIMEOUT
    while time.time() < deadline and not (metas and metas[-1]["status"] in states.READY_STATES):
        message = listener.get_message(timeout=1)
        if message:
            metas.append(json.loads(message["data"]))
    listener.close()
    return metas


def a_retry_is_told():
    seen = [meta["status"] for meta in told("fail", kwargs={"message": "not yet", "times": 1})]
    assert "RETRY" in seen and seen[-1] == "SUCCESS", seen


def progress_is_a_state():
    metas = told("sleep", kwargs={"seconds": 1.5, "steps": 3})
    seen = [meta["result"]["current"] for meta in metas if meta["status"] == "PROGRESS"]
    assert metas[-1]["status"] == "SUCCESS" and seen and seen == sorted(seen), metas


def what_is_to_be_ignored_leaves_nothing():
    r = send("echo", kwargs={"a": 1}, ignore_result=True)
    send("echo").get(timeout=TIMEOUT)
    assert app.backend.client.exists(app.backend.get_key_for_task(r.id)) == 0


def a_countdown_is_waited_for():
    began = time.time()
    assert send("echo", kwargs={"late": True}, countdown=1).get(timeout=TIMEOUT) == {"late": True}
    assert time.time() - began >= 1


def what_has_expired_is_revoked():
    x = raised(send("echo", countdown=1, expires=0.5))
    assert type(x) is TaskRevokedError and x.args == ("expired",), repr(x)


def ids_may_be_anything():
    assert send("echo", kwargs={"a": 1}, task_id="report 7/2026 é").get(timeout=TIMEOUT) == {"a": 1}


def nothing_is_left_in_redis():
    client = app.connection_for_read().channel().client
    deadline = time.time() + TIMEOUT
    while client.hlen("unacked") + client.zcard("unacked_index") + client.scard("celery.taking") and time.time() < deadline:
        time.sleep(0.05)
    assert client.hlen("unacked") == 0 and client.zcard("unacked_index") == 0 and client.scard("celery.taking") == 0


def unknown_names_are_answered():
    x = raised(send("nobody.has.this"))
    assert type(x) is NotRegistered, repr(x)


tests = sys.argv[2:] or ["keyword_arguments_are_the_handlers"]
for name in tests:
    globals()[name]()
    print("passed", name, flush=True)
