"""From a question to ranked hits, with the probability that they hold its answer."""
