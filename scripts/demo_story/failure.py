"""What stops the demo, said in one line. Not for a wrong decision: that is part of the story."""


class Failure(Exception):  # noqa: N818 - a message to a person, not a fault of the program
    """The demo cannot go on."""
