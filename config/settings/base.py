"""Every setting of Verbatim, read from the environment. `.env.example` explains each one."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue

from config.env import env_bool, env_int, env_list, env_rate, env_str, env_zone, looks_like_an_example
from config.settings.console import UNFOLD  # noqa: F401

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(env_str("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
VERSION = "0.1.0"

# --- secrets: three different ones, none with a default -----------------------------------------
SECRET_KEY = env_str("SECRET_KEY")
JWT_SIGNING_KEY = env_str("JWT_SIGNING_KEY")
FERNET_KEYS = env_list("FERNET_KEYS")
DEBUG = env_bool("DEBUG", False)

# --- hosts --------------------------------------------------------------------------------------
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXY_HOPS = env_int("TRUSTED_PROXY_HOPS", 0, low=0, high=5)

INSTALLED_APPS = [
    "config",
    *(["daphne"] if "runserver" in sys.argv else []),  # it brings Twisted into every process
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "django_filters",
    "channels",
    "django_celery_results",
    "django_celery_beat",
    "accounts",
    "collections_app",
    "documents",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.PolicyByPath",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.middleware.NoStoreForApi",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.product",
            ]
        },
    }
]

# --- database -----------------------------------------------------------------------------------
DATABASE_URL = env_str("DATABASE_URL")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL)}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {
    "pool": {
        "min_size": 0,
        "max_size": env_int("DATABASE_POOL_SIZE", 16, low=1, high=200),
        "timeout": 10,
        "max_idle": 120,
    },
    # A question's statements read a few thousand rows: starting parallel workers takes longer than they save,
    # and cores that many readers share are not idle (bench/retrieval.py --load 100000: words 20 ms, not 33).
    "options": "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=120000 -c jit=off"
    " -c max_parallel_workers_per_gather=0",
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: broker, channel layer, cache, stream log --------------------------------------------
REDIS_URL = env_str("REDIS_URL")


def _celery_broker(url: str) -> str:
    """Kombu spells a Redis unix socket differently from redis-py."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    password = f":{parts.password}@" if parts.password else ""
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{password}{parts.path}?virtual_host={number}"


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "verbatim",
        "OPTIONS": {"serializer": "config.api.cache_serializer.JsonSerializer"},
    }
}
CHANNEL_LAYERS = {
    "default": {
        # not `core`: there a restart of Redis ends every open socket, and a consumer that is cancelled while
        # a message arrives may never end
        "BACKEND": "config.layer.PatientLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "verbatim:layer:"},
    }
}

# --- Celery: the broker is a doorbell, rows in PostgreSQL are the truth --------------------------
CELERY_BROKER_URL = _celery_broker(REDIS_URL)
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=7)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the sweeper re-queues; the broker would loop for ever
CELERY_TASK_TRACK_STARTED = True
PARSE_TIMEOUT_SECONDS = env_int("PARSE_TIMEOUT_SECONDS", 120, low=1, high=3600)
CELERY_TASK_SOFT_TIME_LIMIT = PARSE_TIMEOUT_SECONDS + 150  # reading a part, then embedding it
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + 30
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env_int("WORKER_CONCURRENCY", min(os.cpu_count() or 1, 4), low=1, high=64)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Of Redis' priorities 0 is the first: what looks after all others must not stand behind their work.
CELERY_TASK_ROUTES = {
    f"documents.tasks.{name}": {"priority": 6}
    for name in ("split_document", "process_part", "drop_leftovers")
}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT,  # else a long task would be given out twice
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "retry_on_timeout": True,
}
# `llm` is for tasks that ask LLMs: where those that read files cannot call out, other workers take it
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), name) for name in ("celery", "llm")]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "config.beat:PatientScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep-ingestion": {"task": "documents.tasks.sweep", "schedule": 30.0},
    "sweep-evaluations": {"task": "chat.tasks.sweep_evaluations", "schedule": 30.0},
    "forget-usage": {"task": "chat.tasks.forget_usage", "schedule": 24 * 3600.0},
    "repair-answers": {"task": "chat.tasks.repair_answers", "schedule": 30.0},
    "expire-chats": {"task": "chat.tasks.expire_sessions", "schedule": 3600.0},
    "forget-expired": {"task": "accounts.tasks.forget_expired", "schedule": 24 * 3600.0},
}

# --- who you are --------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 10}  # type: ignore[assignment]
LOGIN_URL = "/signin"
LOGIN_REDIRECT_URL = "/"
SIGNUP_ENABLED = env_bool("SIGNUP_ENABLED", True)
SUPERADMIN_EMAIL = env_str("SUPERADMIN_EMAIL", "")
SUPERADMIN_PASSWORD = env_str("SUPERADMIN_PASSWORD", "")
CLOCK_LEEWAY_SECONDS = 10
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ALGORITHM": "HS256",
    "AUDIENCE": "verbatim",
    "ISSUER": "verbatim",
    "UPDATE_LAST_LOGIN": False,
    "LEEWAY": CLOCK_LEEWAY_SECONDS,  # the clocks of two hosts are never quite the same
}
WS_TICKET_SECONDS = 60
MAX_SOCKETS_PER_USER = env_int("MAX_SOCKETS_PER_USER", 20, low=1, high=10_000)

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "config.api.ordering.WholeOrdering",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "signin_address": env_rate("THROTTLE_SIGNIN_ADDRESS", "30/min"),
        "signin_account": env_rate("THROTTLE_SIGNIN_ACCOUNT", "8/min"),
        "signup": env_rate("THROTTLE_SIGNUP", "20/hour"),
        "upload": env_rate("THROTTLE_UPLOAD", "600/hour"),
    },
    "EXCEPTION_HANDLER": "config.api.exception_handler.handle",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Verbatim",
    "DESCRIPTION": "Chat over your own documents; every sentence can be checked.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["config.api.routing.drop_slashed"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {"RoleEnum": "accounts.models.Role", "MessageRoleEnum": "chat.models.MessageRole"},
}

