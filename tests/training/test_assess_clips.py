import pytest

from dvaedit.training.assess_clips import row_of

METRICS = {"identity": 0.9, "flicker": 1.0, "flicker_own": 0.8, "tg_id": 1.01, "mouth_motion": 0.95}


def judgement(missing, success, gray=0.5, smiling=0.0):
    """One of ``Gray_Hair``, seen in a share ``success`` of ``missing`` frames."""
    target = {"name": "Gray_Hair", "missing": missing, "success": success}
    before = dict.fromkeys(("Gray_Hair", "Black_Hair", "Smiling"), 0.5)
    after = {"Gray_Hair": gray, "Black_Hair": 0.0, "Smiling": 0.5 + smiling}
    return {"targets": [target], "before": before, "after": after}


def test_a_row_weighs_clips_by_their_frames():
    found = {
        "a": {"metrics": METRICS, "judgement": judgement(30, 1.0, smiling=0.2)},
        "b": {"metrics": {**METRICS, "identity": 0.7, "flicker": 1.4}, "judgement": judgement(10, 0.5)},
        "c": {"metrics": {**METRICS, "mouth_motion": None, "flicker": 1.1}, "judgement": judgement(0, None)},
        "d": {"metrics": METRICS, "judgement": None},
    }
    row = row_of("Gray_Hair", found)
    assert (row.success, row.frames, row.missed) == (pytest.approx(35 / 40), 40, {"b": 0.5})
    assert row.identity == (pytest.approx(0.85), 0.7) and row.flicker == (pytest.approx(1.05), 1.0, 1.4)
    assert row.mouth == (pytest.approx(0.95), 0.95) and row.tg_id[0] == pytest.approx(1.01)
    # black hair gives way to gray, as is implied; the mean of three is told of the rest
    assert row.moved == ("Smiling", pytest.approx(0.2 / 3))
    assert row.line() == (
        "| Gray_Hair | 88% (40) | 0.85 (0.70) | 1.05 (1.00 to 1.40); 0.80 | 1.010 (1.010 to 1.010) | 0.95 (0.95) "
        "| Smiling +0.07 | b 50% |"
    )


def test_a_row_of_what_nobody_judges():
    nothing = dict.fromkeys(METRICS)
    row = row_of("blue eyes", {"a": {"metrics": nothing, "judgement": {"targets": [], "before": {}, "after": {}}}})
    assert (row.success, row.frames, row.identity, row.moved) == (None, 0, None, None)
    assert row.line() == "| blue eyes | - (0) | - | -; - | - | - | - | - |"
