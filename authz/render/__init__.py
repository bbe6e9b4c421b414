"""Definitions to Envoy configuration. Pure: what becomes of the text is the business of `authz.cli.envoy`."""

from authz.render.bootstrap import static_bootstrap, upstreams_of, watched_files
from authz.render.choices import Choices
from authz.render.routes import unreachable_by_path

__all__ = ["Choices", "static_bootstrap", "unreachable_by_path", "upstreams_of", "watched_files"]
