"""The service: the order of steps, the transports, settings, health and drain.

The only room that knows gRPC and the messages of Envoy, and (in `clock`) the only one that reads the clock.
"""
