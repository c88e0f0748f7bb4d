"""A worker of Celery beside ours on one queue, and those who take back what nobody has kept fresh. Arguments: URL, seconds of
visibility, then
    worker   run tasks named fleet.long, acknowledged late; SIGTERM ends it
    restore  take back whatever was held for longer than that, again and again
"""
import sys
import time

from celery import Celery

url, visibility, role = sys.argv[1], float(sys.argv[2]), sys.argv[3]
app = Celery("fleet", broker=url, backend=url)
app.conf.broker_transport_options = {"visibility_timeout": visibility}
app.conf.worker_prefetch_multiplier = 1


@app.task(name="fleet.long", acks_late=True)
def fleet_long(n, seconds):
    client = app.connection_for_read().channel().client
    client.rpush("runs:%d" % n, "celery")
    time.sleep(seconds)
    return n


if role == "worker":
    app.worker_main(["worker", "-c", "2", "-P", "threads", "-l", "info"])
else:
    with app.connection_for_read() as connection:
        qos = connection.default_channel.qos
        print("restoring", flush=True)
        while True:
            qos.restore_visible(interval=1)
            time.sleep(0.2)
