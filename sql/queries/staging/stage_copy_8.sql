-- Takes flat rows of a page by COPY: those of at most 8 columns, NULL for the ones they do not have.
COPY drumbeat_stage (record, kind, c1, c2, c3, c4, c5, c6, c7, c8) FROM STDIN
