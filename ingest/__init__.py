"""Articles into the index: read, chunked, embedded, written."""
