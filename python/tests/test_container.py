"""What code in an image is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from imagespec_builder import container, is_container


def test_an_image_is_known_by_its_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("_F_IMG_ID", raising=False)
    monkeypatch.setattr(container, "_KEPT", tmp_path / "none")
    assert not is_container()
    assert not is_container("an id")
    monkeypatch.setenv("_F_IMG_ID", "an id")
    assert is_container()
    assert is_container("an id")
    assert not is_container("another")
    assert is_container(SimpleNamespace(id="an id"))
    assert not is_container(SimpleNamespace(id="another"))
    # flytekit 1.13 has names instead.
    assert is_container(SimpleNamespace(image_name=lambda: "an id"))
    assert not is_container(SimpleNamespace())


def test_an_image_without_an_id_is_known_by_its_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("_F_IMG_ID", raising=False)
    monkeypatch.setattr(container, "_KEPT", tmp_path)
    assert is_container()
    assert not is_container("an id")
