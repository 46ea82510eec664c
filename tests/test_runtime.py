"""The runtime: what the user asked for, checked against the machine."""

import pytest
import torch

from dvaedit.errors import UsageError
from dvaedit.runtime import Runtime


def test_auto_on_a_machine_without_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    runtime = Runtime.resolve()
    assert runtime == Runtime(torch.device("cpu"), torch.float32, 0, None)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(UsageError, match=f"'{name}' is not on this machine") as caught:
            Runtime.resolve(name)
        assert "This machine has: cpu." in caught.value.hint


def test_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Runtime.resolve().device == torch.device("cuda")
    assert Runtime.resolve("cuda:1", "float16").dtype == torch.float16
    with pytest.raises(UsageError, match="cuda:2") as caught:
        Runtime.resolve("cuda:2")
    assert "cuda:0, cuda:1" in caught.value.hint


@pytest.mark.parametrize(
    "choice",
    [{"device": "gpu"}, {"device": "meta"}, {"dtype": "float8"}, {"dtype": "float16"}, {"seed": -1}, {"threads": 0}],
)
def test_what_makes_no_sense(choice):
    with pytest.raises(UsageError):
        Runtime.resolve(**{"device": "cpu", **choice})


def test_bfloat16_on_cpu():
    assert Runtime.resolve("cpu", "bfloat16").dtype == torch.bfloat16


def test_each_generator_begins_anew():
    runtime = Runtime.resolve("cpu", seed=7)
    first, second = (torch.randn(4, generator=runtime.generator()) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(first, torch.randn(4, generator=torch.Generator().manual_seed(7)))
    assert not torch.equal(first, torch.randn(4, generator=Runtime.resolve("cpu", seed=8).generator()))


def test_apply_sets_threads(monkeypatch):
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    Runtime.resolve("cpu").apply()
    runtime = Runtime.resolve("cpu", threads=3)
    assert runtime.apply() is runtime
    assert seen == [3]
