[
        60 * least(greatest(retransmitted_segments - retransmitted_syns, 0) / greatest(segments, 3000) / 0.01, 1),
        50 * least(connections_failed / greatest(connections_attempted, 50) / 0.2, 1),
        20 * least(listen_overflows / greatest(connections_attempted, 50) / 0.1, 1),
        10 * least(greatest(resets - connections_refused - connections_reset, 0) / greatest(connections_attempted, 50) / 0.5, 1),
        10 * least(zero_windows / greatest(segments, 1000) / 0.01, 1),
        20 * least(dropped_packets / greatest(packets_to_server + packets_to_client, 1000) / 0.01, 1),
        10 * if(
            arraySum(mapValues(rtt_histogram)) < 20, 0,
            least(greatest(log10(assumeNotNull(rtt_p95) / 100000), 0), 1)
        )
    ]
