"""Adding an RGB difference to a frame's own samples."""

import av
import numpy as np
import pytest

from dvaedit.errors import VideoError
from dvaedit.video.planes import apply_delta
from dvaedit.video.reader import to_rgb, upright

FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
FORMATS += ["yuv444p12le", "nv12", "yuva420p", "gray", "gray10le", "rgb24", "bgra", "gbrp", "gbrp10le"]


def _frame(pix_fmt: str, width: int, height: int, matrix: int = 1, full: bool = False) -> av.VideoFrame:
    rgb = np.full((height, width, 3), (90, 120, 150), np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=2 if full else 1)
    frame.colorspace, frame.color_range, frame.pts = matrix, 2 if full else 1, 77
    return frame


def _wave(height: int, width: int, gray: bool = False) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    parts = [30 * np.sin(3 * x / width + channel * (not gray)) * np.cos(2 * y / height) for channel in range(3)]
    return np.stack(parts, -1).astype(np.float32)


def _bytes(frame: av.VideoFrame) -> list[np.ndarray]:
    return [np.frombuffer(plane, np.uint8).reshape(plane.height, -1).copy() for plane in frame.planes]


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize(("matrix", "full"), [(1, False), (5, True), (9, False)])
def test_the_difference_arrives_and_nothing_else_changes(pix_fmt, matrix, full):
    frame = _frame(pix_fmt, 101, 75, matrix, full or pix_fmt.startswith("yuvj"))
    before = _bytes(frame)
    box, delta = (11, 13, 71, 61), _wave(48, 60, pix_fmt.startswith("gray"))
    new = apply_delta(frame, box, delta)
    change = to_rgb(new).astype(float) - to_rgb(frame)
    inner = np.abs(change[13:61, 11:71] - delta)[3:-3, 3:-3]
    assert inner.mean() < 0.75 and inner.max() <= 3.1
    change[10:64, 8:74] = 0  # chroma cells reach over the box, and RGB interpolates between them
    assert not change.any()
    assert (new.format.name, new.pts, int(new.colorspace)) == (pix_fmt, 77, matrix)
    assert all(np.array_equal(a, b) for a, b in zip(before, _bytes(frame), strict=True))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "rgb24"])
def test_rotated_frames(rotation, pix_fmt):
    frame = _frame(pix_fmt, 90, 60)
    box = (8, 12, 48, 54)
    delta = _wave(42, 40)
    new = apply_delta(frame, box, delta, rotation)
    change = upright(to_rgb(new), rotation).astype(float) - upright(to_rgb(frame), rotation)
    assert np.abs(change[12:54, 8:48] - delta)[3:-3, 3:-3].max() <= 3.1
    change[9:57, 5:51] = 0
    assert not change.any()


def test_exact_samples_of_a_gray_step():
    """A gray step of 51 levels moves limited-range Y by 51 * 219 / 255 = 43.8, chroma not at all."""
    frame = _frame("yuv420p", 16, 16)
    y, cb, cr = _bytes(apply_delta(frame, (4, 4, 8, 8), np.full((4, 4, 3), 51, np.float32)))
    old_y, old_cb, old_cr = _bytes(frame)
    assert np.array_equal(y[4:8, 4:8], old_y[4:8, 4:8] + 44)
    assert np.array_equal(cb[:8, :8], old_cb[:8, :8]) and np.array_equal(cr[:8, :8], old_cr[:8, :8])


def test_chroma_is_the_mean_over_its_cell():
    """One pixel of four turns 80 levels bluer: Cb rises by 80/4 * 224/255 * 0.5 = 8.8, by BT.709."""
    frame = _frame("yuv420p", 16, 16)
    new = apply_delta(frame, (5, 5, 6, 6), np.array([[[0, 0, 80]]], np.float32))
    moved = _bytes(new)[1].astype(int) - _bytes(frame)[1]
    assert moved[2, 2] == 9
    assert np.count_nonzero(moved) == 1


def test_odd_edges_average_what_lies_inside():
    """The last chroma column of an odd width covers one column of pixels only: it gets the full step."""
    frame = _frame("yuv420p", 15, 15)
    new = apply_delta(frame, (14, 0, 15, 15), np.full((15, 1, 3), (0, 0, 40), np.float32))
    moved = _bytes(new)[1].astype(int) - _bytes(frame)[1]
    assert (moved[:8, 7] == round(40 * 224 / 255 * 0.5)).all()
    assert not moved[:, :7].any()


def test_zero_deltas_keep_samples_even_outside_the_legal_range():
    frame = av.VideoFrame(32, 32, "yuv420p10le")
    for plane in frame.planes:
        np.frombuffer(plane, np.uint16)[:] = np.arange(len(bytes(plane)) // 2) % 1024
    delta = np.zeros((20, 20, 3), np.float32)
    delta[10:12, 10:12] = 8
    new = apply_delta(frame, (6, 6, 26, 26), delta)
    old_y, new_y = (np.frombuffer(f.planes[0], np.uint16).reshape(32, -1).astype(int) for f in (frame, new))
    changed = np.zeros_like(old_y, bool)
    changed[16:18, 16:18] = True
    assert np.array_equal(new_y[~changed], old_y[~changed])
    assert (new_y[changed] != old_y[changed]).any()


def test_clipped_to_the_legal_range():
    frame = _frame("yuv420p", 16, 16)
    up = _bytes(apply_delta(frame, (0, 0, 16, 16), np.full((16, 16, 3), 400, np.float32)))
    down = _bytes(apply_delta(frame, (0, 0, 16, 16), np.full((16, 16, 3), -400, np.float32)))
    assert (up[0][:16, :16] == 235).all() and (down[0][:16, :16] == 16).all()
    blue = np.full((16, 16, 3), (-255, -255, 255), np.float32)
    assert _bytes(apply_delta(frame, (0, 0, 16, 16), blue))[1][:8, :8].max() == 240


def test_formats_and_matrices_that_cannot_be_edited():
    with pytest.raises(VideoError, match="yuyv422"):
        apply_delta(av.VideoFrame(16, 16, "yuyv422"), (0, 0, 1, 1), np.ones((1, 1, 3), np.float32))
    frame = _frame("yuv420p", 16, 16)
    frame.colorspace = 8
    with pytest.raises(VideoError, match="code 8"):
        apply_delta(frame, (0, 0, 1, 1), np.ones((1, 1, 3), np.float32))
