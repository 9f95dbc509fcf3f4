"""Reports of runs and of maps: one HTML file that opens anywhere."""
