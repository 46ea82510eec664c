"""A report of a small made-up evaluation, and a real browser to open it in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dvaedit.evaluation.evaluate import EditEvaluation, Evaluation, FrameCounts
from dvaedit.evaluation.judging import Verdict
from dvaedit.evaluation.measure import EDIT_SERIES, SOURCE_SERIES, Edited, Original
from dvaedit.evaluation.pairing import fit_size, pair_frames
from dvaedit.evaluation.summary import Judgement, Metrics
from dvaedit.reports.page import write_report
from dvaedit.video.writer import write_rgb_video

SIZE, COUNT, RATE = (192, 128), 20, 10
QUAD = np.array([[60, 20], [60, 100], [140, 100], [140, 20]], float)


def scene(number: int, colour: tuple[int, int, int]) -> np.ndarray:
    """A bar that moves 8 pixels a frame over a ground of one colour."""
    rgb = np.full((SIZE[1], SIZE[0], 3), colour, np.uint8)
    rgb[40:90, 8 * number : 8 * number + 16] = 255
    return rgb


def edited(path: Path, original: Original) -> Edited:
    pairing, fit = pair_frames(original.times, original.times, path.name), fit_size(SIZE, SIZE, path.name)
    return Edited(path, pairing, fit, np.zeros((COUNT, 68, 2)), None)


def series(names: tuple[str, ...], level: float) -> dict[str, list[float]]:
    wave = (level + 0.1 * np.sin(np.arange(COUNT))).tolist()
    return dict.fromkeys((*names, "judge:Blond_Hair"), wave)


@pytest.fixture(scope="session")
def page(tmp_path_factory) -> Path:
    """The page: one edit by a known run, in blue for grey, and a foreign one in red."""
    folder = tmp_path_factory.mktemp("page")
    times = np.arange(COUNT) / RATE
    for name, colour in (("in.mp4", (90, 90, 90)), ("blue.mp4", (60, 60, 200)), ("red.mp4", (200, 60, 60))):
        write_rgb_video(folder / name, (scene(n, colour) for n in range(COUNT)), rate=RATE, crf=6)
    faces = np.arange(COUNT)
    original = Original(folder / "in.mp4", SIZE, times, faces, np.tile(QUAD, (COUNT, 1, 1)), np.zeros((COUNT, 68, 2)))
    numbers = dict.fromkeys(Metrics.__dataclass_fields__, 0.9) | {"outside_psnr": float("inf"), "eye_motion": None}
    seen = Judgement({"Blond_Hair": 0.1, "Male": 0.2}, {"Blond_Hair": 0.9, "Male": 0.5},
                     (Verdict("Blond_Hair", True, 0.1, 0.9, 20, 0.95),), {"Male": 0.3})  # fmt: skip
    run = {"origin": "made up", "edits": {"Blond_Hair": 1.5}, "strength": 1.25,
           "texts": [], "mix": {}, "region": "hair", "cosine": 0.9,
           "settings": {"sample": {"steps": 10}}, "weights": {"autoencoder": "a" * 64}}  # fmt: skip
    edits = [
        EditEvaluation(
            folder / name, "d" * 64, FrameCounts(COUNT, COUNT, COUNT, COUNT, COUNT), Metrics(**numbers), judgement,
            "made up", made_by, ("a note",), series(EDIT_SERIES, 0.8), edited(folder / name, original),
        )
        for name, judgement, made_by in (("blue.mp4", seen, run), ("red.mp4", None, None))
    ]  # fmt: skip
    evaluation = Evaluation(
        original.path, "e" * 64, *SIZE, COUNT, times.tolist(), tuple(edits), {"Blond_Hair": {"auc": 0.97}},
        series(SOURCE_SERIES, 0.3), original,
    )  # fmt: skip
    write_report(folder / "report.html", evaluation, lambda label, done, total: None)
    return folder / "report.html"


def _programs() -> tuple[str | None, str | None]:
    return shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")


@pytest.fixture
def browser(tmp_path):
    """Gives a function that opens a page: (path, width, height, dark) -> driver."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, chromedriver = _programs()
    if not chromium or not chromedriver:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync",
                 "disable-background-networking", "disable-component-update", "hide-scrollbars",
                 f"user-data-dir={tmp_path / 'profile'}"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))

    def open_page(path: Path, width: int = 1280, height: int = 900, dark: bool = False):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        driver.get(path.as_uri())
        return driver

    yield open_page
    driver.quit()
