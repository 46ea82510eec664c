import torch

from dvaedit.models.judge import Judge, JudgeConfig
from dvaedit.training.attributes import NAMES

TINY = JudgeConfig(("A", "B"), image_size=32, stem=4, widths=(4, 8), depths=(1, 1))


def test_the_shipped_size_is_small() -> None:
    assert sum(p.numel() for p in Judge(JudgeConfig(NAMES)).parameters()) < 3_000_000


def test_logits_are_calibrated_by_scale_and_shift() -> None:
    torch.manual_seed(0)
    judge, x = Judge(TINY).eval(), torch.randn(3, 3, 32, 32)
    plain = judge(x)
    assert plain.shape == (3, 2)
    judge.scale.copy_(torch.tensor([2.0, 1.0]))
    judge.shift.copy_(torch.tensor([0.0, -1.0]))
    torch.testing.assert_close(judge(x), plain * torch.tensor([2.0, 1.0]) + torch.tensor([0.0, -1.0]))


def test_probability_is_the_mean_of_a_face_and_its_mirror_image() -> None:
    torch.manual_seed(1)
    judge, x = Judge(TINY).eval(), torch.randn(2, 3, 32, 32)
    expected = (judge(x).sigmoid() + judge(x.flip(3)).sigmoid()) / 2
    torch.testing.assert_close(judge.probabilities(x), expected)
    torch.testing.assert_close(judge.probabilities(x.flip(3)), judge.probabilities(x))


def test_where_something_is_matters() -> None:
    """The window over the last map is no mean: the same patch above and below gives different logits."""
    torch.manual_seed(2)
    judge = Judge(TINY).eval()
    above, below = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    above[..., :8, 12:20], below[..., 24:, 12:20] = 1, 1
    assert (judge(above) - judge(below)).abs().max() > 1e-4
