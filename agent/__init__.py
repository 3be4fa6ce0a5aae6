"""The node agent: kernel events in, Arrow batches of flow rows out to Kafka."""
