-- Whether any task was handed to Celery and has not ended. One row. (A task is here before its message can be.)
SELECT EXISTS (SELECT FROM drumbeat.sent)
