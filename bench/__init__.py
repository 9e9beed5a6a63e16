"""Measurements: each figure beside its rival, in one run on one machine. Run with `make bench`."""
