import pytest

from dvaedit.editing.reading import read_text

OLD, YOUNG = {"Young": -1}, {"Young": 1}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("add 20 years; in thirty years; add twenty years to his face; 30 years later; twice as old; wrinkly; "
         "at the age of 70; 70 y/o; make him 70!; add a few years", OLD),
        ("take ten years off her; take 10 years off; half as old; 30 years ago; when she was 20", YOUNG),
        ("baby; as a baby; turn him into a baby; at the age of ten", {"Child": 1}),
        ("remove 20 years and the beard", YOUNG | {"No_Beard": 1}),
        ("in 5 minutes; the model is trained at 64; at 20 frames", {}),
    ],
)  # fmt: skip
def test_years_make_older_or_younger(texts, expected):
    assert [read_text(text) for text in texts.split("; ")] == [expected] * len(texts.split("; "))
