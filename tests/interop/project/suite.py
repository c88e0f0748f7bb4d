"""The project's own tests: they know nothing of drumbeat, and pass with any worker of the queues office and far.

    suite.py [names of tests]      with BROKER, BACKEND, OFFICE as office/settings.py reads them, after `django migrate --run-syncdb`
"""
import datetime
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "office.settings")
import django  # noqa: E402

django.setup()

from celery import chain, chord, group, states  # noqa: E402
from celery.exceptions import ChordError, SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded, WorkerLostError  # noqa: E402
from celery.result import AsyncResult, GroupResult  # noqa: E402
from django_celery_results.models import TaskResult  # noqa: E402

from office import celery_app as app  # noqa: E402
from shop import tasks as t  # noqa: E402
from shop.models import Note  # noqa: E402

WAIT = 90
IN_REDIS = os.environ["BACKEND"].startswith("redis")


def get(result, **options):
    return result.get(timeout=WAIT, interval=0.05, **options)


def noted(text):
    t.until(lambda: Note.objects.filter(text=text).exists(), WAIT)


def key():
    return uuid.uuid4().hex


class Calls(unittest.TestCase):
    def test_results_of_every_type(self):
        for x, y in ((1, 2), (1.5, 2), ("a", "b"), ([1], [{"z": 1, "a": [None, True]}])):
            self.assertEqual(get(t.add.delay(x, y)), x + y)
        self.assertIsNone(get(t.nothing.delay()))
        self.assertEqual(get(t.add.apply_async(kwargs={"x": 1, "y": 2})), 3)
        self.assertEqual(get(app.send_task("shop.tasks.add", (1,), {"y": 2})), 3)
        self.assertEqual(list(get(t.about_me.delay(b=1, aa=2, a=3))["kwargs"]), ["b", "aa", "a"])
        self.assertIsInstance(get(t.add.delay(1e16, 0.0)), float)

    def test_the_request(self):
        r = t.about_me.apply_async((1, "two"), {"k": [3]}, priority=3, headers={"x_team": "blue"}, soft_time_limit=50, time_limit=60)
        me = get(r)
        self.assertEqual((me["id"], me["root_id"], me["parent_id"], me["correlation_id"]), (r.id, r.id, None, r.id))
        self.assertEqual((me["args"], me["kwargs"], me["retries"]), ([1, "two"], {"k": [3]}, 0))
        self.assertEqual((me["task"], me["queue"], me["priority"]), ("shop.tasks.about_me", "office", 3))
        self.assertEqual((me["eager"], me["direct"], me["header"], me["timelimit"]), (False, False, "blue", [60, 50]))

    def test_exceptions_are_those_of_the_project(self):
        r = t.out_of_stock.delay("nails", missing=7)
        with self.assertRaises(t.OutOfStock) as caught:
            get(r)
        self.assertEqual((caught.exception.article, caught.exception.missing), ("nails", 7))
        self.assertIn("raise OutOfStock(article, missing)", r.traceback)
        noted("failure %s OutOfStock" % r.id)
        with self.assertRaisesRegex(ValueError, "^no good$"):
            get(t.boom.delay())

    def test_what_is_kept_of_a_result(self):
        r = t.add.delay(1, 2)
        get(r)
        self.assertEqual(r.state, states.SUCCESS)
        self.assertTrue(r.date_done)
        if IN_REDIS:
            self.assertEqual((r.name, r.args, r.retries), ("shop.tasks.add", [1, 2], 0))
        else:
            kept = TaskResult.objects.get(task_id=r.id)
            self.assertEqual((kept.task_name, kept.status, kept.result), ("shop.tasks.add", "SUCCESS", "3"))
            self.assertTrue(kept.worker)

    def test_nothing_is_kept_of_a_result_that_is_ignored(self):
        k = key()
        r = t.unwatched.delay(k)
        noted("unwatched " + k)
        get(t.nothing.delay())
        self.assertEqual(r.state, "PENDING")

    def test_later_and_too_late(self):
        began = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(get(t.add.apply_async((1, 1), countdown=1)), 2)
        self.assertGreaterEqual((datetime.datetime.now(datetime.timezone.utc) - began).total_seconds(), 1)
        self.assertEqual(get(t.add.apply_async((1, 1), eta=began)), 2)
        late = t.add.apply_async((1, 1), expires=began - datetime.timedelta(seconds=60))
        with self.assertRaises(TaskRevokedError):
            get(late)


