"""The embedded ClickHouse: chDB, the same engine in this process, behind ClickHouse's HTTP interface."""
