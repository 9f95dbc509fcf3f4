"""The claims of the two source documents, and what was measured of each.

A claim names its runs and its thresholds; its verdict is computed whenever it is read, from the
measurements that ship in `gan_core/assets/evidence.json`. Never imports torch.
"""
