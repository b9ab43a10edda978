"""Decode JPEG files by torchvision: the bits that Pillow gives, without its copies."""

import torch
import torchvision.io
from jaxtyping import UInt8
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

# torchvision is going to give its decoders up; Pillow then decodes what they did.
_decode_jpeg = getattr(torchvision.io, "decode_jpeg", None)


def decode_jpeg(image: Image.Image) -> UInt8[Tensor, "3 H W"] | None:
    """The pixels of a JPEG's first image as they lie in the file, not turned upright.

    Both libraries have libjpeg-turbo do it, with the same settings. CMYK is left to Pillow, which
    knows whose inks are inverted.

    Args:
        image: As Pillow opened it, from a file that is still open.

    Returns:
        (3, H, W) RGB, a view of rows of pixels. None where Pillow is to decode: another format,
        other colours, or a file that torchvision refuses, of which Pillow may read more and says
        better what is wrong.
    """
    if _decode_jpeg is None or not isinstance(image, JpegImageFile) or image.fp is None:
        return None
    if image.mode not in {"RGB", "L"}:
        return None
    image.fp.seek(0)
    content = torch.frombuffer(bytearray(image.fp.read()), dtype=torch.uint8)
    try:
        pixels: Tensor = _decode_jpeg(content, mode="RGB")
    except RuntimeError:
        return None
    return pixels
