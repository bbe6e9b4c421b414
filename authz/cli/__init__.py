"""Arguments only: one module a command. Nothing here decides anything."""
