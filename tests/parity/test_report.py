import numpy as np
import pytest

from dvaedit.parity.layout import Names, names_of, runs_of, tables_of
from dvaedit.parity.report import MissingArrayError, Report, passed


def report(arrays, inputs=(), expected=("a",), informative=()):
    return Report("some.npz", {k: np.asarray(v) for k, v in arrays.items()},
                  Names(list(inputs), list(expected), list(informative)))  # fmt: skip


def row(found):
    return found.finish()[0]


def test_tolerance_is_absolute_plus_relative():
    for value, ok in ((100.19, True), (100.21, False)):
        found = report({"a": [100.0, 0.0]})
        found.close("a", [value, 0.05], 0.1, 1e-3)
        assert row(found).ok is ok
    assert row(found).absolute == pytest.approx(0.21)
    assert row(found).relative == pytest.approx(0.0021)


@pytest.mark.parametrize("value", [[np.nan, 1.0], [np.inf, 1.0]])
def test_what_is_not_a_number_never_passes(value):
    found = report({"a": [1.0, 1.0]})
    found.close("a", value, 1e9, 1e9)
    assert not row(found).ok
    found = report({"a": value})
    found.close("a", [1.0, 1.0], 1.0)
    assert not row(found).ok


def test_another_shape_never_passes():
    found = report({"a": [[1.0, 1.0]]})
    found.close("a", [1.0, 1.0], 1.0)
    assert "shape" in row(found).note
    assert not row(found).ok


def test_mean_bounds_too():
    for mean, ok in ((0.2, True), (0.1, False)):
        found = report({"a": [0.0, 0.0]})
        found.close("a", [0.3, 0.0], 0.3, mean=mean)
        assert row(found).ok is ok


def test_a_few_pixels_may_differ_where_rounding_decides():
    for allowed, ok in ((1, True), (0, False)):
        found = report({"a": [1, 2, 3]})
        found.same("a", [1, 2, 4], allowed)
        assert row(found).ok is ok


def test_digests_bind_with_the_same_libraries_only():
    pixels = np.zeros((2, 2), np.uint8)
    for binding, ok in ((True, False), (False, True)):
        found = report({"a": np.array("another")})
        found.digest("a", pixels, binding)
        assert row(found).ok is ok


def test_missing_and_uncompared_arrays_fail_by_name_and_unknown_ones_are_listed():
    found = report({"b": 1.0, "odd": 2.0}, inputs=["i"], expected=["a", "b"])
    with pytest.raises(MissingArrayError, match="i is missing"):
        found.input("i")
    rows = found.finish("i is missing")
    assert [(r.array, r.ok) for r in rows] == [("a", False), ("b", False), ("i", False)]
    assert rows[0].note == "missing in the folder"
    assert rows[1].note == "not compared: i is missing"
    assert found.extra == ["odd"]
    assert not passed(rows)
    assert not passed([])


def test_names_follow_what_the_folder_holds():
    there = ["xT_T7", "betas_T7", "betas_T9", "floor_maxabs_xT_T3"]
    assert runs_of(there) == [7]
    assert tables_of(there) == [7, 9]
    assert "render_T7" in names_of("ddim", there).expected
    assert "frame3_sha256" in names_of("align", [], [3]).expected
    assert "frame0_sha256" not in names_of("align", [], [3]).expected
