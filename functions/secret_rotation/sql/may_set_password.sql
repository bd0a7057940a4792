-- Whether the role that is logged in may set its own password: RDS can restrict that to a group.
SELECT coalesce(current_setting('rds.restrict_password_commands', true) IN ('1', 'on'), false)
    AS is_restricted,
    EXISTS (
        SELECT FROM pg_roles AS g
        WHERE g.rolname = 'rds_password' AND pg_has_role(g.oid, 'MEMBER')
    ) AS is_member
