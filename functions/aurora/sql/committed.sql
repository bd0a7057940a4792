-- Which of these transactions are committed, as this server sees it. Ids that it has not used yet
-- are those of none; of one that it has forgotten it answers null.
SELECT t.xid
FROM unnest(%(xids)s::bigint[]) AS t (xid)
WHERE CASE
          WHEN t.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
          THEN pg_xact_status(t.xid::text::xid8) = 'committed'
          ELSE false
      END
