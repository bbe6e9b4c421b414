"""Ports and their adapters: keys, histories, the trail, definitions. The only room that knows drivers."""
