"""What is measured by the clock: a step's cost, our step beside published loops, time to quality.

`cases` lists what is compared, `interleaved_timing` how; `product_bound` is the least that a step's
matrix products take, `reference_loops` what published code does.
"""
