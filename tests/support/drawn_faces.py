"""Pictures with drawn faces: the local Rekognition takes a patch of skin colours for a face."""

from __future__ import annotations

import io

from PIL import Image

SKIN = (214, 150, 96)
ADA = ".#..#......" + "######"
BOB = "#.#.#.#.#.#.#.#.#.#.#.#.#.#"


def portrait(*faces: tuple[str, int, int], size: int = 160, background: str = "navy") -> bytes:
    """A picture of drawn faces: the pattern, left and top of each. Faces with one pattern are of one person."""
    image = Image.new("RGB", (640, 480), background)
    for pattern, left, top in faces:
        face = Image.new("RGB", (8, 8), SKIN)
        for number, mark in enumerate(pattern):
            if mark == "#":
                face.putpixel((1 + number % 6, 1 + number // 6), (90, 20, 120))
        image.paste(face.resize((size, size), Image.Resampling.NEAREST), (left, top))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()
