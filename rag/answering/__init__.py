"""From hits to an answer."""
