-- How a batch of hact.values went. $1 uuid batch. One row: countries, of them done, partners, of them written, and a line for each country that is not done.
SELECT count(*) AS countries, count(*) FILTER (WHERE b.status = 'SUCCESS') AS done, coalesce(sum((b.result->>'partners')::bigint), 0) AS partners,
       coalesce(sum((b.result->>'updated')::bigint), 0) AS written,
       coalesce(string_agg(coalesce(t.tenant, '?') || ': ' || b.status || coalesce(', ' || t.error, ''), E'\n' ORDER BY t.tenant) FILTER (WHERE b.status <> 'SUCCESS'), '') AS others
  FROM drumbeat.batch_results($1::uuid) b LEFT JOIN drumbeat.task t ON t.id = b.id
