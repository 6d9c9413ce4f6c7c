"""Where a batch's time goes inside the embedding model, by OpenVINO's own clock.

The batch is that of bench/roofline.py, the model and its settings are the product's. The roofline counts
matrix products only: where a CPU multiplies fast (AMX), what stands between them takes as long as they do.
"""

import os
import time

from bench import roofline

RUNS = 20
NAMES = {
    "FullyConnected": "products with weights, their bias and GELU",
    "Subgraph": "attention: scores, softmax and weighted values",
}
REST = "sums, normalisation, transposing, looking up words"


def milliseconds() -> dict[str, float]:
    """A batch's time and its shares by kind of operation, of the median run; Django must be set up."""
    import numpy as np
    import openvino
    from django.conf import settings

    from documents.embedding import convert
    from documents.embedding.openvino import properties
    from documents.embedding.weights import locate

    folder = convert.folder_for(locate(settings.EMBEDDING_MODEL), settings.MODEL_CACHE_DIR)
    core = openvino.Core()
    options = properties(core, threads=os.cpu_count() or 1, streams=1) | {"PERF_COUNT": True}
    request = core.compile_model(str(folder / convert.MODEL_FILE), "CPU", options).create_infer_request()
    shape = (roofline.TEXTS, roofline.TOKENS)
    words = np.random.default_rng(1).integers(1000, 20000, shape)
    batch = {"input_ids": words, "attention_mask": np.ones(shape, np.int64)}
    runs: list[tuple[float, dict[str, float]]] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        request.infer(batch)
        spent, kinds = (time.perf_counter() - began) * 1000, dict.fromkeys((*NAMES.values(), REST), 0.0)
        for node in request.profiling_info:
            kinds[NAMES.get(node.node_type, REST)] += node.real_time.total_seconds() * 1000
        runs.append((spent, kinds))
    spent, kinds = sorted(runs, key=lambda run: run[0])[RUNS // 2]
    return {name: round(value, 1) for name, value in {"whole batch": spent, **kinds}.items()}
