"""Pure functions that keep image, points, region and lengths of a sample together."""

import math
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from crowdkit_core.errors import ShapeError
from crowdkit_core.interfaces import Annotation, Lengths, Points, Sample, Size


def crop(sample: Sample, top: int, left: int, size: Size) -> Sample:
    """Cut out a window.

    A point belongs to the pixel it lies in, [i, i + 1); one on the frame's far border belongs to
    the last pixel. So windows that tile an image share its points out, each to one.

    Args:
        sample: Any sample.
        top: First row.
        left: First column.
        size: (H, W) of the window.

    Raises:
        ShapeError: The window reaches outside the image.
    """
    (height, width), (whole_height, whole_width) = size, sample.size
    if not (0 <= top <= whole_height - height and 0 <= left <= whole_width - width):
        raise ShapeError(
            f"{sample.name}: window of {height} x {width} at row {top}, column {left} reaches "
            f"outside the image of {whole_height} x {whole_width}"
        )
    xy = sample.points.as_subclass(Tensor)
    last = xy.new_tensor([whole_width - 1, whole_height - 1])
    pixel = xy.floor().clamp_min(0).minimum(last)
    corner = xy.new_tensor([left, top])
    inside = ((pixel >= corner) & (pixel < corner + xy.new_tensor([width, height]))).all(dim=1)
    rows, columns = slice(top, top + height), slice(left, left + width)
    return replace(
        sample,
        image=sample.image[:, rows, columns],
        points=Points(xy[inside] - corner, canvas_size=size),
        roi=None if sample.roi is None else sample.roi[rows, columns],
        lengths={name: values[inside] for name, values in sample.lengths.items()},
    )


def resize(sample: Sample, size: Size) -> Sample:
    """Resize to a size; lengths grow by the geometric mean of the two ratios.

    The image is interpolated bilinearly with antialiasing, the region by nearest pixel.

    Args:
        sample: Any sample.
        size: New (H, W), both at least 1.
    """
    if size == sample.size:
        return sample
    points = _resize_points(sample.points.as_subclass(Tensor), sample.size, size)
    return replace(
        sample,
        image=resize_image(sample.image, size),
        points=Points(points, canvas_size=size),
        roi=None if sample.roi is None else _resize_region(sample.roi, size),
        lengths=_resize_lengths(sample.lengths, sample.size, size),
    )


def resize_annotation(annotation: Annotation, size: Size) -> Annotation:
    """Resize an annotation as `resize` does a sample."""
    if size == annotation.size:
        return annotation
    return replace(
        annotation,
        size=size,
        points=_resize_points(annotation.points, annotation.size, size),
        roi=None if annotation.roi is None else _resize_region(annotation.roi, size),
        lengths=_resize_lengths(annotation.lengths, annotation.size, size),
    )


def resize_image(image: Tensor, size: Size) -> Tensor:
    """Resize (3, H, W) pixels bilinearly with antialiasing; uint8 stays uint8."""
    if size == tuple(image.shape[-2:]):
        return image
    # torch's kernel for uint8 cannot make a single pixel.
    given = image.float() if size == (1, 1) else image
    resized: Tensor = F.resize(given, list(size), antialias=True)
    return resized if resized.dtype == image.dtype else resized.round().to(image.dtype)


def scaled(size: Size, scale: float) -> Size:
    """A size times a factor, rounded, at least 1 x 1."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def downscale(sample: Sample, factor: float) -> Sample:
    """Shrink the image by a factor and enlarge it back; points, region and lengths stay.

    Args:
        sample: Any sample.
        factor: At least 1, which changes nothing.
    """
    small = resize_image(sample.image, scaled(sample.size, 1 / factor))
    return replace(sample, image=resize_image(small, sample.size))


def flip(sample: Sample, *, vertical: bool = False) -> Sample:
    """Mirror left and right, or top and bottom."""
    mirrored = F.vertical_flip if vertical else F.horizontal_flip
    return replace(
        sample,
        image=mirrored(sample.image),
        points=mirrored(sample.points),
        roi=None if sample.roi is None else mirrored(sample.roi),
    )


def pad(sample: Sample, size: Size) -> Sample:
    """Pad with black at the bottom and right to at least a size; padding is outside the region."""
    below = max(0, size[0] - sample.size[0])
    right = max(0, size[1] - sample.size[1])
    if not below and not right:
        return sample
    padding = (0, right, 0, below)
    canvas = (sample.size[0] + below, sample.size[1] + right)
    return replace(
        sample,
        image=functional.pad(sample.image, padding),
        points=Points(sample.points.as_subclass(Tensor), canvas_size=canvas),
        roi=functional.pad(region(sample), padding),
    )


def adjust(
    sample: Sample,
    *,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    gamma: float = 1.0,
    grey: bool = False,
) -> Sample:
    """Change the image's colours, in the order of the arguments; 1 changes nothing.

    Args:
        sample: Any sample.
        brightness: Factor on every value.
        contrast: Factor on the distance from the mean grey.
        saturation: Factor on the distance from each pixel's grey.
        gamma: Exponent of values in [0, 1].
        grey: Replace each pixel by its grey.
    """
    image = sample.image
    if brightness != 1:
        image = F.adjust_brightness(image, brightness)
    if contrast != 1:
        image = F.adjust_contrast(image, contrast)
    if saturation != 1:
        image = F.adjust_saturation(image, saturation)
    if gamma != 1:
        image = F.adjust_gamma(image, gamma)
    if grey:
        image = F.rgb_to_grayscale(image, num_output_channels=3)
    return replace(sample, image=image)


def region(sample: Sample) -> Tensor:
    """(H, W) bool region of a sample, all True where it has none."""
    return torch.ones(sample.size, dtype=torch.bool) if sample.roi is None else sample.roi


def people_inside(sample: Sample) -> int:
    """Number of points inside the sample's region."""
    if sample.roi is None:
        return len(sample.points)
    height, width = sample.size
    x, y = sample.points.as_subclass(Tensor).long().unbind(1)
    return int(sample.roi[y.clamp(0, height - 1), x.clamp(0, width - 1)].sum())


def _resize_points(points: Tensor, old: Size, new: Size) -> Tensor:
    ratio = points.new_tensor([new[1] / old[1], new[0] / old[0]])
    # Rounding must not move a point on the border out of the frame.
    return (points * ratio).minimum(points.new_tensor([new[1], new[0]]))


def _resize_lengths(lengths: Lengths, old: Size, new: Size) -> Lengths:
    growth = math.sqrt(new[0] * new[1] / (old[0] * old[1]))
    return {name: values * growth for name, values in lengths.items()}


def _resize_region(roi: Tensor, size: Size) -> Tensor:
    picture = roi.unsqueeze(0).to(torch.uint8)
    resized: Tensor = F.resize(picture, list(size), interpolation=InterpolationMode.NEAREST_EXACT)
    return resized.squeeze(0).bool()
