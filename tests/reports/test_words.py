from types import SimpleNamespace

import pytest

from dvaedit.evaluation.judging import Verdict
from dvaedit.reports.media import _size
from dvaedit.reports.page import _title, verdict_words


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("Smiling", True, 0.1, 0.9, 8, 1.0), "Smiling: seen in 100% of the 8 frames that did not have it"),
        (Verdict("No_Beard", False, 0.9, 0.1, 1, 1.0), "No_Beard taken away: gone in 100% of the frame that had it"),
        (Verdict("Young", False, 0.1, 0.1, 0, None), "Young taken away: the face lacked it already in every frame"),
        (Verdict("Young", True, 0.9, 0.9, 0, None), "Young: the face had it already in every frame"),
    ],
)
def test_a_target_is_told_as_a_sentence(verdict, words):
    edit = SimpleNamespace(judgement=SimpleNamespace(targets=(verdict,)))
    assert verdict_words(edit, 0).startswith(words)


def test_the_strength_used_is_in_the_title():
    run = {"edits": {"Smiling": 1.25}, "strength": 1.25, "texts": [], "mix": {}}
    assert _title(SimpleNamespace(run=run)) == "Smiling +1.25"
    text = {"edits": {"Blond_Hair": 1.25}, "strength": 1.25, "texts": ["blond"], "mix": {"blond": {"Blond_Hair": 1}}}
    assert _title(SimpleNamespace(run=text)) == '"blond" x 1.25'
    assert _title(SimpleNamespace(run=text | {"strength": None})) == '"blond"'


def test_sizes_of_videos_have_a_unit_that_fits():
    assert [_size(count) for count in (12_345, 999_400, 1_234_567)] == ["12 kB", "999 kB", "1.2 MB"]
