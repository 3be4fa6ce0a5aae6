"""What the page asks for, one resource a file. Each has a `router`, which app.py puts together."""
