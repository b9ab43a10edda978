"""Backbones from timm: what they compute, what they load, how they fail."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn

from crowdkit_core.errors import UsageError, WeightsError
from crowdkit_core.networks import Backbone, vgg16_keys


def torchvision_front_end() -> nn.Sequential:
    with torch.device("meta"):  # its head of 100 million parameters is not needed
        features = torchvision.models.vgg16().features[:23]
    front_end = features.to_empty(device="cpu")
    for layer in front_end:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias)
    return front_end


def test_vgg16_is_the_ten_convolutions_of_the_papers() -> None:
    backbone = Backbone()
    convolutions = [layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 10
    assert sum(p.numel() for p in backbone.parameters()) == 7_635_264
    assert backbone.channels == (512,)


def test_vgg16_computes_what_torchvision_computes(tmp_path: Path) -> None:
    reference = torchvision_front_end()
    path = tmp_path / "vgg16-397923af.pth"
    state = {f"features.{key}": value for key, value in reference.state_dict().items()}
    torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, path)
    backbone = Backbone("vgg16", pretrained=path)
    images = torch.randn(2, 3, 16, 24)
    torch.testing.assert_close(backbone(images)[0], reference(images))


def test_vgg16_keys_name_every_tensor_once() -> None:
    holder = nn.ModuleDict({"backbone": Backbone()})
    renamed = vgg16_keys("frontend")
    assert set(renamed.values()) == set(holder.state_dict())
    reference = torchvision_front_end().state_dict()
    for key, value in reference.items():
        assert holder.state_dict()[renamed[f"frontend.{key}"]].shape == value.shape


@pytest.mark.parametrize("name", ["resnet18", "test_convnext", "mobilenetv3_small_050"])
def test_any_convolutional_network_gives_its_feature_at_a_reduction(name: str) -> None:
    reduction = 16 if name == "test_convnext" else 8
    backbone = Backbone(name, reductions=(reduction,)).eval()
    (features,) = backbone(torch.rand(1, 3, 64, 96))
    assert features.shape == (1, backbone.channels[0], 64 // reduction, 96 // reduction)


def test_several_reductions_come_in_the_order_asked_for() -> None:
    backbone = Backbone("vgg16", reductions=(1, 2, 4, 8))
    assert backbone.channels == (64, 128, 256, 512)
    sizes = [tuple(feature.shape[-2:]) for feature in backbone(torch.rand(1, 3, 16, 32))]
    assert sizes == [(16, 32), (8, 16), (4, 8), (2, 4)]


@pytest.mark.parametrize("name", ["resnet18", "test_convnext"])
def test_a_local_file_of_the_whole_network_is_loaded(name: str, tmp_path: Path) -> None:
    whole = timm.create_model(name)
    for parameter in whole.parameters():
        nn.init.uniform_(parameter, 0.1, 0.2)
    path = tmp_path / "whole.pth"
    torch.save(whole.state_dict(), path)
    backbone = Backbone(name, reductions=(16,), pretrained=path)
    assert all(0.1 <= parameter.min() <= 0.2 for parameter in backbone.parameters())


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pth"
    torch.save(timm.create_model("resnet18").state_dict(), path)
    with pytest.raises(WeightsError, match=r"resnet\.pth.*backbone 'vgg16'.*20 missing"):
        Backbone("vgg16", pretrained=path)


def test_a_failed_download_says_how_to_give_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("Name or service not known\nand more lines")

    monkeypatch.setattr("timm.models._builder.load_pretrained", unreachable)
    with pytest.raises(WeightsError, match="'resnet18' cannot be fetched: Name or") as error:
        Backbone("resnet18", pretrained=True)
    assert "\n" not in error.value.message
    assert "pretrained = " in error.value.hint


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("vgg61", "no backbone named 'vgg61'"),
        ("vit_tiny_patch16_224", "no feature at reduction 8"),
        ("swin_tiny_patch4_window7_224", "fixed image size"),
    ],
)
def test_unusable_backbones_are_named(name: str, cause: str) -> None:
    with pytest.raises(UsageError, match=cause):
        Backbone(name)
