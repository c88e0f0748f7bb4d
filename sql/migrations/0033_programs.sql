-- Tasks that programs run which stay (command.keep), above all those of a Celery application.

-- Let a running task run once more, whatever its attempts: the program that runs it decides how often. `more` is what that run has to know.
CREATE FUNCTION drumbeat.run_again(id uuid, fence bigint, more jsonb) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    UPDATE drumbeat.running r SET allowed = greatest(r.allowed, r.attempt + 1) WHERE r.task_id = id AND (r.fence = run_again.fence) IS TRUE;
    IF more IS NOT NULL THEN
        UPDATE drumbeat.task_body b SET headers = coalesce(b.headers, '{}') || more WHERE b.id = run_again.id;
    END IF;
END $$;

-- What there is of the message that a task came as.
CREATE FUNCTION drumbeat.message_of(id uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('headers', b.headers, 'queue', b.queue, 'priority', b.priority, 'external_id', m.external_id, 'embed', m.embed)
      FROM drumbeat.task_body b LEFT JOIN drumbeat.celery_message m ON m.task_id = b.id WHERE b.id = message_of.id
$$;

-- A task of a Celery application ended and its process cannot tell of it any more, or never began: somebody else of the same application will.
CREATE FUNCTION drumbeat.celery_tell(id uuid, state text, type text, module text, why text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    body drumbeat.task_body;
BEGIN
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = celery_tell.id;
    PERFORM drumbeat.enqueue('drumbeat.tell', jsonb_build_object('id', id, 'name', body.name, 'args', body.args, 'message', drumbeat.message_of(id), 'state', state,
                                                                 'type', type, 'module', module, 'message_of', why),
                             queue => 'drumbeat.tell', priority => 0, unique_key => id::text, created_by => 'drumbeat');
END $$;

REVOKE ALL ON FUNCTION drumbeat.run_again, drumbeat.message_of, drumbeat.celery_tell FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.run_again, drumbeat.message_of, drumbeat.celery_tell TO drumbeat_work;
    END IF;
END $$;
