"""Named queries: each file one question, for `flowatlas ask`."""
