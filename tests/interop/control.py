"""Remote control of a drumbeat worker by an unmodified Celery. Arguments: the URL of the Redis, then names of functions."""
import subprocess
import sys
import time

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded, TaskRevokedError

app = Celery("client", broker=sys.argv[1], backend=sys.argv[1])
TIMEOUT = 60
ANSWER = {"reply": True, "limit": 1, "timeout": TIMEOUT}


def inspect():
    """To be asked with patience: the first answer is all there are."""
    return app.control.inspect(limit=1, timeout=TIMEOUT)


def only(replies):
    assert replies and len(replies) == 1, replies
    (name, answer), = replies.items() if isinstance(replies, dict) else replies[0].items()
    assert name.startswith("drumbeat-"), name
    return answer


def until(question):
    deadline = time.time() + TIMEOUT
    while time.time() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def send(name, **options):
    return app.send_task(name, kwargs=options.pop("kwargs", {}), queue="celery", **options)


def the_command_line_sees_it():
    (name,) = inspect().ping()
    for words in (["status"], ["inspect", "active_queues"]):
        run = subprocess.run([sys.executable, "-m", "celery", "-b", sys.argv[1]] + words + ["-t", str(TIMEOUT), "-d", name],
                             capture_output=True, text=True, timeout=2 * TIMEOUT)
        assert run.returncode == 0 and "drumbeat-" in run.stdout, run.stdout + run.stderr


def it_says_what_it_has():
    assert only(inspect().ping()) == {"ok": "pong"}
    assert {"echo", "noop", "sleep"} <= set(only(inspect().registered()))
    assert [q["name"] for q in only(inspect().active_queues())] == ["celery", "py"]
    stats = only(inspect().stats())
    assert stats["pool"]["max-concurrency"] == 1 and len(stats["pool"]["processes"]) == 1, stats
    before = stats["total"].get("echo", 0)
    send("echo").get(timeout=TIMEOUT)
    until(lambda: only(inspect().stats())["total"].get("echo", 0) == before + 1)
    assert only(inspect().clock())["clock"] > 0


def tasks_are_listed_where_they_stand():
    late = send("echo", countdown=3600, kwargs={"a": 1})
    running = send("sleep", kwargs={"seconds": 600})
    waiting = send("sleep", kwargs={"seconds": 600})
    request = until(lambda: only(inspect().active()))[0]
    assert request["id"] == running.id and request["name"] == "sleep" and request["kwargs"] == {"seconds": 600}, request
    assert request["worker_pid"] > 0 and request["time_start"] <= time.time() + 1 and request["delivery_info"]["routing_key"] == "celery"
    scheduled = until(lambda: only(inspect().scheduled()))[0]
    assert scheduled["request"]["id"] == late.id and scheduled["eta"], scheduled
    assert only(inspect().query_task([late.id, running.id, "nobody"])).keys() == {late.id, running.id}
    app.control.revoke([late.id, waiting.id])
    app.control.revoke(running.id, terminate=True)
    for result in (late, running, waiting):
        try:
            result.get(timeout=TIMEOUT)
            raise AssertionError("%s was not revoked" % result.id)
        except TaskRevokedError:
            pass


def a_revoke_without_terminate_leaves_what_runs():
    running = send("sleep", kwargs={"seconds": 600})
    until(lambda: only(inspect().active()))
    assert only(app.control.revoke(running.id, **ANSWER)) == {"ok": "tasks %s flagged as revoked" % running.id}
    assert [request["id"] for request in only(inspect().active())] == [running.id]
    assert only(app.control.revoke("nobody", terminate=True, **ANSWER)) == {"ok": "terminate: tasks unknown"}
    assert only(app.control.revoke([running.id, "nobody"], terminate=True, **ANSWER)) == {"ok": "terminate: %s" % running.id}
    until(lambda: not only(inspect().active()))


def a_revoke_is_kept():
    app.control.revoke("to come")
    until(lambda: "to come" in only(inspect().revoked()))
    try:
        send("echo", task_id="to come").get(timeout=TIMEOUT)
        raise AssertionError("it ran")
    except TaskRevokedError:
        pass


def what_cannot_be_changed_is_refused_with_the_reason():
    assert only(app.control.rate_limit("echo", "10/m", **ANSWER)) == {"ok": "new rate limit set successfully"}
    assert only(app.control.rate_limit("echo", 0, **ANSWER)) == {"ok": "rate limit disabled successfully"}
    assert only(app.control.rate_limit("nobody", "1/s", **ANSWER)) == {"error": "unknown task"}
    assert "error" in only(app.control.rate_limit("echo", "often", **ANSWER))
    assert "ok" in only(app.control.add_consumer("celery", **ANSWER))
    assert "error" in only(app.control.add_consumer("other", **ANSWER))
    assert only(app.control.time_limit("nobody", soft=1, **ANSWER)) == {"error": "unknown task"}
    assert "error" in only(app.control.time_limit("echo", soft=-1, **ANSWER))
    assert "error" in only(app.control.autoscale(1, 5, **ANSWER))
    assert "error" in only(app.control.pool_shrink(5, **ANSWER))
    assert only(app.control.heartbeat(**ANSWER)) is None
    assert only(app.control.broadcast("nonsense", **ANSWER)) == {"error": "KeyError('nonsense')"}


