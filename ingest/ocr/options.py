"""Whether scans are read, and what is said where they are not."""

from dataclasses import dataclass

from rag.errors import ReadError
from rag.types import OcrMode

_SCAN = "It has no text, only pictures of its pages, as a scanner makes them"
_ASK = (
    f"{_SCAN}. Have it read by OCR: `dalil ingest --ocr`, `ocr=true` over HTTP, the box under the files on the page, "
    "or DALIL_OCR=auto. Or give the document that it was made of."
)
_OFF = f"{_SCAN}, and OCR is switched off here (DALIL_OCR=off). Give the document that it was made of."


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """Whether scans are read, and by which program.

    Attributes
    ----------
    is_on : bool
        Whether they are read.
    can_be_asked : bool
        Whether asking for it would have them read.
    program : str
        Tesseract: a path, or a name on the PATH.
    """

    is_on: bool = False
    can_be_asked: bool = True
    program: str = "tesseract"

    @classmethod
    def of(cls, mode: OcrMode, program: str, is_asked: bool) -> "OcrOptions":
        """Those of a setting (`DALIL_OCR`) and of somebody who asks or does not."""
        return cls(mode == "auto" or (mode == "ask" and is_asked), mode != "off", program)

    def refuse(self) -> ReadError:
        """What is wrong with a scan where none is read."""
        return ReadError(_ASK, "scan") if self.can_be_asked else ReadError(_OFF, "scan_off")


NO_OCR = OcrOptions()
"""Nobody has asked for it."""
