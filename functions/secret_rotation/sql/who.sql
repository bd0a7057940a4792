-- Who is logged in.
SELECT current_user::text
