"""From hits to an answer: by the articles' own sentences, or by a language model."""