class Work(unittest.TestCase):
    def test_a_class_of_the_project(self):
        good, bad = t.divide.delay(4, 2), t.divide.delay(1, 0)
        self.assertEqual(get(good), 2)
        with self.assertRaises(ZeroDivisionError):
            get(bad)
        for text in ("on_success %s", "after_return %s SUCCESS"):
            noted(text % good.id)
        for text in ("on_failure %s True", "after_return %s FAILURE"):
            noted(text % bad.id)

    def test_signals(self):
        r = t.signalled.delay("x" + key())
        value = get(r)
        for text in ("prerun " + r.id, "postrun %s SUCCESS" % r.id, "success " + value):
            noted(text)

    def test_the_database(self):
        self.assertEqual(get(t.in_transaction.delay(key())), 1)

    def test_retries(self):
        r = t.flaky.delay(2)
        self.assertEqual(get(r), 2)
        noted("retry %s 0" % r.id)
        noted("retry %s 1" % r.id)
        with self.assertRaises(KeyError):
            get(t.flaky.delay(9))
        self.assertEqual(get(t.counts_down.delay(3)), 3)

    def test_a_retry_can_be_seen(self):
        r = t.flaky.delay(1, countdown=2)
        t.until(lambda: r.state == states.RETRY)
        self.assertIsInstance(r.result, KeyError)
        self.assertEqual(get(r), 1)

    def test_exceptions_that_are_retried(self):
        k = key()
        with self.assertRaisesRegex(OSError, "no network"):
            get(t.autoretried.delay(k))
        self.assertEqual(Note.objects.filter(text="tried " + k).count(), 3)

    def test_progress(self):
        k = key()
        r = t.steps.delay(3, k)
        t.until(lambda: r.state == "PROGRESS" and r.info["current"] == 3)
        self.assertEqual(r.info, {"current": 3, "total": 3, "message": "step 3"})
        Note.objects.create(text="seen " + k)
        self.assertEqual(get(r), 3)

    def test_time_limits(self):
        self.assertEqual(get(t.too_slow.delay(True)), "cleaned up")
        with self.assertRaises(SoftTimeLimitExceeded):
            get(t.too_slow.delay(False))
        with self.assertRaises(TimeLimitExceeded):
            get(t.far_too_slow.delay())
        self.assertEqual(get(t.add.delay(1, 1)), 2)

    def test_a_task_that_kills_its_process(self):
        r = t.dies.delay()
        with self.assertRaises(WorkerLostError):
            get(r)
        noted("failure %s WorkerLostError" % r.id)
        self.assertEqual(get(t.add.delay(1, 1)), 2)

    def test_revokes(self):
        k = key()
        running = t.sleeps.delay(k)
        noted("asleep " + k)
        app.control.revoke(running.id, terminate=True)
        with self.assertRaises(TaskRevokedError):
            get(running)
        waiting = t.add.apply_async((1, 1), countdown=30)
        app.control.revoke(waiting.id)
        with self.assertRaises(TaskRevokedError):
            get(waiting)

    def test_ignored_and_rejected(self):
        for task in (t.ignored, t.rejected):
            r = task.delay()
            get(t.nothing.delay())
            self.assertIn(r.state, ("PENDING", "STARTED"))

    def test_tasks_that_start_tasks(self):
        r = t.starts_more.delay(3)
        ids = get(r)
        self.assertEqual([get(AsyncResult(i)) for i in ids], [0, 2, 4])
        self.assertEqual({child.id for child in r.children}, set(ids))

    def test_replaced(self):
        self.assertEqual(get(t.replaced.delay(1, 2)), 3)
        self.assertEqual(get(t.replaced_by_itself.delay(3)), "here")
        self.assertEqual(get(t.replaced_by_chain.delay(1)), 12)
        self.assertEqual(get(t.replaced_by_many.delay(3)), [0, 2, 4])
        self.assertEqual(get(chain(t.replaced.s(1, 2), t.add.s(10)).delay()), 13)
        self.assertEqual(get(chord([t.replaced.s(1, 1), t.add.s(2, 2)], t.total.s()).delay()), 6)


