-- Takes the rows of a page by COPY.
COPY drumbeat_stage (record, kind, data) FROM STDIN
