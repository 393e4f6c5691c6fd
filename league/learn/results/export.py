"""From a trained policy to the model folder that races: `model.onnx` and `model_metadata.json`."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from league.errors import ModelError
from league.learn.ground.senses import Sight
from league.racing.metadata import METADATA_FILE, MODEL_FILE

OPSET = 17
MOST_APART = 1e-5


class Best(nn.Module):
    """A policy's best answer: the mean of its actions within -1 to 1, or a number for every action.

    It takes each sensor's numbers as an input of its own, float32, one row a car.
    """

    def __init__(self, policy: Any, sights: tuple[Sight, ...]) -> None:
        super().__init__()
        self.policy, self.sights = policy, sights
        self.actor = hasattr(policy, "actor") and policy.actor is not None
        self.discrete = hasattr(policy.action_space, "n")

    def forward(self, *seen: torch.Tensor) -> torch.Tensor:
        """Answers, shape (cars, actions)."""
        whole = seen[0] if len(seen) == 1 else torch.cat([part.flatten(1) for part in seen], dim=1)
        if self.actor:  # SAC's network squashes its own mean
            actor = self.policy.actor
            found: torch.Tensor = torch.tanh(actor.mu(actor.latent_pi(actor.features_extractor(whole))))
            return found
        policy = self.policy
        latent = policy.mlp_extractor.forward_actor(policy.pi_features_extractor(whole))
        answer: torch.Tensor = policy.action_net(latent)
        return answer if self.discrete else answer.clamp(-1.0, 1.0)


def best_answers(policy: Any, sights: tuple[Sight, ...]) -> Any:
    """A function from observations to a policy's best answers, as a ground's actions want them."""
    best = Best(policy, sights)
    device = next(policy.parameters()).device

    def answer(seen: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            found: NDArray[Any] = best(torch.from_numpy(seen).to(device)).cpu().numpy()
        return found.argmax(axis=1) if best.discrete else found

    return answer


def to_onnx(policy: Any, sights: tuple[Sight, ...], metadata: dict[str, Any]) -> bytes:
    """A policy as an ONNX model with one input a sensor, and the metadata inside it too."""
    import onnx

    best = Best(policy, sights).eval().cpu()
    examples = tuple(torch.zeros(1, *sight.shape) for sight in sights)
    names = [sight.name for sight in sights]
    memory = io.BytesIO()
    with warnings.catch_warnings():
        # torch announces another exporter, which needs a package that nothing else here does.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            best,
            examples,
            memory,  # type: ignore[arg-type]
            input_names=names,
            output_names=["actions"],
            dynamic_axes={name: {0: "cars"} for name in [*names, "actions"]},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(memory.getvalue())
    entry = model.metadata_props.add()
    entry.key, entry.value = "model_metadata", json.dumps(metadata)
    content: bytes = model.SerializeToString()
    return content


def check_onnx(content: bytes, policy: Any, sights: tuple[Sight, ...], seen: NDArray[Any]) -> float:
    """How far an ONNX model's answers are from its policy's over these observations, at most.

    Raises:
        ModelError: Farther than 1e-5.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    parts = split(seen, sights)
    names = [entry.name for entry in session.get_inputs()]
    found = np.asarray(session.run(None, dict(zip(names, parts, strict=True)))[0])
    with torch.no_grad():
        wanted = Best(policy, sights)(*(torch.from_numpy(part) for part in parts)).numpy()
    apart = float(np.abs(found - wanted).max())
    if not apart <= MOST_APART:
        raise ModelError(
            f"the ONNX model's answers are {apart:g} from the policy's, expected {MOST_APART:g} at most"
        )
    return apart


def split(seen: NDArray[Any], sights: tuple[Sight, ...]) -> list[NDArray[np.float32]]:
    """A batch of flat observations as one array for every sensor."""
    flat = seen.reshape(len(seen), -1)
    return [
        np.ascontiguousarray(
            flat[:, sight.start : sight.start + sight.size].reshape(-1, *sight.shape), dtype=np.float32
        )
        for sight in sights
    ]


def write_model(folder: Path, content: bytes, metadata: dict[str, Any]) -> None:
    """Write the two files that make a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(content)
    (folder / METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
