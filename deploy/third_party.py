"""Write the third-party notices and the software bill of materials (CycloneDX 1.6) of an image.

    /opt/headrace/bin/python deploy/third_party.py FOLDER

lists the Python packages of the interpreter that runs it, the ffmpeg that their wheels include, the JavaScript of the
web console, and the packages of Debian. The notices have the licence texts of Python packages; those of Debian packages
are in /usr/share/doc.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

DPKG_STATUS = Path("/var/lib/dpkg/status")
COMMON_LICENSES = Path("/usr/share/common-licenses")
LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
LONGEST_NAME = 60
GPL_OPTIONS = ("--enable-gpl", "--enable-libx264", "--enable-libx265")
"""Options that make the result GPL. PyAV links x264 and x265 without the first one."""

FFMPEG_SOURCE = "https://ffmpeg.org/download.html"


@dataclass(frozen=True, slots=True)
class Component:
    """One package. `licence` is an SPDX expression or, if `spdx` is not set, the words of its author."""

    name: str
    version: str
    purl: str
    licence: str
    spdx: bool = False
    texts: tuple[tuple[str, str], ...] = ()


def python_packages() -> Iterator[Component]:
    """List the installed Python packages in alphabetical order."""
    found = {each.name.lower(): each for each in metadata.distributions()}
    for name, package in sorted(found.items()):
        expression = package.metadata.get("License-Expression", "")
        texts = tuple(
            (str(file), Path(str(file.locate())).read_text("utf-8", "replace"))
            for file in package.files or ()
            if ".dist-info" in str(file) and LICENCE_FILE.search(file.name) and file.suffix not in (".py", ".pyc")
        )
        purl = f"pkg:pypi/{name.replace('_', '-')}@{package.version}"
        yield Component(package.name, package.version, purl, expression or _words(package), bool(expression), texts)


def bundled_ffmpeg() -> Iterator[Component]:
    """List the executable of imageio-ffmpeg and the libraries of PyAV, with the licence of their configuration."""
    try:
        import imageio_ffmpeg

        executable = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        pass
    else:
        described = subprocess.run([executable, "-version"], capture_output=True, text=True, check=True).stdout
        yield ffmpeg_component("ffmpeg (in imageio-ffmpeg)", described)
    try:
        from av._core import library_meta  # PyAV has no public name for it
    except ImportError:
        return
    for name, about in sorted(library_meta.items()):
        version = ".".join(map(str, about.get("version", ())))
        yield ffmpeg_component(f"{name} (in PyAV)", f"ffmpeg version {version} \n{about.get('configuration', '')}")


def vendored_scripts() -> Iterator[Component]:
    """List the JavaScript libraries that the web console includes."""
    folder = files("headrace.console") / "web" / "static" / "vendor"
    for each in tomllib.loads((folder / "components.toml").read_text("utf-8"))["component"]:
        text = (folder / each["licence_file"]).read_text("utf-8")
        purl = f"pkg:npm/{each['name']}@{each['version']}"
        texts = ((each["licence_file"], f"Source code: {each['source']}\n\n{text}"),)
        yield Component(f"{each['name']} (in headrace)", each["version"], purl, each["licence"], True, texts)


def ffmpeg_component(name: str, described: str) -> Component:
    """Return an ffmpeg with the licence that its configuration gives it: https://ffmpeg.org/legal.html."""
    version = re.match(r"ffmpeg version (\S+)", described)
    number = version.group(1) if version else "unknown"
    is_gpl = any(option in described for option in GPL_OPTIONS)
    family, digit = ("GPL", "2.0") if is_gpl else ("LGPL", "2.1")
    licence = f"{family}-{'3.0' if '--enable-version3' in described else digit}-or-later"
    text = f"Source code: {FFMPEG_SOURCE}\n{described}"
    common = COMMON_LICENSES / licence.removesuffix("-or-later").removesuffix(".0")
    texts = ((common.name, common.read_text("utf-8")),) if common.exists() else ()
    return Component(name, number, f"pkg:generic/ffmpeg@{number}", licence, True, (("build", text), *texts))


def debian_packages(status: str) -> Iterator[Component]:
    """List the installed packages of Debian from the text of dpkg's status file."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status|Architecture): (.+)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"
            yield Component(name, version, purl, f"see /usr/share/doc/{name}/copyright")


def notices(components: Iterable[Component]) -> str:
    """Return the notices of all components as text."""
    parts = ["Third-party software in this image. Headrace itself is licensed under Apache-2.0."]
    for each in components:
        parts.append(f"{'=' * 80}\n{each.name} {each.version}\nLicence: {each.licence}")
        parts += [f"{'-' * 80}\n{name}\n\n{text.strip()}" for name, text in each.texts]
    return "\n\n".join(parts) + "\n"


def bill_of_materials(components: Iterable[Component]) -> dict[str, Any]:
    """Return a CycloneDX document. Source: CycloneDX 1.6 JSON Reference, https://cyclonedx.org/docs/1.6/json/."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "headrace"}},
        "components": [
            {
                "type": "library",
                "bom-ref": f"{number}-{each.purl}",
                "name": each.name,
                "version": each.version,
                "purl": each.purl,
                "licenses": [{"expression": each.licence} if each.spdx else {"license": {"name": each.licence}}],
            }
            for number, each in enumerate(components)
        ],
    }


def main(arguments: list[str]) -> int:
    """Write THIRD-PARTY-NOTICES and sbom.cdx.json to a folder."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    debian = debian_packages(DPKG_STATUS.read_text("utf-8")) if DPKG_STATUS.exists() else ()
    components = [*python_packages(), *vendored_scripts(), *bundled_ffmpeg(), *debian]
    (folder / "THIRD-PARTY-NOTICES").write_text(notices(components), "utf-8")
    (folder / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(components), indent=1), "utf-8")
    return 0


def _words(package: metadata.Distribution) -> str:
    """Return the licence in the words of the metadata: the short field, or else the classifiers."""
    field = package.metadata.get("License", "").strip()
    if field and len(field) <= LONGEST_NAME and "\n" not in field:
        return field
    classifiers = package.metadata.get_all("Classifier") or []
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    return " AND ".join(named) or "see the text of its licence"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
