"""Measurements of images."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from headrace.sandbox.ai.framework import image_analysis


def plain(colour: str, size: tuple[int, int] = (200, 100)) -> Image.Image:
    return Image.new("RGB", size, colour)


def stripes() -> Image.Image:
    image = plain("white")
    draw = ImageDraw.Draw(image)
    for x in range(0, 200, 8):
        draw.rectangle((x, 0, x + 3, 100), fill="black")
    return image


def names(image: Image.Image) -> list[str]:
    return [label.name for label in image_analysis.labels(image_analysis.measure(image))]


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("red", "Red"),
        ("darkorange", "Orange"),
        ("yellow", "Yellow"),
        ("forestgreen", "Green"),
        ("navy", "Blue"),
        ("indigo", "Purple"),
        ("hotpink", "Pink"),
        ("saddlebrown", "Brown"),
        ("black", "Black"),
        ("gray", "Grey"),
        ("white", "White"),
    ],
)
def test_names_colours(colour: str, name: str) -> None:
    assert name in names(plain(colour))
    (found,) = image_analysis.measure(plain(colour)).colours
    assert (image_analysis.css_name(found.rgb), found.percent) == (colour, 100.0)


def test_colours_are_ordered_by_share() -> None:
    image = plain("blue")
    image.paste(plain("yellow", (50, 100)))
    picture = image_analysis.measure(image)
    assert [(colour.simple, round(colour.percent)) for colour in picture.colours] == [("blue", 75), ("yellow", 25)]
    by_name = {label.name: label for label in image_analysis.labels(picture)}
    assert by_name["Blue"].confidence == 99.0
    assert 50 < by_name["Yellow"].confidence < 99
    assert by_name["Yellow"].parent == "Color"


def test_light_and_dark_images_have_different_labels() -> None:
    assert "Bright" in names(plain("white"))
    assert "Dark" in names(plain("black"))
    assert not {"Bright", "Dark"} & set(names(plain("gray")))


def test_a_blurred_picture_measures_less_sharp() -> None:
    sharp, soft = stripes(), stripes().filter(ImageFilter.GaussianBlur(6))
    assert image_analysis.measure(sharp).sharpness > 2 * image_analysis.measure(soft).sharpness
    assert "Sharp" in names(sharp)
    assert "Blurred" in names(soft.resize((640, 320)))


def test_a_plain_surface_is_neither_sharp_nor_blurred() -> None:
    assert not {"Sharp", "Blurred"} & set(names(plain("green")))


def test_shape_is_that_of_the_upright_image() -> None:
    assert "Landscape Orientation" in names(plain("green"))
    file = io.BytesIO()
    turned = Image.Exif()
    turned[0x0112] = 6  # turn by 90 degrees to show
    plain("green").save(file, "JPEG", exif=turned)
    assert "Portrait Orientation" in names(image_analysis.read(file.getvalue()))


def test_the_same_picture_measures_the_same_each_time(media: Path) -> None:
    data = (media / "bottles.jpg").read_bytes()
    assert image_analysis.measure(image_analysis.read(data)) == image_analysis.measure(image_analysis.read(data))


def test_moderation_is_synthetic_by_name_and_depends_on_the_picture() -> None:
    found = image_analysis.moderation_labels(image_analysis.measure(plain("red")))
    assert [(label.name, label.parent) for label in found] == [
        ("Synthetic Moderation", ""),
        ("Synthetic Red Content", "Synthetic Moderation"),
    ]
    assert image_analysis.moderation_labels(image_analysis.measure(plain("green"))) == []


@pytest.mark.parametrize("data", [b"", b"text", b"GIF89a" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_rejects_bytes_that_are_not_jpeg_or_png(data: bytes) -> None:
    with pytest.raises(image_analysis.NotAnImageError):
        image_analysis.measure(image_analysis.read(data))


def test_rejects_a_truncated_image(media: Path) -> None:
    with pytest.raises(image_analysis.NotAnImageError):
        image_analysis.measure(image_analysis.read((media / "bottles.jpg").read_bytes()[:4000]))


def test_confidence_grows_with_the_measure() -> None:
    assert [image_analysis.graded(value, 10, 20) for value in (9, 10, 15, 20, 99)] == [0.0, 50.0, 74.5, 99.0, 99.0]
