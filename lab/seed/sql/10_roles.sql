-- The roles: those that RDS always has, and the company's own. Passwords are set by the loader.
CREATE ROLE rds_iam;
CREATE ROLE rds_password;
CREATE ROLE rds_superuser;
GRANT pg_monitor, pg_signal_backend, pg_read_all_data, pg_write_all_data
    TO rds_superuser WITH ADMIN OPTION;

CREATE ROLE fibonacci_admin LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser;
CREATE ROLE fibonacci_app LOGIN;
CREATE ROLE fibonacci_reporting NOLOGIN;
