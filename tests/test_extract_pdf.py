import pytest

from eval.extract_pdf import edit_distance, measure_fidelity

TRUTH = "بلغ العدد 5 في (المدينة) ثم -7 في القرية"


def test_distances_are_those_of_levenshtein():
    assert [edit_distance("kitten", "sitting"), edit_distance("", "abc"), edit_distance("نص", "نص")] == [3, 3, 0]


def test_the_same_text_has_no_error():
    assert measure_fidelity(TRUTH, TRUTH) == (0, 1, 1, 1, 0)
    assert measure_fidelity(TRUTH, TRUTH.replace(" ثم ", " | ثُم ")).words == 1


def test_each_fault_is_counted():
    assert measure_fidelity(TRUTH, TRUTH.replace("-7", "7-")).numbers == 1 / 2
    assert measure_fidelity(TRUTH, TRUTH.replace("(", ")")).brackets == 1 / 2
    assert measure_fidelity(TRUTH, TRUTH.replace("القرية", "")).words == pytest.approx(8 / 9)
    assert measure_fidelity(TRUTH, TRUTH[::-1]).reversed_lines == 1
