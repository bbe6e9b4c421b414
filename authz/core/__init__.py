"""The nouns and the decision.

Rules of this room: the standard library's data types and itself, nothing else. No I/O, no clock (time is
`Call.at`), no randomness, no environment, no logging, no async. Everything here is frozen.
"""
