"""What went wrong, and how we know: findings as pure functions of a run's history.

One file for each family of symptoms, with its verdict, its thresholds and their sources; `diagnose`
asks them all. `headlines` holds the number by which a page compares two runs. Never imports torch.
"""
