"""What a change of definitions does: structurally, and to the calls of a log."""
