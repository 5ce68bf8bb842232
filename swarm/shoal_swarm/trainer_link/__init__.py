"""How a trainer talks to its peer: messages on a unix socket, tensors as files in a folder beside it.

`messages` is the contract, `places` says where socket and files lie, `line` is one end of the socket for a process
that waits for its answers, and `tensors` writes and reads adapters.
"""
