"""What the swarm's long-running processes have in common, so that sentinel and peer need not meet.

`run_config` is what all parties of a run agree on before it starts, `vouchers` are signatures that prove
themselves, `inbox` is where a process's events wait, `outbox` what waits for a link, `pumping` moves messages
between links and these two, and `stopping` is how a process is asked to end.
"""
