"""Formats of logs: a line of JSON as calls. Each module knows one format and nothing of what is decided."""
