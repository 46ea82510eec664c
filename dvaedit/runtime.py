"""Where and how the networks run: resolved once, passed down, never changed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dvaedit.errors import UsageError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
MAX_SEED = 2**63 - 1  # what torch.Generator.manual_seed surely takes on every device


@dataclass(frozen=True)
class Runtime:
    """Device, number format of the networks, seed, and CPU threads (None: as torch chooses)."""

    device: torch.device
    dtype: torch.dtype
    seed: int = 0
    threads: int | None = None

    @classmethod
    def resolve(cls, device: str = "auto", dtype: str = "auto", seed: int = 0, threads: int | None = None) -> Runtime:
        """Check the user's choice against this machine.

        ``device``: "auto" (CUDA, else Apple's MPS, else CPU), "cpu", "cuda", "cuda:1", "mps".
        ``dtype``: "auto", "float32", "float16", "bfloat16"; "auto" is float32 on every device, because DDIM
        inversion loses detail in half precision and results should not depend on the machine.
        Raises UsageError for a device that is absent and for values that make no sense.
        """
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"the seed {seed} is not between 0 and {MAX_SEED}")
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} threads cannot compute anything", "Give 1 or more, or leave it out.")
        found = _device(device)
        return cls(found, _dtype(dtype, found), seed, threads)

    @property
    def dtype_name(self) -> str:
        """The number format as the command line and cache keys write it: "float32"."""
        return str(self.dtype).removeprefix("torch.")

    def apply(self) -> Runtime:
        """Set torch's CPU threads, the one setting that is global; for the CLI to call once."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return self

    def generator(self) -> torch.Generator:
        """A fresh generator with the seed, on the CPU: the same noise whatever the device (move the noise, not it)."""
        return torch.Generator(device="cpu").manual_seed(self.seed)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    hint = f"This machine has: {', '.join(_devices())}. `auto` takes the best of them."
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"there is no device called {name!r}", hint) from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"{name!r} devices are not supported", hint)
    present = device.type == "cpu" or (device.type == "mps" and _has_mps()) or _has_cuda(device)
    if not present:
        raise UsageError(f"the device {name!r} is not on this machine", hint)
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float32
    if name not in DTYPES:
        raise UsageError(f"there is no dtype called {name!r}", f"Choose one of: auto, {', '.join(DTYPES)}.")
    if name == "float16" and device.type == "cpu":
        raise UsageError("float16 is too slow and coarse on a CPU", "Use float32, or bfloat16 to save memory.")
    return DTYPES[name]


def _devices() -> list[str]:
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *(["mps"] if _has_mps() else []), *cuda]


def _has_cuda(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