def children():
    return len(only(inspect().stats())["pool"]["processes"])


def a_pool_grows_and_shrinks():
    assert only(app.control.pool_grow(2, **ANSWER)) == {"ok": "pool will grow"}
    until(lambda: children() == 3)
    running = [send("sleep", kwargs={"seconds": 600}) for _ in range(3)]
    until(lambda: len(only(inspect().active())) == 3)
    app.control.revoke([r.id for r in running], terminate=True)
    assert only(app.control.pool_shrink(2, **ANSWER)) == {"ok": "pool will shrink"}
    until(lambda: children() == 1)
    send("echo").get(timeout=TIMEOUT)


def a_pool_follows_what_waits():
    assert only(app.control.autoscale(3, 1, **ANSWER)) == {"ok": "autoscale now max=3 min=1"}
    running = [send("sleep", kwargs={"seconds": 600}) for _ in range(4)]
    until(lambda: len(only(inspect().active())) == 3)
    assert children() == 3
    app.control.revoke([r.id for r in running], terminate=True)
    assert only(app.control.autoscale(1, 1, **ANSWER)) == {"ok": "autoscale now max=1 min=1"}
    until(lambda: children() == 1)


def limits_are_changed():
    assert only(app.control.time_limit("sleep", soft=1, hard=600, **ANSWER)) == {"ok": "time limits set successfully"}
    try:
        send("sleep", kwargs={"seconds": 600}).get(timeout=TIMEOUT)
        raise AssertionError("it ended well")
    except SoftTimeLimitExceeded:
        pass
    assert only(app.control.time_limit("sleep", **ANSWER)) == {"ok": "time limits set successfully"}


def a_queue_is_left_and_taken_up_again():
    assert only(app.control.cancel_consumer("celery", **ANSWER)) == {"ok": "no longer consuming from celery"}
    assert [q["name"] for q in only(inspect().active_queues())] == ["py"]
    waiting = send("echo")
    client = app.connection_for_read().channel().client
    until(lambda: client.llen("celery") == 1)
    assert only(app.control.add_consumer("celery", **ANSWER)) == {"ok": "add consumer celery"}
    waiting.get(timeout=TIMEOUT)


def tasks_are_told_to_who_listens():
    """As Flower does: switch events on, and keep what they say in Celery's own picture of the cluster."""
    app.control.enable_events()
    state = app.events.State()
    told = {}
    wanted = {}
    deadline = time.time() + TIMEOUT

    def take(event):
        state.event(event)
        if event["type"].startswith("task-"):
            told.setdefault(event["uuid"], []).append(event["type"])
        elif not wanted:
            send_all()  # a heartbeat: we listen
        receiver.should_stop = time.time() > deadline or all(told.get(r.id, [None])[-1] == last for r, last in wanted.items())

    def send_all():
        wanted[send("echo", kwargs={"a": 1})] = "task-succeeded"
        wanted[send("fail", kwargs={"message": "ValueError: it's over", "retryable": False})] = "task-failed"
        wanted[send("fail", kwargs={"message": "not yet", "times": 1})] = "task-succeeded"
        late = send("echo", countdown=3600)
        wanted[late] = "task-revoked"
        app.control.revoke(late.id)

    assert only(app.control.enable_events(**ANSWER)) == {"ok": "task events already enabled"}
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": take})
        receiver.capture(limit=None, timeout=TIMEOUT, wakeup=True)
    echo, failed, retried, late = wanted
    assert told.keys() == {r.id for r in wanted}, (told, list(wanted))
    assert told[echo.id] == ["task-received", "task-started", "task-succeeded"], told
    assert told[failed.id] == ["task-received", "task-started", "task-failed"], told
    assert told[retried.id][0] == "task-received" and "task-retried" in told[retried.id], told
    assert told[late.id] == ["task-received", "task-revoked"], told
    task = state.tasks[echo.id]
    assert task.name == "echo" and task.state == "SUCCESS" and task.runtime >= 0 and task.worker.hostname.startswith("drumbeat-"), task.info()
    assert "'a': 1" in task.kwargs, task.kwargs
    assert state.tasks[failed.id].exception == "ValueError('it\\'s over')", state.tasks[failed.id].exception
    assert state.tasks[late.id].state == "REVOKED"
    assert only(app.control.disable_events(**ANSWER)) == {"ok": "task events disabled"}


def others_are_left_alone():
    assert app.control.ping(destination=["somebody@else"], timeout=1) == []
    until(lambda: len(app.control.ping(pattern="drumbeat-*", matcher="glob", timeout=1)) == 1)


def it_beats():
    seen = []

    def take(event):
        seen.append(event)
        if len(seen) == 2:
            receiver.should_stop = True

    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"worker-heartbeat": take})
        receiver.capture(limit=None, timeout=TIMEOUT, wakeup=False)
    assert seen[0]["hostname"].startswith("drumbeat-") and seen[1]["clock"] > seen[0]["clock"] and seen[0]["sw_ident"] == "drumbeat"
    assert app.events.State is not None


def it_shuts_down():
    app.control.shutdown()


for name in sys.argv[2:]:
    globals()[name]()
    print("passed", name, flush=True)
