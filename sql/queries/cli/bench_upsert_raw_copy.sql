-- Takes the rows of the raw measurement by COPY.
COPY drumbeat_stage_raw (number, vendor_code, title, amount, due_date, completed, line) FROM STDIN