# --- documents ----------------------------------------------------------------------------------
MEDIA_ROOT = DATA_DIR / "files"
TABLES_DIR = MEDIA_ROOT / "tables"  # databases made of tables, to be asked quickly
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "tmp"
FILE_UPLOAD_HANDLERS = ["documents.ingestion.upload_handler.HashingUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # as many as a zip file may hold
MAX_FILE_SIZE_MB = env_int("MAX_FILE_SIZE_MB", 250, low=1, high=1024)
CHAT_MAX_FILES = env_int("CHAT_MAX_FILES", 20, low=1, high=1000)
CHAT_MAX_FILES_MB = env_int("CHAT_MAX_FILES_MB", 500, low=1, high=100_000)
KEEP_ORIGINAL_FILES = env_bool("KEEP_ORIGINAL_FILES", True)
EMBEDDING_BACKEND = env_str("EMBEDDING_BACKEND", "openvino", choices=("openvino", "torch", "fake"))
EMBEDDING_MODEL = env_str("EMBEDDING_MODEL", "sentence-transformers/all-MiniLM-L6-v2")
EMBEDDING_MODELS = list(dict.fromkeys([EMBEDDING_MODEL, *env_list("EMBEDDING_MODELS", "")]))
EMBEDDING_DIMENSION = 384
MODEL_CACHE_DIR = Path(env_str("MODEL_CACHE_DIR", str(DATA_DIR / "models"))).resolve()
PARSE_MEMORY_MB = env_int("PARSE_MEMORY_MB", 1024, low=128, high=65536)

# --- LLMs ---------------------------------------------------------------------------------------
OLLAMA_BASE_URL = env_str("OLLAMA_BASE_URL", "http://127.0.0.1:11434")
OPENAI_BASE_URL = env_str("OPENAI_BASE_URL", "https://api.openai.com/v1")
ANTHROPIC_BASE_URL = env_str("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
BUILTIN_LLM_URL = env_str("BUILTIN_LLM_URL", "")
OUTBOUND_ALLOW_PRIVATE = env_list("OUTBOUND_ALLOW_PRIVATE", "127.0.0.0/8,::1/128")
LLM_CONNECT_TIMEOUT = env_int("LLM_CONNECT_TIMEOUT", 5, low=1, high=60)
LLM_FIRST_TOKEN_TIMEOUT = env_int("LLM_FIRST_TOKEN_TIMEOUT", 120, low=1, high=1800)
LLM_TOKEN_GAP_TIMEOUT = env_int("LLM_TOKEN_GAP_TIMEOUT", 30, low=1, high=600)
LLM_TOTAL_TIMEOUT = env_int("LLM_TOTAL_TIMEOUT", 600, low=10, high=7200)
CHAT_RETENTION_DAYS = env_int("CHAT_RETENTION_DAYS", 0, low=0, high=36500)
MAX_MESSAGE_CHARS = env_int("MAX_MESSAGE_CHARS", 8000, low=100, high=100_000)
# for the web server, which closes a socket that gets more; refusing a frame in words is the chat's business
WS_MAX_SIZE = 1_310_720

# --- how much everybody may ask, where admins set nothing else; 0: no limit ----------------------
MESSAGES_PER_MINUTE = env_int("MESSAGES_PER_MINUTE", 30, low=0, high=100_000)
TOKENS_PER_DAY = env_int("TOKENS_PER_DAY", 0, low=0, high=1_000_000_000_000)
DAY_TIME_ZONE = env_zone("DAY_TIME_ZONE", "UTC")

# --- pages --------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env_str("STATIC_ROOT", str(DATA_DIR / "static"))).resolve()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_storage.HashedModulesStorage"},
}
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

# --- safety -------------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.pages.csrf_failed"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": [],
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    },
}

if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 50 characters; make a long random one.")
if len(JWT_SIGNING_KEY) < 50:
    raise ImproperlyConfigured("JWT_SIGNING_KEY is shorter than 50 characters.")
if not FERNET_KEYS or any(len(key) < 32 for key in FERNET_KEYS):
    raise ImproperlyConfigured("FERNET_KEYS needs at least one key of 32 or more characters.")
if len({SECRET_KEY, JWT_SIGNING_KEY, *FERNET_KEYS}) != 2 + len(FERNET_KEYS):
    raise ImproperlyConfigured("SECRET_KEY, JWT_SIGNING_KEY and FERNET_KEYS must all differ.")
for _name, _secrets in (
    ("SECRET_KEY", [SECRET_KEY]),
    ("JWT_SIGNING_KEY", [JWT_SIGNING_KEY]),
    ("FERNET_KEYS", FERNET_KEYS),
):
    if any(looks_like_an_example(_secret) for _secret in _secrets):
        raise ImproperlyConfigured(f"{_name} looks like an example; make a long random one.")

from config.logs import LOGGING  # noqa: E402, F401
