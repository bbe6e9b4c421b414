"""Definitions tried on what was written down: replay, comparison, drafts, unused permission, shadow.

Knows the compiler, the decision and the histories in memory; reads logs that are handed to it line by line.
Never on the way of a call. Nothing here reads a clock, opens a socket or prints.
"""
