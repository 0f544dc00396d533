"""Fitting fusion weights and abstention models."""
