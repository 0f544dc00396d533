"""From the statements of an answer to citations that were verified against the articles."""
