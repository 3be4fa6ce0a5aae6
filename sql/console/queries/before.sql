-- What map.sql tells apart, and nothing of it.
SELECT any(($raw)) AS raw
FROM $read
GROUP BY cityHash64($raw)
