"""Tests of the notices and the bill of materials of the images."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1
"""


@pytest.fixture(scope="module")
def third_party() -> ModuleType:
    """The script that the Dockerfile runs."""
    spec = importlib.util.spec_from_file_location("third_party", ROOT / "deploy" / "third_party.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "third_party", module)
        spec.loader.exec_module(module)
        return module


def required() -> set[str]:
    """Return the names of the packages that the image installs on every system."""
    text = (ROOT / "deploy" / "requirements.txt").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9.-]+)==[^ ]+ \\$", text, re.MULTILINE))


def test_every_required_package_has_a_licence_and_is_in_the_bill(third_party: ModuleType, tmp_path: Path) -> None:
    assert third_party.main([str(tmp_path)]) == 0
    bill = json.loads((tmp_path / "sbom.cdx.json").read_text("utf-8"))
    text = (tmp_path / "THIRD-PARTY-NOTICES").read_text("utf-8")
    listed = {each["purl"].partition("@")[0] for each in bill["components"]}
    headings = set(re.findall(r"^(.+)\nLicence: .+$", text, re.MULTILINE))

    assert "boto3" in required()
    assert {name for name in required() if f"pkg:pypi/{name}" not in listed} == set()
    assert len({each["bom-ref"] for each in bill["components"]}) == len(bill["components"])
    assert {f"{each['name']} {each['version']}" for each in bill["components"]} - headings == set()
    licences = [licence for each in bill["components"] for licence in each["licenses"]]
    assert all(licence.get("expression") or licence["license"]["name"] for licence in licences)


def test_notices_have_licence_texts(third_party: ModuleType) -> None:
    packages = {each.name: each for each in third_party.python_packages()}

    assert any("Apache License" in text for _, text in packages["boto3"].texts)
    assert len(packages["boto3"].texts) >= 2, "the licence and the notice"
    without = {name for name, each in packages.items() if not each.texts and each.licence.startswith("see")}
    assert without == set()


def test_notices_have_the_javascript_of_the_console(third_party: ModuleType) -> None:
    scripts = list(third_party.vendored_scripts())
    assert [each.purl.partition("@")[0] for each in scripts] == ["pkg:npm/htmx.org", "pkg:npm/htmx-ext-sse"]
    assert all("warrant" in text.lower() for each in scripts for _name, text in each.texts)


def test_bundled_ffmpeg_has_the_licence_of_its_configuration(third_party: ModuleType) -> None:
    found = {each.name: each for each in third_party.bundled_ffmpeg()}

    ffmpeg = found["ffmpeg (in imageio-ffmpeg)"]
    assert ffmpeg.licence == "GPL-3.0-or-later"
    assert "--enable-gpl" in ffmpeg.texts[0][1]
    assert found["libavcodec (in PyAV)"].licence == "GPL-3.0-or-later", "it is linked with x264 and x265"


@pytest.mark.parametrize(
    ("options", "licence"),
    [
        ("--enable-gpl --enable-version3", "GPL-3.0-or-later"),
        ("--enable-gpl", "GPL-2.0-or-later"),
        ("--enable-version3 --enable-libx264", "GPL-3.0-or-later"),
        ("--enable-version3", "LGPL-3.0-or-later"),
        ("", "LGPL-2.1-or-later"),
    ],
)
def test_licence_follows_the_configuration_of_ffmpeg(third_party: ModuleType, options: str, licence: str) -> None:
    found = third_party.ffmpeg_component("ffmpeg", f"ffmpeg version 7.1-x Copyright\nconfiguration: {options}")

    assert (found.licence, found.version) == (licence, "7.1-x")


def test_lists_installed_debian_packages(third_party: ModuleType) -> None:
    (found,) = third_party.debian_packages(STATUS)

    assert found.purl == "pkg:deb/debian/libc6@2.36-9+deb12u10?arch=amd64"
    assert found.licence == "see /usr/share/doc/libc6/copyright"


def stages_of_dockerfile() -> dict[str, str]:
    """Return the text of each build stage."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    parts = re.split(r"^FROM (\S+) AS (\S+)$", text, flags=re.MULTILINE)[1:]
    return {name: f"FROM {base}\n{body}" for base, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def test_label_of_each_variant_names_the_licence_of_its_ffmpeg() -> None:
    stages = stages_of_dockerfile()
    labels = {
        name: re.findall(r'image.licenses="([^"]+)"', text) for name, text in stages.items() if "licenses=" in text
    }

    assert labels == {
        "ffmpeg-bundled": ["Apache-2.0 AND GPL-3.0-or-later"],
        "ffmpeg-none": ["Apache-2.0"],
    }
    assert stages["headrace"].startswith("FROM ffmpeg-${FFMPEG}\n")
    assert stages["sandbox"].startswith("FROM ffmpeg-bundled\n")
    assert all("third_party.py /usr/share/doc/headrace\n" in stages[name] for name in ("headrace", "sandbox"))


def test_build_context_has_every_file_that_is_copied() -> None:
    context = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    files = {file for line in copied for file in line.split()}

    assert "deploy/third_party.py" in files
    assert {f"!{file}" for file in files} <= set(context)
