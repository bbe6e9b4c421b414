"""What in an Envoy's configuration lets a call pass unjudged. Pure: the CLI gets the configuration."""

from authz.render.doctor.checks import examine
from authz.render.doctor.finding import CHANGES, Finding, Mistake
from authz.render.doctor.reading import Seen, read

__all__ = ["CHANGES", "Finding", "Mistake", "Seen", "examine", "read"]
