import json

import pytest

from eval.cases import read_cases, run_cases, summarize_cases
from rag.errors import InputError

FACT = {"q": "كم يومًا تحتاج ملكة النحل لتكتمل؟", "kind": "fact", "any": ["16 يومًا"]}
TRUE = {"question": FACT["q"], "draft": "تحتاج إلى 16 يومًا {16 يومًا}.", "truth": "T"}
FALSE = {"question": FACT["q"], "draft": "تحتاج ملكة النحل إلى 61 يومًا لتكتمل {16 يومًا}.", "truth": "L"}


@pytest.mark.parametrize(
    ("case", "is_right"),
    [
        (FACT, True),
        (FACT | {"any": ["٦١ يومًا"]}, False),
        (FACT | {"article": "dead-sea"}, False),
        (FACT | {"kind": "list", "all": ["16", "999"]}, False),
        (FACT | {"kind": "talk"}, False),
        ({"q": "hello", "kind": "talk"}, True),
        ({"q": "hello", "kind": "unanswerable"}, False),
        ({"q": "ما المقالات الموجودة؟", "kind": "collection", "all": ["4"]}, True),
        ({"q": "لخص مقال البحر الميت", "kind": "summary", "article": "dead-sea"}, True),
        ({"q": "لخص مقال البحر الميت", "kind": "summary", "article": "honey-bees"}, False),
        (TRUE, True),
        (FALSE, True),
        (FALSE | {"truth": "T"}, False),
        (TRUE | {"truth": "L"}, False),
    ],
)
def test_a_case_is_judged_by_what_a_reader_sees(assistant, case, is_right):
    (result,) = run_cases(assistant, [case])
    assert result.is_right == is_right, result.text


def test_cases_are_counted_by_kind(assistant):
    results = list(run_cases(assistant, [FACT, FACT | {"any": ["x"]}, TRUE, FALSE]))
    assert summarize_cases(results) == {
        "fact": {"right": 1, "of": 2},
        "draft true": {"right": 1, "of": 1},
        "draft false": {"right": 1, "of": 1},
    }


def test_a_file_that_is_none_of_cases_is_said_to_be_so(tmp_path):
    path = tmp_path / "cases.jsonl"
    with pytest.raises(InputError, match="cannot be read"):
        read_cases(path)
    path.write_text("{", "utf-8")
    with pytest.raises(InputError, match="not a file of cases"):
        read_cases(path)
    path.write_text(json.dumps(FACT) + "\n\n", "utf-8")
    assert read_cases(path) == [FACT]
