"""What the command line says of checkpoints it cannot take; what it makes of good ones is in tests/checkpoints."""

import pytest
import torch


@pytest.mark.parametrize("family", ["paper", "diffae"])
def test_absent_file(run_main, weights, tmp_path, family):
    code, out, err = run_main("weights", "import", family, "--checkpoint", str(tmp_path / "absent.ckpt"))
    assert (code, out) == (5, "")
    assert "there is no file" in err
    assert "hint: " in err


def test_wrong_keys_are_named_and_nothing_is_written(run_main, weights, tmp_path, monkeypatch):
    from dvaedit.checkpoints import importing

    monkeypatch.setattr(importing, "user_folder", lambda: tmp_path / "user")
    path = tmp_path / "some.ckpt"
    torch.save({"state_dict": {"ema_model.out.2.bias": torch.zeros(4), "ema_model.odd": torch.zeros(1)}}, path)
    code, out, err = run_main("weights", "import", "paper", "--checkpoint", str(path))
    assert (code, out) == (5, "")
    for said in ("missing: ", "not wanted: odd", "out.2.bias (4,) instead of (3,)"):
        assert said in err
    assert not (tmp_path / "user").exists()


def test_bad_name(run_main, weights, tmp_path):
    code, _, err = run_main(
        "weights", "import", "paper", "--checkpoint", str(tmp_path / "absent.ckpt"), "--name", "../x"
    )
    assert code == 5
    assert "not a good name" in err
