"""Image analysis by measurement: colours, brightness, sharpness and shape."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageColor, ImageFilter, ImageOps, ImageStat

MEASURED = "headrace-measured-1.0 (no trained model)"
SYNTHETIC = "headrace-synthetic-1.0 (no trained model)"
CATEGORY = "Colors and Visual Composition"

_MEASURED_AT = (640, 640)
_PALETTE_FROM = (96, 96)
_LAPLACE = ImageFilter.Kernel((3, 3), [0, 1, 0, 1, -4, 1, 0, 1, 0], scale=1, offset=128)
_GREYS = {"black", "grey", "white"}
_HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (255, "blue"), (290, "purple"), (345, "pink"))


@dataclass(frozen=True, slots=True)
class Colour:
    """A dominant colour and its share of the pixels in percent."""

    rgb: tuple[int, int, int]
    simple: str
    percent: float


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """Measures of an image: brightness, sharpness and contrast from 0 to 100, colours by share."""

    width: int
    height: int
    brightness: float
    sharpness: float
    contrast: float
    colours: tuple[Colour, ...]


@dataclass(frozen=True, slots=True)
class MeasuredLabel:
    """A measured label with its parent label and its confidence in percent."""

    name: str
    confidence: float
    parent: str


class NotAnImageError(Exception):
    """The bytes are not a complete JPEG or PNG."""


def read(data: bytes) -> Image.Image:
    """Open the JPEG or PNG in `data`; only its header is read. Raises `NotAnImageError`."""
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except (OSError, ValueError, SyntaxError) as error:
        raise NotAnImageError(str(error)) from error


def measure(image: Image.Image) -> DecodedImage:
    """Measure an image in its EXIF orientation. Raises `NotAnImageError`.

    Shrinks a large `image` in place, so that a JPEG of 100 megapixels is not decoded at full size.
    """
    try:
        image.thumbnail(_MEASURED_AT)
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise NotAnImageError(str(error)) from error
    grey = upright.convert("L")
    light = ImageStat.Stat(grey)
    return DecodedImage(
        width=upright.width,
        height=upright.height,
        brightness=round(light.mean[0] / 2.55, 2),
        sharpness=_sharpness(grey),
        contrast=round(min(100.0, light.stddev[0] / 1.275), 2),
        colours=_colours(upright),
    )


def colour_labels(picture: DecodedImage) -> list[MeasuredLabel]:
    """Return labels for colours, brightness and contrast, by descending confidence."""
    shares: dict[str, float] = {}
    for colour in picture.colours:
        shares[colour.simple] = shares.get(colour.simple, 0.0) + colour.percent
    grey = sum(share for name, share in shares.items() if name in _GREYS)
    found = [_label(name.title(), "Color", share, 5, 40) for name, share in shares.items()]
    found += [
        _label("Monochrome", "Color", grey, 90, 100),
        _label("Dark", "Brightness", 100 - picture.brightness, 65, 95),
        _label("Bright", "Brightness", picture.brightness, 60, 90),
        _label("High Contrast", "Contrast", picture.contrast, 45, 80),
        _label("Low Contrast", "Contrast", 100 - picture.contrast, 90, 100),
    ]
    return _surest_first(found)


def labels(picture: DecodedImage) -> list[MeasuredLabel]:
    """Return all labels of a still image, by descending confidence."""
    found = [
        _label("Landscape Orientation", "Orientation", picture.width / picture.height, 1.05, 1.5),
        _label("Portrait Orientation", "Orientation", picture.height / picture.width, 1.05, 1.5),
        _label("Sharp", "Sharpness", picture.sharpness, 40, 70),
        # A plain surface has no edges, so sharpness does not measure its focus.
        _label("Blurred", "Sharpness", 100 - picture.sharpness if picture.contrast > 5 else 0, 75, 100),
    ]
    return _surest_first([*colour_labels(picture), *found])


def moderation_labels(picture: DecodedImage) -> list[MeasuredLabel]:
    """Return synthetic moderation labels for an image with a large share of red."""
    red = sum(colour.percent for colour in picture.colours if colour.simple == "red")
    found = _label("Synthetic Red Content", "Synthetic Moderation", red, 30, 80)
    return [MeasuredLabel("Synthetic Moderation", found.confidence, ""), found] if found else []


def css_name(rgb: tuple[int, int, int]) -> str:
    """Return the name of the nearest CSS colour."""

    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(_css_colours()[name], rgb, strict=True))

    return min(_css_colours(), key=distance)


def graded(value: float, at: float, sure: float) -> float:
    """Return the confidence of a measure in percent: 0 below `at`, 50 at `at`, 99 from `sure` on."""
    if value < at:
        return 0.0
    return round(50 + 49 * min(1.0, (value - at) / (sure - at)), 2)


def _label(name: str, parent: str, value: float, at: float, sure: float) -> MeasuredLabel | None:
    confidence = graded(value, at, sure)
    return MeasuredLabel(name, confidence, parent) if confidence else None


def _surest_first(found: Iterable[MeasuredLabel | None]) -> list[MeasuredLabel]:
    return sorted((label for label in found if label), key=lambda label: (-label.confidence, label.name))


def _sharpness(grey: Image.Image) -> float:
    """Return the variance of the Laplacian, without the border pixels."""
    edges = grey.filter(_LAPLACE)
    inner = edges.crop((1, 1, edges.width - 1, edges.height - 1)) if min(edges.size) > 2 else edges
    spread = ImageStat.Stat(inner).stddev[0]
    return round(100 * spread / (spread + 10), 2)


def _colours(image: Image.Image) -> tuple[Colour, ...]:
    """Return at most eight colours by median cut, largest share first."""
    few = image.copy()
    few.thumbnail(_PALETTE_FROM, Image.Resampling.BOX)
    small = few.quantize(8, Image.Quantize.MEDIANCUT)
    palette = small.getpalette() or []
    pixels = small.width * small.height
    found = []
    for index, count in sorted(enumerate(small.histogram()), key=lambda entry: -entry[1]):
        if not count:
            break
        rgb = (palette[3 * index], palette[3 * index + 1], palette[3 * index + 2])
        found.append(Colour(rgb, simple_name(rgb), round(100 * count / pixels, 2)))
    return tuple(found)


@cache
def _css_colours() -> dict[str, tuple[int, ...]]:
    return {name: ImageColor.getrgb(name) for name in sorted(ImageColor.colormap)}


def simple_name(rgb: tuple[int, int, int]) -> str:
    """Return one of the eleven simplified colour names of Rekognition."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in rgb))
    if value < 0.15:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.8 else "grey"
    degrees = hue * 360
    if 10 <= degrees < 50 and value < 0.65:
        return "brown"
    return next((name for limit, name in _HUES if degrees < limit), "red")
