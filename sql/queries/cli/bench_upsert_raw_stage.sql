-- Where the raw measurement copies to. No row.
CREATE TEMPORARY TABLE drumbeat_stage_raw (
    number varchar(20), vendor_code varchar(20), title varchar(255), amount numeric(20,2), due_date date, completed boolean, line smallint)
ON COMMIT DROP
