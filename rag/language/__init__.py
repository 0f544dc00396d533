"""Arabic and English text: folding, sentences, terms, numbers, dates, units and names."""
