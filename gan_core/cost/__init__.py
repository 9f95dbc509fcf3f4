"""What training costs: a price (request and stored answer), the price list, published figures.

`gan_core.benchmarks` measures; here is what was measured, and how long a run took until its
samples were good. Torch-free.
"""
