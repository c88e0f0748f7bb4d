"""BROKER and BACKEND are the project's only settings from outside; the folder of its database is OFFICE."""
import os

SECRET_KEY = "only a test"
INSTALLED_APPS = ["shop", "django_celery_results", "django_celery_beat"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(os.environ["OFFICE"], "office.db"), "OPTIONS": {"timeout": 60}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGGING_CONFIG = None

CELERY_BROKER_URL = os.environ["BROKER"]
CELERY_RESULT_BACKEND = os.environ["BACKEND"]
CELERY_RESULT_EXTENDED = True
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_DEFAULT_QUEUE = "office"
CELERY_TASK_ROUTES = {"shop.tasks.far_*": {"queue": "far"}}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
