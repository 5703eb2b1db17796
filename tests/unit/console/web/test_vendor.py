"""Vendored files are the released ones, with their licences."""

from __future__ import annotations

import hashlib
import tomllib

from headrace.console.web.rendering import STATIC, TEMPLATES

VENDOR = STATIC / "vendor"
LISTS = {"checksums.txt", "components.toml"}


def test_files_have_their_checksums() -> None:
    lines = (VENDOR / "checksums.txt").read_text("utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir() if path.name not in LISTS
    }
    assert found == listed


def test_every_file_has_a_component_with_its_licence() -> None:
    components = tomllib.loads((VENDOR / "components.toml").read_text("utf-8"))["component"]
    named = {each[field] for each in components for field in ("file", "licence_file")}
    assert named == {path.name for path in VENDOR.iterdir()} - LISTS
    assert all(each["version"] and each["licence"] and each["source"].startswith("https://") for each in components)


def test_templates_escape_every_text() -> None:
    templates = {path.name: path.read_text("utf-8") for path in TEMPLATES.rglob("*.html")}
    assert templates
    for name, text in templates.items():
        assert "safe" not in [word.strip(" }") for part in text.split("|")[1:] for word in part.split()[:1]], name
        assert "autoescape" not in text, name
