"""What training costs, as people ask for it and read it: prices, their list, published figures.

Measuring is the work of `gan_core.benchmarks`; here are the questions, the stored answers, and how
long a run took to reach a quality. Never imports torch.
"""
