-- Takes the rows of a page by COPY: those that are JSON.
COPY drumbeat_stage (record, kind, data) FROM STDIN