class Canvas(unittest.TestCase):
    def test_chains(self):
        r = chain(t.add.s(1, 2), t.add.s(4), t.add.si(5, 5), t.add.s(1)).delay()
        self.assertEqual(get(r), 11)
        self.assertEqual(r.parent.get(), 10)
        self.assertEqual(get((t.add.s(1, 2) | t.far_add.s(3) | t.add.s(4)).delay()), 10)

    def test_a_chain_that_breaks(self):
        r = chain(t.add.s(1, 2), t.boom.si("broken"), t.add.s(4)).delay()
        with self.assertRaisesRegex(ValueError, "broken"):
            get(r)

    def test_groups(self):
        r = group(t.add.s(i, i) for i in range(10)).delay()
        self.assertEqual(get(r), [2 * i for i in range(10)])
        r.save()
        self.assertEqual(GroupResult.restore(r.id).join(timeout=WAIT), [2 * i for i in range(10)])

    @unittest.skipUnless(IN_REDIS, "django-celery-results counts chords with row locks, which SQLite does not have")
    def test_chords(self):
        self.assertEqual(get(chord((t.add.s(i, i) for i in range(5)), t.total.s()).delay()), 20)
        self.assertEqual(get(chain(group(t.add.s(1, 1), t.far_add.s(2, 2)), t.total.s(), t.add.s(1)).delay()), 7)
        self.assertEqual(get(chord([t.flaky.s(1), t.add.s(1, 1)], t.total.s()).delay()), 3)

    def test_nested(self):
        inner = chord([t.add.s(1, 1), t.add.s(2, 2)], t.total.s())
        self.assertEqual(get(chord([inner, t.add.s(4, 4)], t.total.s()).delay()), 14)
        self.assertEqual(get(group(chain(t.add.s(1, 1), t.add.s(1)), group(t.add.s(5, 5))).delay()), [3, 10])
        self.assertEqual(get(chain(t.add.s(1, 1), group(t.add.s(1), t.add.s(2)), t.total.s()).delay()), 7)

    def test_a_chord_that_breaks(self):
        body = t.total.s().on_error(t.old_errback.s())
        r = chord([t.add.s(1, 1), t.boom.s()], body).delay()
        t.until(lambda: r.state == states.FAILURE, WAIT)
        self.assertIsInstance(r.result, ChordError)
        noted("errback " + r.id)

    def test_map_starmap_chunks(self):
        self.assertEqual(get(t.total.map([[1, 2], [3, 4]]).delay()), [3, 7])
        self.assertEqual(get(t.add.starmap([(1, 2), (3, 4)]).delay()), [3, 7])
        self.assertEqual(get(t.add.chunks(((i, i) for i in range(7)), 3).group().delay()), [[0, 2, 4], [6, 8, 10], [12]])
        self.assertEqual(get(t.add.chunks(((i, i) for i in range(4)), 2).delay()), [[0, 2], [4, 6]])

    def test_callbacks(self):
        k = key()
        r = t.add.apply_async((1, 2), link=[t.callback.s(k), t.callback.s(k + "2")])
        noted("callback %s 3" % k)
        noted("callback %s2 3" % k)
        self.assertEqual(get(r), 3)
        for errback, text in ((t.old_errback, "errback %s"), (t.new_errback, "errback %s ValueError True")):
            r = t.boom.apply_async(link_error=errback.s())
            noted(text % r.id)

    def test_errbacks_of_what_a_process_did_not_survive(self):
        r = t.dies.apply_async(link_error=t.old_errback.s())
        noted("errback " + r.id)

    @unittest.skipUnless(IN_REDIS, "only Redis adds to chords")
    def test_a_chord_that_grows(self):
        self.assertEqual(get(chord([t.joins.s(1), t.add.s(2, 2)], t.total.s()).delay()), 106)


if __name__ == "__main__":
    unittest.main(verbosity=2)
