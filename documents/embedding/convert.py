"""Turn a sentence-transformers model into OpenVINO's form, once per set of weights.

Imports torch, hence runs in a process of its own: `manage.py prepare_embedding`.
"""

import fcntl
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from documents.embedding.weights import Weights, verify

FORMAT = 2  # raise it when what is written below changes
MODEL_FILE = "model.xml"
FACTS_FILE = "facts.json"


def folder_for(weights: Weights, cache_dir: Path) -> Path:
    """Where the converted model of these weights lies (or will)."""
    layers = f"-{weights.layers}" if weights.layers else ""
    return cache_dir / f"openvino-{FORMAT}-{weights.sha256[:32]}{layers}"


def convert(weights: Weights, cache_dir: Path) -> Path:
    """Convert, unless it has been done; several processes may call this at once.

    Returns:
        The folder with `model.xml`, `model.bin`, `tokenizer.json` and `facts.json`. It appears whole or not
        at all: it is written beside and renamed.

    Raises:
        PermanentError: EMBEDDING_FAILED, when the weights are not the expected ones.
    """
    target = folder_for(weights, cache_dir)
    cache_dir.mkdir(parents=True, exist_ok=True)
    with (cache_dir / ".converting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the second of two waits, then finds the work done
        if not target.exists():
            verify(weights)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache_dir))
            try:
                _write(weights, draft)
                draft.chmod(0o755)
                draft.rename(target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return target


def _write(weights: Weights, folder: Path) -> None:
    import openvino
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(weights.folder), device="cpu", model_kwargs={"attn_implementation": "eager"}
    ).eval()
    transformer: Any = model[0].auto_model
    pooling = _pooling(model, weights.model_id)
    after: Any = [module for module in list(model)[2:] if type(module).__name__ != "Normalize"]

    class Embed(torch.nn.Module):
        """Token ids to unit vectors: the transformer, one vector of all real tokens, length 1.

        That is their mean or the first one's, and what dense layers make of it.

        The sum over tokens is a matrix product. OpenVINO keeps in float32 whatever lies between the last
        product and the output; after an elementwise sum that was the transformer's whole residual stream
        (one eighth of the time). With bf16 there, vectors stay within cosine 0.9999 of float32's.
        """

        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer
            self.after = torch.nn.ModuleList(after)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask)[0]
            if pooling == "cls":
                vector = hidden[:, 0]
            else:
                mask = attention_mask.unsqueeze(1).to(hidden.dtype)
                vector = torch.matmul(mask, hidden).squeeze(1)  # of the mean's direction
                if after:
                    vector = vector / mask.sum(dim=2)
            for module in self.after:
                vector = module({"sentence_embedding": vector})["sentence_embedding"]
            return torch.nn.functional.normalize(vector, dim=1)

    example = {
        "input_ids": torch.ones((2, 8), dtype=torch.int64),
        "attention_mask": torch.ones((2, 8), dtype=torch.int64),
    }
    with torch.no_grad():
        converted = openvino.convert_model(Embed(), example_input=example)
        dimension = int(Embed()(**example).shape[1])
    converted.reshape({port: openvino.PartialShape([-1, -1]) for port in converted.inputs})
    openvino.save_model(converted, folder / MODEL_FILE, compress_to_fp16=True)
    shutil.copyfile(weights.folder / "tokenizer.json", folder / "tokenizer.json")
    facts = {
        "model_id": weights.model_id,
        "dimension": dimension,
        "max_tokens": int(model.max_seq_length or 256),
    }
    (folder / FACTS_FILE).write_text(json.dumps(facts))


def _pooling(model: Any, model_id: str) -> str:
    """How the tokens' vectors become one: `mean` or `cls`; no other way is known here."""
    found = getattr(model[1], "pooling_mode", None)
    if found is None and hasattr(model[1], "get_pooling_mode_str"):
        found = model[1].get_pooling_mode_str()
    modes = [found] if isinstance(found, str) else list(found or [])
    others = {type(module).__name__ for module in list(model)[2:]} - {"Dense", "Normalize"}
    if len(modes) != 1 or modes[0] not in ("mean", "cls") or others or not model[1].include_prompt:
        raise ValueError(f"{model_id} pools by {modes or 'something unknown'} {sorted(others)}")
    return str(modes[0])
