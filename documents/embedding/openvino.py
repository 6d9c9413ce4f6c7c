"""Embedding on CPUs: OpenVINO and `tokenizers`, nothing else (the web process must stay small)."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from config.errors import ErrorCode, TransientError
from documents.embedding import convert
from documents.embedding.names import Prompts, prompts_of
from documents.embedding.tokens import clip, load_tokenizer
from documents.embedding.weights import Weights

BATCH_TOKENS = 2048  # padded; larger batches were no faster and take more memory
WIDTH_STEP = 16  # OpenVINO keeps what it compiled for each width: 250 of them took 300 MB, 16 take 25 MB
QUERY_WIDTHS = (16, 32, 64, 128)  # then max_tokens; each one in use costs every web process some megabytes
CONVERT_TIMEOUT_SECONDS = 600


class OpenVinoEmbedder:
    """See `Embedder`.

    Args:
        folder: as `convert.convert` returns it.
        threads: cores to use at most.
        streams: batches in flight at once.
        prompts: what stands before questions and passages.
    """

    def __init__(
        self, folder: Path, *, model_id: str, threads: int, streams: int, prompts: Prompts | None = None
    ) -> None:
        import openvino

        facts = json.loads((folder / convert.FACTS_FILE).read_text())
        self.model_id = model_id
        self.dimension = int(facts["dimension"])
        self._prompts = prompts or Prompts()
        self._tokenizer = load_tokenizer(folder)
        self._limit = int(facts["max_tokens"])
        self.max_tokens = self._limit - self.count_tokens([self._prompts.document])[0]
        core = openvino.Core()
        options = properties(core, threads=threads, streams=min(streams, threads))
        self._model = core.compile_model(str(folder / convert.MODEL_FILE), "CPU", options)
        self._queue = openvino.AsyncInferQueue(self._model, min(streams, threads))
        self._queue_lock = threading.Lock()
        self._single = self._model.create_infer_request()
        self._single_lock = threading.Lock()

    def embed(self, texts: list[str]) -> np.ndarray:
        """See `Embedder.embed`. Texts are batched by length, so that little is padded."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        encodings = self._tokenizer.encode_batch_fast([self._prompts.document + text for text in texts])
        ids = [clip(encoding, self._limit) for encoding in encodings]
        with self._queue_lock:
            self._queue.set_callback(lambda request, rows: _store(request, rows, vectors))
            for rows in _batches([len(row) for row in ids]):
                self._queue.start_async(_padded([ids[row] for row in rows]), rows)
            self._queue.wait_all()
        return vectors

    def embed_query(self, text: str) -> np.ndarray:
        """See `Embedder.embed_query`."""
        ids = clip(self._tokenizer.encode(self._prompts.query + text), self._limit)
        with self._single_lock:
            self._single.infer(_padded([ids], least=self._query_width(len(ids))))
            vector = np.array(self._single.get_output_tensor(0).data[0], dtype=np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _query_width(self, tokens: int) -> int:
        """Few widths for questions: what is compiled for each is kept."""
        return next((width for width in QUERY_WIDTHS if tokens <= width), self._limit)

    def count_tokens(self, texts: list[str]) -> list[int]:
        """See `Embedder.count_tokens`."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [len(encoding) for encoding in encodings]


def properties(core: Any, *, threads: int, streams: int) -> dict[str, Any]:
    """How the model is compiled: bf16 where the CPU has it (cosine to float32 >= 0.9999)."""
    options: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False,  # several processes would all hold on to the same first cores
    }
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    return options


def load(weights: Weights, cache_dir: Path, *, threads: int, streams: int, manage: Path) -> OpenVinoEmbedder:
    """The embedder; converts the model first, in another process, when this machine has not done it yet.

    Args:
        manage: path of `manage.py`.

    Raises:
        TransientError: EMBEDDING_FAILED, when converting failed.
    """
    folder = convert.folder_for(weights, cache_dir)
    if not folder.exists():
        command = [sys.executable, str(manage), "prepare_embedding", weights.model_id]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise TransientError(
                ErrorCode.EMBEDDING_FAILED, "Converting the embedding model took too long."
            ) from error
        if done.returncode != 0 or not folder.exists():
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise TransientError(
                ErrorCode.EMBEDDING_FAILED, f"The embedding model could not be converted: {reason[0]}"
            )
    return OpenVinoEmbedder(
        folder,
        model_id=weights.model_id,
        threads=threads,
        streams=streams,
        prompts=prompts_of(weights.model_id, weights.folder),
    )


def _batches(lengths: list[int]) -> list[list[int]]:
    """Indices grouped so that a group, padded to its longest, holds about BATCH_TOKENS; longest first."""
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= BATCH_TOKENS:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _padded(rows: list[list[int]], least: int = 0) -> dict[str, np.ndarray]:
    width = -(-max(least, *(len(row) for row in rows)) // WIDTH_STEP) * WIDTH_STEP
    ids = np.zeros((len(rows), width), dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def _store(request: Any, rows: list[int], vectors: np.ndarray) -> None:
    found = np.asarray(request.get_output_tensor(0).data, dtype=np.float32)
    # bf16 leaves lengths of 1 +- 0.004; the inner product must be the cosine
    vectors[rows] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
