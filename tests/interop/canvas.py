"""Canvas of an ordinary Celery client over two kinds of workers: tasks of the queue "celery" are drumbeat's, those of "py" an unmodified
worker's (worker_app.py). Arguments: the URL of the Redis, then names of functions."""
import sys
import time

from celery import Celery, chain, chord, group, signature, states
from celery.exceptions import ChordError

app = Celery("client", broker=sys.argv[1], backend=sys.argv[1])
TIMEOUT = 60


def ours(name, *args, **kwargs):
    return signature(name, args=args, kwargs=kwargs, queue="celery", app=app)


def theirs(name, *args, **kwargs):
    return signature(name, args=args, kwargs=kwargs, queue="py", app=app)


def raised(result):
    try:
        result.get(timeout=TIMEOUT)
    except Exception as x:
        return x
    raise AssertionError("%s did not fail" % result.id)


def ended(task_id):
    """What the backend has of a task, once it is an end."""
    for _ in range(TIMEOUT * 10):
        meta = app.backend.get_task_meta(task_id, cache=False)
        if meta["status"] in states.READY_STATES:
            break
        time.sleep(0.1)
    return meta


def a_chain_goes_through_both():
    r = (theirs("add", 1, 2) | ours("echo") | theirs("first_of") | theirs("add", 10)).apply_async()
    assert r.get(timeout=TIMEOUT) == 13
    assert r.parent.parent.get(timeout=TIMEOUT) == {"args": [3], "kwargs": {}}, r.parent.parent.get()


def a_callback_gets_the_result():
    r = app.send_task("echo", kwargs={"x": 5}, queue="celery", link=theirs("keep", "linked"))
    assert r.get(timeout=TIMEOUT) == {"x": 5}
    assert kept("linked") == {"x": 5}


def an_errback_gets_the_id():
    r = app.send_task("fail", kwargs={"message": "KeyError: k", "retryable": False}, queue="celery", link_error=theirs("keep", "failed"))
    assert type(raised(r)) is KeyError
    assert kept("failed") == r.id


def kept(key):
    reply = app.backend.client.blpop("kept-" + key, timeout=TIMEOUT)
    assert reply, key
    return app.backend.decode(reply[1])


def a_group_is_run():
    assert group(ours("echo", n=i) for i in range(5)).apply_async().get(timeout=TIMEOUT) == [{"n": i} for i in range(5)]


def a_chord_counts_members_of_both():
    r = chord([theirs("add", i, i) for i in range(3)] + [ours("echo", n=i) for i in range(3)], theirs("count")).apply_async()
    assert r.get(timeout=TIMEOUT) == 6
    r = chord([ours("echo", n=i) for i in range(40)], theirs("count")).apply_async()
    assert r.get(timeout=TIMEOUT) == 40


def a_chord_may_have_its_body_here():
    r = chord([ours("echo", n=i) for i in range(3)], ours("echo")).apply_async()
    assert r.get(timeout=TIMEOUT) == {"args": [[{"n": 0}, {"n": 1}, {"n": 2}]], "kwargs": {}}


def a_group_in_a_chain_is_a_chord():
    r = (ours("echo", a=1) | group(theirs("keep_none", 1), ours("echo")) | theirs("count") | theirs("add", 1)).apply_async()
    assert r.get(timeout=TIMEOUT) == 3


def groups_in_a_chord_stay_nested():
    members = [ours("echo") | group(ours("echo", n=1).set(immutable=True), ours("echo", n=2).set(immutable=True)), ours("echo", n=3)]
    r = chord(members, ours("echo")).apply_async()
    assert r.get(timeout=TIMEOUT)["args"] == [[[{"n": 1}, {"n": 2}], {"n": 3}]], r.get()


def a_chain_in_a_chord_counts_with_its_last_step():
    r = chord([theirs("add", 1, 1) | ours("echo"), ours("echo", b=2) | theirs("keep_none", 2)], theirs("count")).apply_async()
    assert r.get(timeout=TIMEOUT) == 2


def a_torn_chord_fails_its_body():
    r = chord([ours("echo"), ours("fail", message="ValueError: v", retryable=False)], theirs("count")).apply_async()
    assert type(raised(r)) is ValueError  # of the member, which a client looks at first and which is written first
    body = ended(r.id)
    assert body["status"] == "FAILURE" and type(body["result"]) is ChordError, body
    assert str(body["result"]) == "Dependency %s raised ValueError('v')" % r.parent[1].id, body


def the_rest_of_a_broken_chain_fails():
    r = (ours("fail", message="ValueError: v", retryable=False) | theirs("keep_none", 1) | theirs("keep_none", 2)).apply_async()
    x = raised(r)
    assert type(x) is ValueError, repr(x)


for name in sys.argv[2:]:
    globals()[name]()
    print("passed", name, flush=True)
