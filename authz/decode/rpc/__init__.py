"""Unary gRPC by method, its message read through the app's own descriptors."""
