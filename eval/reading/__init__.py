"""Fits the reader: examples from question sets, the model, its training, and the file that the product ships."""
