"""What questions ask of tables."""

import numpy as np
import pytest

from eval.run import open_temporary_assistant
from rag.answering.table_lookup import look_up
from rag.answering.tables import find_column_name, find_table
from rag.language.document import Document
from rag.settings import load_settings
from tests.doubles import article, make_hit
from tests.test_reader import score

LINES = (
    "الخط | عدد المحطات | أول رحلة | مدة الرحلة | ثمن التذكرة | المدير",
    "خط الساحل | 12 | 05:30 | 40 دقيقة | 3 ريالات | سعاد النجار",
    "خط الجبل | 7 | 06:15 | ساعة و5 دقائق | 9 ريالات | كمال عودة",
    "خط الواحة | 21 | 04:50 | ساعة و20 دقيقة | 6 ريالات | ليلى حداد",
)
BEFORE, BEHIND = "تعمل في المدينة ثلاثة خطوط للحافلات.", "ولا تعمل الحافلات يوم الجمعة."
TEXT = "\n".join((BEFORE, "", *LINES, "", BEHIND))


def find(question, text=TEXT, similarity=lambda words, others: np.zeros((len(words), len(others)))):
    """The first cell of the row and the cell that a question asks for."""
    found = look_up(Document(question), score(make_hit(text)), similarity)
    if found is None:
        return None
    if found.row is None:
        return None, None
    return text[slice(*found.row)].split(" | ")[0], found.cell and text[slice(*found.cell)]


def test_the_lines_of_a_table_are_told_from_what_stands_around_it():
    for line in LINES:
        table = find_table(TEXT, TEXT.index(line) + 3)
        assert table is not None
        assert [" | ".join(TEXT[slice(*cell)] for cell in row) for row in (table.columns, *table.rows)] == [*LINES]
    assert find_table(TEXT, 0) is None
    assert find_table(TEXT, len(TEXT) - 3) is None


def test_of_a_long_table_the_rows_around_a_line_are_read_under_its_first_row():
    rows = [f"مدينة {at} | {at}" for at in range(500)]
    text = "\n".join(("المدينة | الرقم", *rows))
    table = find_table(text, text.index("مدينة 300 "))
    assert text[slice(*table.columns[0])] == "المدينة"
    assert not table.is_whole
    assert "مدينة 300" in [text[slice(*row[0])] for row in table.rows]
    assert len(table.rows) < 200
    assert find("ما أكبر رقم؟", text) is None  # the greatest may stand elsewhere
    assert find("كم رقم مدينة 3؟", text) == ("مدينة 3", "3")


def test_a_row_of_other_length_is_no_row():
    table = find_table("أ | ب\n1 | 2\n3 | 4 | 5", 0)
    assert table is not None
    assert len(table.rows) == 1


@pytest.mark.parametrize(
    ("question", "row", "cell"),
    [
        ("كم محطة في خط الجبل؟", "خط الجبل", "7"),
        ("كم عدد محطات خط الواحة؟", "خط الواحة", "21"),
        ("متى تنطلق أول رحلة على خط الساحل؟", "خط الساحل", "05:30"),
        ("من مدير خط الجبل؟", "خط الجبل", "كمال عودة"),
        ("حدثني عن خط الجبل", "خط الجبل", None),
        ("كم راكبًا في خط الجبل؟", "خط الجبل", None),
    ],
)
def test_a_cell_is_found_by_its_row_and_column(question, row, cell):
    assert find(question) == (row, cell)


@pytest.mark.parametrize(
    ("question", "row", "cell"),
    [
        ("أي خط فيه أكثر محطات؟", "خط الواحة", "خط الواحة"),
        ("ما أقصر مدة رحلة؟", "خط الساحل", "40 دقيقة"),
        ("ما أطول مدة رحلة؟", "خط الواحة", "ساعة و20 دقيقة"),
        ("أي الخطوط ثمن تذكرته أعلى؟", "خط الجبل", "خط الجبل"),
        ("أي خط ثمن تذكرته أقل؟", "خط الساحل", "خط الساحل"),
    ],
)
def test_the_greatest_and_the_least_of_a_column(question, row, cell):
    assert find(question) == (row, cell)


@pytest.mark.parametrize(
    "question",
    [
        "كم محطة في خط الجبل وخط الواحة؟",  # two of them
        "من مدير الشركة؟",
        "هل ثمن التذكرة على خط الجبل 9 ريالات؟",
        "أي خط أجمل؟",
        "ما أكثر الخطوط ركابًا؟",
    ],
)
def test_what_a_table_does_not_say_is_not_found_in_it(question):
    assert find(question) is None


@pytest.mark.parametrize("question", ["كم محطة في خط البحر؟", "من مدير خط المطار؟"])
def test_a_row_that_is_not_there_is_not_taken_for_another(question):
    assert find(question) == (None, None)


def test_what_cannot_be_compared_has_no_greatest():
    text = TEXT.replace("9 ريالات", "مجانًا")
    assert find("أي خط ثمن تذكرته أقل؟", text) is None


def test_a_row_is_named_in_other_letters():
    def similarity(words, others):
        return np.array([[float(word == "stations" and "محطات" in other) for other in others] for word in words])

    text = TEXT.replace("خط الجبل", "خط مرجان")
    assert find("How many stations has the Murjan line?", text, similarity) == ("خط مرجان", "7")


def test_a_cell_has_the_name_of_its_column():
    at = TEXT.index("9 ريالات")
    span = find_table(TEXT, at).rows[1][4]
    assert find_column_name(TEXT, span) == "ثمن التذكرة"
    assert find_column_name(TEXT, find_table(TEXT, at).rows[1][0]) is None
    assert find_column_name(TEXT, type(span)(0, 5)) is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("كم ثمن التذكرة على خط الجبل؟", "9 ريالات (ثمن التذكرة)"),
        ("أي خط فيه أكثر محطات؟", "خط الواحة"),
        ("How many stations does the Jabal line have?", "7 (عدد المحطات)"),
    ],
)
def test_the_answer_stands_before_its_row(question, words):
    with open_temporary_assistant(load_settings(), [article(TEXT, "lines", "خطوط الحافلات")]) as assistant:
        answer = assistant.ask(question)
        assert words in answer.answer.text
        assert answer.citations[0].quote.split(" | ")[0] in ("خط الجبل", "خط الواحة")
        assert answer.citations[1].quote == LINES[0]
