"""REST by method and route template."""
