-- One row: is a beat there, how many schedules want one, and how many of them have a problem?
SELECT (SELECT until >= clock_timestamp() FROM drumbeat.beat_lease) AS live,
       (SELECT count(*) FROM drumbeat.schedule WHERE enabled AND NOT paused AND retired_at IS NULL) AS schedules,
       (SELECT string_agg(name || ': ' || problem, '; ' ORDER BY name) FROM drumbeat.schedule WHERE problem IS NOT NULL AND retired_at IS NULL) AS problems
