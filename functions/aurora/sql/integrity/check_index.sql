-- Checks an index; an error says what is wrong. With `rows`, that every row of the table is in it.
SELECT {amcheck}.bt_index_check(%(oid)s::oid::regclass, %(rows)s::boolean) AS checked
