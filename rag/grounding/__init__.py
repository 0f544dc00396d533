"""From statements to verified citations."""
