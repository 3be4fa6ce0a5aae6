"""The one-machine deployment: command line, supervisor, embedded broker, demo cluster."""
