"""The checks of ``dvaedit doctor``. Each says in a line what it has found, or raises."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from dvaedit.cli.text import size
from dvaedit.errors import DvaEditError, StorageError, WeightsError

PACKAGES = ("torch", "torchvision", "numpy", "av", "opencv-python", "mediapipe", "open_clip_torch", "safetensors")
LEAST_SPACE = 10**9  # bytes free below which the cache is likely to run full: a few minutes of video


@dataclass(frozen=True)
class Check:
    """The outcome of one check; ``exit_code`` is 0 where it passed."""

    name: str
    ok: bool
    detail: str
    exit_code: int = 0


def run_checks(model: str, device: str, cache_dir: Path | None) -> Iterator[Check]:
    """Run all checks, each whether or not those before have passed."""
    checks: dict[str, Callable[[], str]] = {
        "versions": versions,
        "ffmpeg": ffmpeg,
        "devices": lambda: devices(device),
        "weights": weights,
        "cache": lambda: cache(cache_dir),
        "codecs": codecs,
        "faces": faces,
        "model": lambda: run_model(model, device),
    }
    for name, check in checks.items():
        yield _run(name, check)


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except DvaEditError as error:
        return Check(name, False, " ".join(f"{error.message} {error.hint}".split()), error.exit_code)
    except Exception as error:  # whatever is broken, the other checks still tell something
        return Check(name, False, " ".join(f"{type(error).__name__}: {error}".split()), 1)


def versions() -> str:
    """Python's, this system's and those of the packages that matter most."""
    from dvaedit import __version__

    found = [
        f"dvaedit {__version__}",
        f"Python {platform.python_version()}",
        f"{platform.system()} {platform.machine()}",
    ]
    return ", ".join(found + [f"{name} {metadata.version(name)}" for name in PACKAGES])


def ffmpeg() -> str:
    """Which ffmpeg is run."""
    from dvaedit.video.ffmpeg import find_ffmpeg

    path = find_ffmpeg()
    result = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True)
    return f"{result.stdout.splitlines()[0].split(' Copyright')[0]}, {path}"


def devices(wanted: str) -> str:
    """What torch can compute on, and which of them is taken."""
    import torch

    from dvaedit.runtime import Runtime

    cuda = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    present = ", ".join([f"cpu ({torch.get_num_threads()} threads)", *mps, *cuda])
    return f"{present}; `{wanted}` takes {Runtime.resolve(wanted).device}"


def weights() -> str:
    """All files of weights against their cards."""
    from dvaedit.checkpoints.store import list_cards, verify

    cards = [card for card in list_cards() if card.file]
    if not cards:
        raise WeightsError("no weights are installed")
    for card in cards:
        verify(card)
    return f"{len(cards)} files are as their cards say ({size(sum(card.size for card in cards))})"


def cache(folder: Path | None) -> str:
    """Whether the cache can be written, and how much room it has."""
    from dvaedit.pipeline.store import Cache

    store = Cache(folder)
    existing = next(path for path in (store.root, *store.root.absolute().parents) if path.is_dir())
    if not os.access(existing, os.W_OK):
        raise StorageError(f"the cache folder {store.root} cannot be written", "Set DVAEDIT_CACHE to another folder.")
    free = shutil.disk_usage(existing).free
    if free < LEAST_SPACE:
        raise StorageError(
            f"only {size(free)} are free for the cache in {store.root}", "`dvaedit cache gc` makes room."
        )
    entries = store.entries()
    return f"{store.root}, {len(entries)} entries, {size(sum(entry.size for entry in entries))}; {size(free)} free"


def codecs() -> str:
    """Encode four made-up frames, decode them again."""
    import numpy as np

    from dvaedit.errors import VideoError
    from dvaedit.video.codecs import available
    from dvaedit.video.reader import read_frames
    from dvaedit.video.writer import write_rgb_video

    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    frames = [np.broadcast_to(np.roll(ramp, 8 * n)[None, :, None], (48, 64, 3)) for n in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "four.mp4"
        write_rgb_video(path, frames)
        found = [frame.rgb() for frame in read_frames(path)]
    if len(found) != 4 or max(np.abs(a.astype(int) - b).mean() for a, b in zip(found, frames, strict=True)) > 8:
        raise VideoError("four frames of h264 do not come back as they were written", "Reinstall the package av.")
    return f"encoded and decoded 4 frames of h264; available: {', '.join(available())}"


def faces() -> str:
    """Start the face detector on an empty picture."""
    import numpy as np

    from dvaedit.face.mesh import FaceMesher

    with FaceMesher() as mesher:
        found = mesher.detect(np.zeros((96, 96, 3), np.uint8))
    return f"the detector runs and finds {len(found)} faces in an empty picture"


def run_model(name: str, device: str) -> str:
    """Invert and sample one crop of noise in two steps, with the model and device asked for."""
    import torch

    from dvaedit.checkpoints.load import load_model
    from dvaedit.diffusion.reversible import reversible_invert, reversible_sample, reversible_timesteps
    from dvaedit.models.autoencoder import LANDMARK_CHANNELS
    from dvaedit.runtime import Runtime

    model = load_model(name, Runtime.resolve(device))
    steps, noise = reversible_timesteps(2), model.runtime.generator()
    with torch.inference_mode():
        x_0 = model.tensor(torch.rand(1, 3, model.image_size, model.image_size, generator=noise) * 2 - 1)
        z_lnd = model.tensor(torch.rand(1, LANDMARK_CHANNELS, generator=noise))
        z_face = model.autoencoder.face_code(model.autoencoder.identity(x_0), z_lnd)

        def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return model.autoencoder.denoise(x_t, t, z_face)

        states = reversible_invert(model.autoencoder.schedule, denoise, x_0, steps)
        again = reversible_sample(model.autoencoder.schedule, denoise, states, steps)
    if not torch.allclose(again, x_0, atol=1e-2):
        raise WeightsError(f"the model {name} does not give a crop back", "Run `dvaedit weights verify`.")
    size_, where = model.image_size, model.runtime.device
    return f"{name}: inverted and sampled one random {size_} x {size_} crop in 2 steps on {where}"
