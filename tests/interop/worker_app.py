"""An ordinary Celery application, run by an unmodified worker: the other side of tests/test_celery_out.c."""
import os
import time

from celery import Celery

app = Celery('app', broker=os.environ['BROKER'], backend=os.environ['BROKER'])
app.conf.task_track_started = True


@app.task(name='add')
def add(x, y):
    return x + y


@app.task(name='total')
def total(numbers):
    return sum(numbers)


@app.task(name='boom')
def boom():
    raise ValueError('no good')


@app.task(name='steps', bind=True)
def steps(self, n):
    for i in range(1, n + 1):
        self.update_state(state='PROGRESS', meta={'current': i, 'total': n, 'message': 'step %d' % i})
    return n


@app.task(name='flaky', bind=True, max_retries=2)
def flaky(self):
    if self.request.retries < 1:
        raise self.retry(exc=KeyError('again'), countdown=0.3)
    return 'ok'


@app.task(name='nap')
def nap(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name='first_of')
def first_of(arguments):
    return arguments['args'][0]


@app.task(name='count')
def count(results):
    return len(results)


@app.task(name='keep')
def keep(value, key):
    app.backend.client.rpush('kept-' + key, app.backend.encode(value))


@app.task(name='keep_none')
def keep_none(value, key):
    return [key]
