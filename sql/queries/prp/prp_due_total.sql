-- How many reports nobody has handed in.
SELECT (SELECT count(*) FROM registry.progress_report WHERE submission_date IS NULL AND status IN ('Due', 'Ove', 'Not')) +
       (SELECT count(*) FROM registry.indicator_report WHERE submission_date IS NULL AND report_status IN ('Due', 'Ove', 'Not')) AS total
