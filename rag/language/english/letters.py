"""Latin letters, as far as English text holds them."""

LETTER_CLASS = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
"""Letters as they are written; × and ÷ stand between them in Unicode. For use inside a character class."""

FOLDED_LETTER_CLASS = "a-zß-öø-ɏ"
"""Letters that are left after folding."""

RUN_LETTER_CLASS = f"{LETTER_CLASS}\u1e00-\u1eff\u0300-\u036f"
"""What a run of Latin writing is made of, whichever language's: also letters of Vietnamese and of romanizations, and
accents that are written as marks behind their letters."""

ASCII_LETTER_CLASS = "A-Za-z"
