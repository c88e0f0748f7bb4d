-- What the flows of all projects sum up to. No row.
UPDATE registry.partner_project p SET total_budget = f.total_budget, funding_source = f.funding_source
  FROM (SELECT q.id, coalesce(m.total, q.requested_funds) AS total_budget, m.sources AS funding_source
          FROM registry.partner_project q, registry.project_funding(q.external_id, q.code) m WHERE q.external_source = 'HPC') f
 WHERE p.id = f.id AND (p.total_budget, p.funding_source) IS DISTINCT FROM (f.total_budget, f.funding_source)
