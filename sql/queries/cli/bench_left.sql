-- $1 text queue. One row: does anything wait in it, is anything claimed by a worker that serves it, and what time is it?
SELECT EXISTS (SELECT FROM drumbeat.ready r WHERE r.queue = $1::text) AS waiting,
       EXISTS (SELECT FROM drumbeat.running x JOIN drumbeat.worker w ON w.id = x.worker WHERE $1::text = ANY (w.queues)) AS running,
       clock_timestamp() AS at
