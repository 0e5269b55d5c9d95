"""
Train the embedded classifier from scratch, and write it as ONNX with its training log.

    python vision/training/train_embedded.py --data ../shared/data/vision [--epochs 5]

Needs torch, which the product has, and `onnx` to write the file (`pip install onnx`; the product
does not need it). One thread, fixed seeds: the same data give the same weights on one machine.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from crops import (
    HELD_OUT,
    OTHER,
    PERSON,
    VEHICLE,
    Crop,
    Floats,
    augmented,
    backgrounds,
    drawn_other,
    labelled_crops,
    rendered_crops,
)
from torch import nn

from parkwacht_vision.embedded import SIDE

ROOT = Path(__file__).parents[2]
OUT = ROOT / "vision" / "parkwacht_vision" / "weights_embedded"
SEED = 20261126
PER_EPOCH = {PERSON: 6000, VEHICLE: 5000, OTHER: 9000}
DRAWN_SHARE = 0.3  # of the other things
BATCH = 128
NAMES = ("person", "vehicle", "other")
CHANNELS = (16, 32, 64, 96)


def network() -> nn.Sequential:
    """Return the untrained network: four convolutions and two full layers."""
    layers: list[nn.Module] = []
    before = 1
    for channels in CHANNELS:
        layers += [
            nn.Conv2d(before, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before = channels
    side = SIDE // 2 ** len(CHANNELS)
    layers += [
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(before * side * side, 64), nn.ReLU(),
        nn.Linear(64, 3),
    ]  # fmt: skip
    return nn.Sequential(*layers)


def split(crops: Sequence[Crop]) -> tuple[list[Crop], list[Crop]]:
    """Split by source: the last part of each list is held out, so neighbours stay together."""
    by_source: dict[tuple[str, int], list[Crop]] = {}
    for crop in crops:
        by_source.setdefault((crop.source, crop.label), []).append(crop)
    train, held_out = [], []
    for one in by_source.values():
        cut = len(one) - len(one) // HELD_OUT
        train += one[:cut]
        held_out += one[cut:]
    return train, held_out


def sample(
    crops: Sequence[Crop], counts: dict[int, int], random: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Draw augmented crops, each source of a label as often as its square root says."""
    pictures, labels = [], []
    for label, count in counts.items():
        of_label = [one for one in crops if one.label == label]
        sizes: dict[str, int] = {}
        for one in of_label:
            sizes[one.source] = sizes.get(one.source, 0) + 1
        weight = np.array([1 / np.sqrt(sizes[one.source]) for one in of_label])
        for index in random.choice(len(of_label), count, p=weight / weight.sum()):
            crop = of_label[index]
            if label == OTHER and random.random() < DRAWN_SHARE:
                crop = Crop(drawn_other(crop.grey, random), OTHER, "drawn")
            pictures.append(augmented(crop, random))
            labels.append(label)
    order = random.permutation(len(labels))
    return np.stack(pictures)[order, None], np.array(labels, dtype=np.int64)[order]


def train(
    crops: Sequence[Crop], held_out: Sequence[Crop], epochs: int
) -> tuple[nn.Sequential, str]:
    """Train; return the network and the log."""
    random = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    net = network()
    steps = epochs * -(-sum(PER_EPOCH.values()) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    check = sample(held_out, {PERSON: 1500, VEHICLE: 1500, OTHER: 1500}, random)
    lines = []
    begun_s = time.monotonic()
    for epoch in range(epochs):
        net.train()
        pictures, labels = sample(crops, PER_EPOCH, random)
        total = 0.0
        for start in range(0, len(labels), BATCH):
            x = torch.from_numpy(pictures[start : start + BATCH])
            y = torch.from_numpy(labels[start : start + BATCH])
            optimiser.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(y)
        shares = ", ".join(f"{NAMES[k]} {v:.3f}" for k, v in enumerate(recalls(net, *check)))
        line = f"epoch {epoch + 1}: loss {total / len(labels):.4f}; held out: {shares}"
        print(f"{line} ({time.monotonic() - begun_s:.0f} s)", flush=True)
        lines.append(line)
    return net, "\n".join(lines) + "\n"


def recalls(net: nn.Sequential, pictures: Floats, labels: npt.NDArray[np.int64]) -> list[float]:
    """Return per class which share of the held-out crops is called right."""
    net.eval()
    with torch.no_grad():
        called = net(torch.from_numpy(pictures)).argmax(1).numpy()
    return [float((called[labels == k] == k).mean()) for k in range(3)]


def export(net: nn.Sequential, path: Path) -> None:
    """Write the network as ONNX, normalisation folded into the convolutions, softmax at the end."""
    from onnx import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        TensorProto,
        checker,
        helper,
        numpy_helper,
        save,
    )

    nodes: list[object] = []
    weights: list[object] = []
    last = "crops"

    def add(kind: str, arrays: Sequence[Floats] = (), **options: object) -> None:
        nonlocal last
        names = []
        for array in arrays:
            names.append(f"w{len(weights)}")
            weights.append(numpy_helper.from_array(np.ascontiguousarray(array), names[-1]))
        out = f"x{len(nodes)}"
        nodes.append(helper.make_node(kind, [last, *names], [out], **options))
        last = out

    modules = list(net.eval())
    for module, following in zip(modules, [*modules[1:], None], strict=True):
        if isinstance(module, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            variance, mean = following.running_var, following.running_mean
            if variance is None or mean is None:
                continue
            scale = following.weight / torch.sqrt(variance + following.eps)
            kernel = (module.weight * scale[:, None, None, None]).detach().numpy()
            bias = (following.bias - mean * scale).detach().numpy()
            add("Conv", [kernel, bias], pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        elif isinstance(module, nn.ReLU):
            add("Relu")
        elif isinstance(module, nn.MaxPool2d):
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(module, nn.Flatten):
            add("Flatten", axis=1)
        elif isinstance(module, nn.Linear):
            add("Gemm", [module.weight.detach().numpy(), module.bias.detach().numpy()], transB=1)
    add("Softmax", axis=1)
    graph = helper.make_graph(
        nodes, "embedded",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", 3])],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, str(path))


def main() -> None:
    """Gather, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(SEED)
    crops = [
        *labelled_crops(given.data / "train"),
        *rendered_crops(ROOT / "sample_media", random),
        *backgrounds(given.data / "clips", random),
    ]
    learned, held_out = split(crops)
    counts: dict[str, int] = {}
    for one in learned:
        key = f"{NAMES[one.label]}:{one.source}"
        counts[key] = counts.get(key, 0) + 1
    print(json.dumps(counts, indent=1), flush=True)
    net, log = train(learned, held_out, given.epochs)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "embedded.onnx"
    export(net, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    head = f"seed {SEED}, {given.epochs} epochs, crops learned from: {json.dumps(counts)}\n"
    (given.out / "training.log").write_text(f"{head}{log}sha256 {digest}\n")


if __name__ == "__main__":
    main()
