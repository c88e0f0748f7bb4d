-- Why a task waits: a word and a sentence a reason, in the order in which they hold it up. No row: it does not wait (it runs, has ended, or there is
-- none of this id). Another table in which tasks wait is another branch here, another thing that keeps claims from a queue another row of
-- why_unclaimed().

-- How many of a lane's tasks are ahead of this place; more than 10,000 are not counted.
CREATE FUNCTION drumbeat.ahead(queue text, priority int, flow int, seq bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM (SELECT FROM drumbeat.ready r
                           WHERE r.queue = ahead.queue COLLATE "C" AND r.priority = ahead.priority::smallint AND r.flow = ahead.flow::smallint
                             AND r.seq < ahead.seq LIMIT 10001) x
$$;

-- For a task that could be claimed.
CREATE FUNCTION drumbeat.why_unclaimed(body drumbeat.task_body, r drumbeat.ready) RETURNS TABLE (reason text, detail text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    q       drumbeat.queue_state;
    serving uuid[];
    able    uuid[];
    seats   bigint;
    busy    bigint;
    n       bigint := drumbeat.ahead(r.queue, r.priority, r.flow, r.seq);
    urgent  bigint;
BEGIN
    SELECT * INTO q FROM drumbeat.queue_state s WHERE s.name = r.queue AND s.paused;
    IF FOUND THEN
        RETURN QUERY SELECT 'paused', format('queue %s is paused since %s by %s%s', q.name, date_trunc('second', q.paused_at), q.paused_by, ': ' || q.paused_reason);
    END IF;
    SELECT array_agg(w.id), array_agg(w.id) FILTER (WHERE r.name = ANY (w.names)), sum(w.pool) FILTER (WHERE r.name = ANY (w.names)) INTO serving, able, seats
      FROM drumbeat.worker w
     WHERE w.seen_at + w.lease > clock_timestamp() AND NOT w.draining
       AND (r.queue = ANY (w.queues) OR (w.queues IS NULL AND NOT starts_with(r.queue, 'run.')));
    IF serving IS NULL THEN
        RETURN QUERY SELECT 'no worker', format('no living worker serves queue %s', r.queue);
    ELSIF able IS NULL THEN
        RETURN QUERY SELECT 'no handler', format('none of the %s workers of queue %s has the handler %s', cardinality(serving), r.queue, r.name);
    END IF;
    IF n > 0 THEN
        RETURN QUERY SELECT 'position', format('%s tasks are ahead of it in its lane (queue %s, priority %s%s)',
                                               CASE WHEN n > 10000 THEN 'more than 10000' ELSE n::text END, r.queue, r.priority, ', tenant ' || body.tenant);
    END IF;
    SELECT count(*) INTO urgent FROM (SELECT FROM drumbeat.ready x WHERE x.queue = r.queue AND x.priority < r.priority LIMIT 10001) x;
    IF urgent > 0 THEN
        RETURN QUERY SELECT 'priority', format('%s tasks of queue %s are more urgent', CASE WHEN urgent > 10000 THEN 'more than 10000' ELSE urgent::text END, r.queue);
    END IF;
    IF able IS NOT NULL THEN
        SELECT count(DISTINCT (x.worker, x.seat)) INTO busy FROM drumbeat.running x WHERE x.worker = ANY (able);
        RETURN QUERY SELECT CASE WHEN busy >= seats THEN 'busy' ELSE 'next' END, format('%s of the %s children that could run it are busy', busy, seats);
    END IF;
END $$;

CREATE FUNCTION drumbeat.why_waiting(id uuid) RETURNS TABLE (reason text, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    body drumbeat.task_body;
    r    drumbeat.ready;
    d    drumbeat.delayed;
    g    drumbeat.gated;
    c    drumbeat.running;
    s    drumbeat.sent;
BEGIN
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = why_waiting.id;
    SELECT * INTO r FROM drumbeat.ready x WHERE x.task_id = why_waiting.id;
    SELECT * INTO d FROM drumbeat.delayed x WHERE x.task_id = why_waiting.id;
    SELECT * INTO g FROM drumbeat.gated x WHERE x.task_id = why_waiting.id;
    SELECT * INTO c FROM drumbeat.running x WHERE x.task_id = why_waiting.id AND x.started_at IS NULL;
    IF body.expires_at <= clock_timestamp() AND coalesce(r.task_id, d.task_id, g.task_id) IS NOT NULL THEN
        RETURN QUERY SELECT 'expired', format('it was to start before %s; who claims it skips it', date_trunc('second', body.expires_at));
    END IF;
    IF d.task_id IS NOT NULL AND d.run_at > clock_timestamp() THEN
        RETURN QUERY SELECT 'delayed', format('until %s%s%s', date_trunc('second', d.run_at),
                                              CASE WHEN d.attempt > 0 THEN format(', after attempt %s of %s', d.attempt, d.allowed) END, ': ' || d.reason);
    ELSIF d.task_id IS NOT NULL THEN
        RETURN QUERY SELECT 'due', format('since %s; a living worker makes it ready', date_trunc('second', d.run_at));
    END IF;
    IF c.task_id IS NOT NULL THEN
        RETURN QUERY SELECT 'claimed', format('number %s of what worker %s claimed at once', c.place, c.worker);
    END IF;
    IF g.task_id IS NOT NULL THEN
        RETURN QUERY SELECT w.reason, w.detail FROM drumbeat.why_gated(g) w;
    END IF;
    IF r.task_id IS NOT NULL THEN
        RETURN QUERY SELECT w.reason, w.detail FROM drumbeat.why_unclaimed(body, r) w;
    END IF;
    SELECT * INTO s FROM drumbeat.sent x WHERE x.task_id = why_waiting.id AND x.started_at IS NULL;
    IF s.sent_at IS NOT NULL THEN
        RETURN QUERY SELECT 'sent', format('to queue %s of Celery at %s; no worker of it has told yet that it started', s.queue, date_trunc('second', s.sent_at));
    ELSIF s.task_id IS NOT NULL THEN
        RETURN QUERY SELECT 'outgoing', format('to queue %s of Celery; a worker that knows its Redis sends it', s.queue);
    END IF;
END $$;

REVOKE ALL ON FUNCTION drumbeat.ahead, drumbeat.why_unclaimed, drumbeat.why_waiting FROM PUBLIC;
DO $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT r.rolname FROM pg_roles r WHERE r.rolname IN ('drumbeat_enqueue', 'drumbeat_read', 'drumbeat_work') LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION drumbeat.why_waiting TO %I', role);
    END LOOP;
END $$;
