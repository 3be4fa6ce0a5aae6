-- The newest hour of the last two days in which a node had no agent.
SELECT toUnixTimestamp(max(hour)) AS newest
FROM silent_nodes_between(since = now() - INTERVAL 2 DAY, until = now() + INTERVAL 1 HOUR)
