"""How good G is: metrics of its samples against held-out examples, and what they rest on.

A classifier's features carry the image metrics; `ndb`, `frechet` and `neighbours` hold one metric
or one geometry each. Nothing here changes what a run computes.
"""
