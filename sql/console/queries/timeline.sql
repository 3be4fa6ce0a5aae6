SELECT
    intDiv(toUnixTimestamp(seen.window), {step:UInt32}) * {step:UInt32} AS time,
    sum(seen.bytes_to_server + seen.bytes_to_client) AS bytes,
    sum(seen.connections_refused + seen.connections_timed_out + seen.connections_reset + seen.connections_unreachable) AS connections_failed,
    sum(seen.retransmitted_segments_to_server + seen.retransmitted_segments_to_client) AS retransmitted_segments
FROM (SELECT * FROM $rows WHERE $scope) AS seen
GROUP BY time
ORDER BY time
