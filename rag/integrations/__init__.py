"""Dalil as parts of other libraries."""
