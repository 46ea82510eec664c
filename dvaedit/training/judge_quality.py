"""How good a classifier's logits are, and how they are calibrated. Plain arrays; NaN labels count nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dvaedit.training.classifier import held_out_metrics

BINS = 10
RIDGE = 2.0  # pulls the scale towards 1 and the shift towards 0, in faces: rare attributes have few to fit


def quality(logits: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Per attribute: accuracy, balanced accuracy, AUC, calibration error and the counts. None: cannot be told.

    logits, labels: (N, A), labels in {0, 1, NaN}.
    """
    return {name: _quality(logits[:, k], labels[:, k]) for k, name in enumerate(names)}


def _quality(logits: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    known = ~np.isnan(labels)
    logits, truth = logits[known], labels[known] > 0.5
    measured = held_out_metrics(logits, truth.astype(np.float32))
    both = truth.any() and not truth.all()
    return {
        "accuracy": round(float(((logits > 0) == truth).mean()), 3) if len(truth) else None,
        "balanced_accuracy": measured["balanced_accuracy"] if both else None,
        "auc": measured["auc"] if both else None,
        "calibration_error": round(calibration_error(logits, truth), 3) if both else None,
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
    }


def _balance(truth: np.ndarray) -> np.ndarray:
    """Weights that sum to 1, half of it on the faces that have the attribute."""
    return np.where(truth, 0.5 / max(truth.sum(), 1), 0.5 / max((~truth).sum(), 1))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def calibration_error(logits: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error in ten bins, both classes weighing the same. logits (N,), truth bool (N,)."""
    weight, probability = _balance(truth), _sigmoid(logits)
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [abs((weight[place == k] * (truth[place == k] - probability[place == k])).sum()) for k in range(BINS)]
    return float(np.sum(gaps))


def calibrate(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Platt's scale and shift per attribute, (A,) float32 each, both classes weighing the same.

    Newton's method on the weighted log-likelihood with a ridge towards scale 1 and shift 0. logits, labels: (N, A).
    """
    fitted = [_platt(logits[:, k], labels[:, k]) for k in range(logits.shape[1])]
    scale, shift = np.array(fitted, np.float32).T
    return scale, shift


def _platt(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    known = ~np.isnan(labels)
    x, truth = logits[known].astype(np.float64), labels[known] > 0.5
    if not truth.any() or truth.all():
        return 1.0, 0.0
    weight = _balance(truth) * 2 * min(truth.sum(), (~truth).sum())  # as many faces as the rarer side has, twice
    design, start = np.stack([x, np.ones_like(x)], axis=1), np.array([1.0, 0.0])

    def loss(theta: np.ndarray) -> float:
        signed = np.where(truth, 1, -1) * (design @ theta)
        return float((weight * np.logaddexp(0, -signed)).sum() + RIDGE / 2 * np.square(theta - start).sum())

    theta = start.copy()
    for _ in range(50):
        p = _sigmoid(design @ theta)
        gradient = design.T @ (weight * (p - truth)) + RIDGE * (theta - start)
        hessian = design.T @ (design * (weight * p * (1 - p))[:, None]) + RIDGE * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-6 and loss(theta - size * step) > loss(theta):  # far from the minimum a full step overshoots
            size /= 2
        theta = theta - size * step
    return float(theta[0]), float(theta[1])
