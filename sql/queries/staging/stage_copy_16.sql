-- Takes flat rows of a page by COPY: those of at most 16 columns, NULL for the ones they do not have.
COPY drumbeat_stage (record, kind, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16) FROM STDIN
