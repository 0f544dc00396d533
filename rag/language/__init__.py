"""Arabic and English text: folding, sentences, terms, numbers, dates, units and names.

`Document` is a text with all of these, each analysed once. What is particular to a language stands in the package of
that language.
"""
