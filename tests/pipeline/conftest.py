"""No waiting for the disk: a test can kill a process, not cut the power."""

import os

import pytest


@pytest.fixture(autouse=True)
def quick_fsync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
