"""Measures of what Dalil retrieves and answers, on sets with known answers."""
