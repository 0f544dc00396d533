"""Articles into the index: read, split, embed, write."""
