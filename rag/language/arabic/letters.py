"""Arabic letters, marks and digits."""

LETTER_CLASS = "\u0620-\u064a\u066e-\u06d3\u0750-\u077f\u08a0-\u08c9\ufb50-\ufdfb\ufe70-\ufefc"
"""Letters as they are written, presentation forms included; for use inside a character class."""

FOLDED_LETTER_CLASS = "\u0620-\u064a\u066e-\u06d3"
"""Letters that are left after folding."""

BLOCK_CLASS = "\u0600-\u06ff"
"""The whole Unicode block: letters, marks, digits and punctuation."""

BASIC_LETTER_CLASS = "\u0620-\u064a"
"""The letters of Arabic itself, hamza to ya."""

VOWEL_MARK_CLASS = "\u064b-\u0652\u0670"
"""Tashkeel."""

MARK_CLASS = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
"""All marks above and below letters: tashkeel and those of recitation."""

BARE_MARK_CLASS = "\u0640\u0610-\u061a\u0656-\u065f\u06d6-\u06ed"
"""Marks that say nothing of a vowel, and tatweel."""

SHADDA = "\u0651"

TATWEEL = "\u0640"

WASLA = "ٱ"
"""The alef of the Quran's spelling that is not spoken."""

SMALL_LETTERS = "\u06e5\u06e6"
"""Small waw and small ya, which are marks of recitation though Unicode calls them letters."""

SEAT_WITHOUT_HAMZA = "\u0627\u0648\u064a"
"""Letters that a hamza or madda may stand on, where it is written as a mark of its own."""

HAMZA_MARK_CLASS = "\u0653-\u0655"

SPELLINGS = str.maketrans(
    {
        WASLA: "ا",
        "ى": "ي",
        "ة": "ه",
        # Persian and Urdu look-alikes that keyboards and PDF tools leave in Arabic text
        "ی": "ي",
        "ې": "ي",
        "ے": "ي",
        "ک": "ك",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "٫": ".",
        "٪": "%",
    }
)
"""Letters and signs that are written in several ways, to the one way of folded text."""

THOUSANDS_SEPARATOR = "٬"
