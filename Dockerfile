# syntax=docker/dockerfile:1
# One image, four roles (see docker-compose.yml): web, worker, beat, migrate. It needs no network to run.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# --- the virtual environment, the converted embedding model and the static files -----------------
FROM ${PYTHON_IMAGE} AS build

# The CPU build of torch. For NVIDIA GPUs build with a CUDA index that PyTorch documents,
# e.g. --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
# Text recognition for scanned pages: --build-arg INSTALL_OCR=yes (280 MB more).
ARG INSTALL_OCR=no
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements.txt requirements-ocr.txt constraints.txt ./
COPY scripts/install.py scripts/install.py
RUN TORCH_INDEX_URL="${TORCH_INDEX_URL}" INSTALL_OCR="${INSTALL_OCR}" python scripts/install.py

COPY . .
# config.settings.dev makes throwaway secrets in DATA_DIR; they are deleted in the same layer.
RUN export DATA_DIR=/tmp/build DJANGO_SETTINGS_MODULE=config.settings.dev \
        MODEL_CACHE_DIR=/app/models STATIC_ROOT=/app/static-root HF_HUB_OFFLINE=1 \
    && .venv/bin/python manage.py prepare_embedding \
    && .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf /tmp/build \
    && .venv/bin/python -m compileall -q accounts chat collections_app config documents

# --- what runs ------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin verbatim \
    && install -d -o verbatim -g verbatim -m 0700 \
        /data /data/files /data/tmp /data/logs /data/models /data/static

WORKDIR /app
COPY --from=build /app /app
# `manage.py prepare` may collect the static files anew, in its own container.
RUN chown -R verbatim:verbatim /app/static-root

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    HF_HUB_OFFLINE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.prod \
    DATA_DIR=/data \
    MODEL_CACHE_DIR=/app/models \
    STATIC_ROOT=/app/static-root

USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]

# --no-proxy-headers: the client's address is worked out from TRUSTED_PROXY_HOPS, in one place.
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--no-proxy-headers", "--no-server-header", "--no-access-log", \
     "--ws-max-size", "1310720", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "30"]
