import pytest

from rag.grounding.misplaced import has_misplaced_fact
from rag.language.document import Document

SHIFTS = "تستغرق نوبة الحارس 6 ساعات كل يوم، ونوبة الطاهي 9 ساعات، ونوبة السائق 12 ساعة."
FEES = "رسم الدخول 30 درهمًا للكبار و10 دراهم للأطفال."
GIFTS = "أُهديت لوحة دندان إلى فرنسا، ولوحة سلوان إلى هولندا، ولوحة مروان إلى إسبانيا."


@pytest.mark.parametrize(
    ("statement", "quote", "expected"),
    [
        ("تستغرق نوبة الطاهي 12 ساعة", SHIFTS, True),
        ("تستغرق نوبة الطاهي 9 ساعات", SHIFTS, False),
        ("نوبة الطاهي 9 ساعات ونوبة السائق 12 ساعة", SHIFTS, False),
        ("أطول النوبات 12 ساعة", SHIFTS, False),
        ("يدفع الأطفال 30 درهمًا", FEES, True),
        ("يدفع الأطفال 10 دراهم", FEES, False),
        ("The Dandan painting went to Spain", GIFTS, True),
        ("The Dandan painting went to France", GIFTS, False),
        ("The Silwan painting went to the Netherlands", GIFTS, False),
        ("ذهبت لوحة سلوان إلى فرنسا", GIFTS, True),
        ("The shift lasts 12 hours", "تستغرق النوبة 12 ساعة.", False),
    ],
)
def test_a_fact_of_another_clause_is_misplaced(statement, quote, expected):
    assert has_misplaced_fact(Document(statement), Document(quote)) is expected
