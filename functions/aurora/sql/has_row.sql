-- Whether a table holds a row that is visible.
SELECT EXISTS (SELECT FROM ONLY {table}) AS has_row
