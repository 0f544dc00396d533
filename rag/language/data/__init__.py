"""Tables of number words, dates, units, names and places, and the script that builds the table of places.

A table is a file of tab-separated cells; lines that begin with `#` are comments.
"""

from importlib import resources


def read_rows(name: str) -> list[list[str]]:
    """Read a table.

    Parameters
    ----------
    name : str
        File name without its suffix, `units` for `units.tsv`.

    Returns
    -------
    list of list of str
        The cells of each row, in the order of the file.
    """
    text = resources.files(__name__).joinpath(f"{name}.tsv").read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
