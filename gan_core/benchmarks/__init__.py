"""What is measured by the clock: a step's cost, our step beside published loops, time to quality.

`cases` lists what is compared, `interleaved_timing` says how; `matrix_products` is the least time
that a step can take, `reference_loops` are the loops of published code.
"""
