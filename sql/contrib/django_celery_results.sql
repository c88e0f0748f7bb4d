-- A view over drumbeat.task that imitates the table of django-celery-results, for code and admin pages that read
-- django_celery_results.models.TaskResult. It is read only. Apply it once in the database of the application, in a schema of its search_path;
-- a table of that name that is there already has to be renamed first. TaskResult needs no change: it reads from this view.
CREATE OR REPLACE VIEW django_celery_results_taskresult AS
SELECT ('x0' || substr(t.id::text, 4, 5) || substr(t.id::text, 10, 4) || substr(t.id::text, 16, 3) || substr(t.id::text, 21, 3))::bit(64)::bigint AS id, -- time and counter
       coalesce(t.external_id, t.id::text)::varchar(255) AS task_id,
       t.name::varchar(255) AS task_name,
       coalesce(t.args ->> 'args', '[]') AS task_args,
       CASE WHEN jsonb_typeof(t.args -> 'args') = 'array' THEN coalesce(t.args ->> 'kwargs', '{}') ELSE t.args::text END AS task_kwargs,
       CASE t.status WHEN 'QUEUED' THEN CASE WHEN t.attempt > 0 THEN 'RETRY' ELSE 'PENDING' END WHEN 'RUNNING' THEN 'STARTED' WHEN 'SUCCESS' THEN 'SUCCESS'
                     WHEN 'ERRORED' THEN 'FAILURE' ELSE 'REVOKED' END::varchar(50) AS status,
       t.worker::varchar(100) AS worker,
       'application/json'::varchar(128) AS content_type,
       'utf-8'::varchar(64) AS content_encoding,
       CASE WHEN t.status = 'SUCCESS' THEN coalesce(t.result::text, 'null')
            WHEN t.error IS NOT NULL THEN jsonb_build_object('exc_type', 'Exception', 'exc_message', jsonb_build_array(t.error), 'exc_module', 'builtins')::text END AS result,
       t.created_at AS date_created,
       t.started_at AS date_started,
       coalesce(t.ended_at, t.started_at, t.created_at) AS date_done,
       CASE WHEN t.status <> 'SUCCESS' THEN t.error END AS traceback,
       jsonb_build_object('children', '[]'::jsonb)::text AS meta,
       t.schedule::varchar(255) AS periodic_task_name
  FROM drumbeat.task t;
