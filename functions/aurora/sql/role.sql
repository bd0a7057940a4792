-- What the role that logged in may do.
SELECT r.rolname AS name,
       r.rolsuper AS superuser,
       r.rolbypassrls AS bypasses_row_security,
       EXISTS (
           SELECT FROM pg_roles AS g
           WHERE g.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, g.oid, 'USAGE')
       ) AS reads_all_data,
       current_setting('transaction_read_only')::boolean AS read_only
FROM pg_roles AS r
WHERE r.rolname = current_user
