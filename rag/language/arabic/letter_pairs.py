"""How likely Arabic letters stand beside each other: what tells Arabic from bytes read in the wrong encoding."""

import re
from itertools import pairwise

from rag.language.arabic.letters import TATWEEL, VOWEL_MARK_CLASS

_LETTERS = "".join(map(chr, (*range(0x0621, 0x063B), *range(0x0641, 0x064B))))
_MARKS = re.compile(f"[{VOWEL_MARK_CLASS}{TATWEEL}]")
"""They stand between letters."""
_WORD = re.compile(r"(?:[^\W\d_a-zA-Z])+")
_NOT_ARABIC = re.compile(f"[^{_LETTERS}]*")
_BITS = """
cccccc9c99ccccccccccccccccccccccaccc
cccccccb899cc7acccacccccccbcc7cbacca
ccccccc69787667c5856698b688765447596
ccccccacccbcccab9c9ccccccccbaabca9ca
cccccccacaa799869b89998c7999a486ccc8
cccccc996ac88c9a8acccaccacb7c87989c6
4ccac5c483664747364676694955603356c5
cc6c9b375689676a4768896c4896746555c3
cccccccccccccccccccccccccccccccccccc
cc6bcc448686566848666877576575554575
cccccc587ccccccc6ccccccccca8c658a7a6
ca9cca4777cb9c68668ccccc8bacc65677b5
cccccc566586cc5a5c797979cc78755895a5
cccccc67a6cbcc885798796ccc7cc578a7c6
ac7ccc4956aaa77c4c7bcccc8c67c5576584
cccccc58abc6cccc9cccccccaccc66ca69a6
c87bc83445c5676c9758868c78655b665573
9caccc6a79caba9c7bcccccc9c9bb87886b6
cc99ca4564c7878c6c9ccc6c6c8856556695
cc9aca6787c8a98c4cbcccbc77887b6968c7
cccccc5779cc8a7c6ccc9c8c876ac57796a6
cccccc6888cb88bc7cccccac799cc88b8886
acacca5668cc8ccc5c9acc9c6c88c69785a6
cccccc8c9ccccccc7ccccccccc8cc87b7cc9
cccccc354688cc4958968788cc88835566a5
cccccc7988cbcc885a89cc8cccccc79898c5
cb8c8a5866b98997596b76a86b7676876682
cccccc4567ccac4c5b8a685c6c7ac5787685
cc9ccc46656cccaa5878cccc9b8ca57675b5
b73a5c34435545555745575a454444244433
cc88c6365475565a4856677a478664735484
cccccc464597575998575b7778558c5b4474
cccccc3789c9cc7658cacbccccacc767b595
8c6a7a357486675646577767575453445784
cccccccccccccccccccccccccccccccccccc
ac89c74535766648365676795755645354c8
"""
"""Of each pair of letters, a row for the first and a column for the second: its bits (minus log2 of its share of the
46,000 pairs of the sample articles, one added to each count) less four, as a hexadecimal digit."""
_BASE_BITS = 4
_FOREIGN_BITS = 24
"""Of an Arabic letter beside one of another script that is no ASCII."""
_PAIRS = {
    first + second: int(digit, 16) + _BASE_BITS
    for first, digits in zip(_LETTERS, _BITS.split(), strict=True)
    for second, digit in zip(_LETTERS, digits, strict=True)
}


def mean_pair_bits(text: str) -> float | None:
    """How unlikely the neighbours in a text are as Arabic.

    Parameters
    ----------
    text : str
        Of any length.

    Returns
    -------
    float or None
        Bits of a pair of letters in the mean: 7.5 to 8.5 in Arabic, 10 where letters stand at random. None where no
        two letters stand side by side of which one is Arabic.
    """
    bits = [
        _PAIRS.get(pair, _FOREIGN_BITS)
        for word in _WORD.findall(_MARKS.sub("", text))
        for pair in map("".join, pairwise(word))
        if not _NOT_ARABIC.fullmatch(pair)
    ]
    return sum(bits) / len(bits) if bits else None
