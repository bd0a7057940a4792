-- The columns by which a row of a table is told from all others: those of its primary key, else of a
-- unique index over columns that cannot be null, the one with the fewest.
SELECT DISTINCT ON (i.indrelid)
       i.indrelid::bigint AS oid,
       ARRAY(
           SELECT a.attname::text
           FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
           JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
           WHERE k.place <= i.indnkeyatts
           ORDER BY k.place
       ) AS columns
FROM pg_index AS i
WHERE i.indrelid = ANY (%(oids)s::oid[])
  AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (
      SELECT FROM pg_attribute AS a
      WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]) AND NOT a.attnotnull
  )
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid
