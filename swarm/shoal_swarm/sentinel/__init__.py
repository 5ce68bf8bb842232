"""The sentinel as a process: links, the register and a clock around the protocol's decisions.

`service` takes links in and hands what comes over them to runs, `run_host` drives one run, `records` is the
register in the protocol's words, `cli` is the command.
"""
