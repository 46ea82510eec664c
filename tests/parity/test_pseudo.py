import zlib

import pytest
import torch

from dvaedit.parity import pseudo


def drawn(seed_text, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(seed_text.encode())))


@pytest.mark.parametrize(
    ("name", "shape", "kind", "value"),
    [
        ("a.running_var", (7,), "batchnorm2d", lambda n: 1 + 0.1 * n.abs()),
        ("a.running_mean", (7,), "batchnorm2d", lambda n: 0.1 * n),
        ("conds_std", (1, 512), "buffer", lambda n: (1 + 0.1 * n.abs()) / 512**0.5),
        ("a.weight", (4, 3, 2, 2), "conv2d", lambda n: n / 12**0.5),
        ("a.weight", (7,), "prelu", lambda n: 0.25 + 0.05 * n),
        ("a.weight", (7,), "groupnorm", lambda n: 1 + 0.1 * n),
        ("a.bias", (7,), "linear", lambda n: 0.1 * n),
    ],
)  # fmt: skip
def test_each_rule(name, shape, kind, value):
    assert torch.allclose(pseudo.weight("salt", name, shape, kind), value(drawn("salt" + name, shape)), atol=1e-7)


def test_counters_are_zero_and_noise_has_its_own_name():
    counter = pseudo.weight("salt", "a.num_batches_tracked", ())
    assert counter.dtype == torch.int64
    assert counter == 0
    assert torch.equal(pseudo.noise("other", "x", (2, 3)), drawn("othernoise.x", (2, 3)))
