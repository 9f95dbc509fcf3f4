"""How many people share one machine: a queue, a scheduler that gives turns, and workers.

The web process holds the `queue`, whose `dispatcher` hands jobs to the `pool` of training
processes; only a `worker`, a process of its own, loads torch.
"""
