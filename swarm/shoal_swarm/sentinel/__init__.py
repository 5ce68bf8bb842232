"""The membership and round service: transport, register and clock around the protocol."""
