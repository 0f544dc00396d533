"""Measures of what Dalil finds and says, on sets with known answers."""
