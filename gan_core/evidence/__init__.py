"""The claims of the two source documents, and what was measured of each.

`report_claims` and `notes_claims` hold the claims with their runs and thresholds. A verdict is
computed whenever it is read, from the measurements in `gan_core/assets/evidence.json`. Torch-free.
"""
