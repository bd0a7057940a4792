-- The subscriptions of the cluster: whether they are enabled, and whether a worker is at it.
SELECT s.subname AS name,
       s.subenabled AS enabled,
       EXISTS (
           SELECT FROM pg_stat_subscription AS w WHERE w.subid = s.oid AND w.pid IS NOT NULL
       ) AS works
FROM pg_subscription AS s
ORDER BY s.subname
