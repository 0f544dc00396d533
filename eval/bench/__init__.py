"""Benchmarks: speed, load, the page, and what Dalil adds to a model."""
