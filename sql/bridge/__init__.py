"""The bridge: traffic by workload pair, node, path and destination, for Prometheus."""
