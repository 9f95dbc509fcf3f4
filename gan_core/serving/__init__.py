"""How many people share one machine: a queue, the scheduler that gives turns, and workers.

The web process holds `queue`; `pool` keeps training processes alive; only a `worker`, a process of
its own, loads torch.
"""
