"""The account's network: what it consists of, and where it is read from."""
