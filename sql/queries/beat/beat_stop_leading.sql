-- Give the lease back. $1 uuid: this beat. One row without meaning.
SELECT drumbeat.stop_leading($1)
