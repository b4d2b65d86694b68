"""All settings. Each NIGHTDESK_ name is described in docs/settings.md."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from secops import env

django_stubs_ext.monkeypatch()  # lets annotations such as ModelAdmin[User] stand unquoted

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("NIGHTDESK_DATA") or BASE_DIR / "var").resolve()
DEBUG = False
PRODUCT_NAME = "Nightdesk"
VERSION = "0.1.0"


def _generated(name: str) -> str:
    """A secret from the environment, else one made once and kept in the data folder with mode 0600."""
    if value := env.text(f"NIGHTDESK_{name.upper()}"):
        if len(value) < 40:
            raise ImproperlyConfigured(f"NIGHTDESK_{name.upper()} is shorter than 40 characters")
        return value
    return env.kept_secret(DATA_DIR / "keys" / name)


SECRET_KEY = _generated("secret_key")
SECRETS_KEYS = tuple(env.words("NIGHTDESK_SECRETS_KEYS")) or (_generated("secrets_key"),)

# --- addresses -------------------------------------------------------------------------------------------------------
NIGHTDESK_URL = env.text("NIGHTDESK_URL").rstrip("/")
IS_HTTPS = NIGHTDESK_URL.startswith("https://")
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *([urlsplit(NIGHTDESK_URL).hostname or ""] if NIGHTDESK_URL else []),
]
CSRF_TRUSTED_ORIGINS = [NIGHTDESK_URL] if NIGHTDESK_URL else []
NIGHTDESK_INTERNAL_HOSTS = env.words("NIGHTDESK_INTERNAL_HOSTS")
NIGHTDESK_INTERNAL_NETWORKS = env.words("NIGHTDESK_INTERNAL_NETWORKS")
NIGHTDESK_VPN_NETWORKS = env.words("NIGHTDESK_VPN_NETWORKS")
NIGHTDESK_LOG_DIRS = env.words("NIGHTDESK_LOG_DIRS")
NIGHTDESK_PLAYBOOKS = env.text("NIGHTDESK_PLAYBOOKS")  # a folder whose playbooks replace those that ship
NIGHTDESK_PRACTICE = env.flag("NIGHTDESK_PRACTICE")  # the practice range is attached: every page says so

# --- apps ------------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "secops.apps.NightdeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_q",
    "rest_framework",
    "secops.apps.SecopsConfig",
    "cases",
    "enrichment",
    "response",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "secops.middleware.ProofMiddleware",
    "secops.middleware.NoStoreMiddleware",
    "response.views.guests_only.GuestsOnlyMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "secops.middleware.SecopsErrorMiddleware",
]
ROOT_URLCONF = "secops.urls"
WSGI_APPLICATION = "secops.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "secops.context.page",
            ],
            "builtins": ["secops.templatetags.nightdesk"],
        },
    }
]


# --- database --------------------------------------------------------------------------------------------------------
def _database(url: str) -> dict[str, Any]:
    """SQLite in the data folder, or what DATABASE_URL says: postgres://user:password@host:port/name."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "nightdesk.sqlite3",
            "CONN_MAX_AGE": 600,  # the last one to close a file writes all of its journal back: not after each request
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgres://")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": 2, **query},
    }


DATABASES = {"default": _database(env.text("DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "secops.cache.JsonDatabaseCache",
        "LOCATION": "secops_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- people ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "secops.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Whoever decides on something that matters proves anew that it is them: nobody, who has a second factor, or everybody.
STEPUP = env.choice("NIGHTDESK_STEPUP", "enrolled", ("off", "enrolled", "required"))
STEPUP_MINUTES = env.number("NIGHTDESK_STEPUP_MINUTES", 5, most=60)  # how long such a proof counts
SESSION_COOKIE_AGE = 12 * 3600  # seconds, absolute
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "secops.views.csrf_failure"

# --- browser ---------------------------------------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
if env.flag("NIGHTDESK_BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "secops.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["secops.api.Denied"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "secops.api.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
# Small files only, in memory: whatever a visitor sends is not written to a disk. Evidence has a door of its own.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_500_000  # bytes; a batch of alerts is 10 MB at most

# --- background work (RELIABILITY part 2: the queue is a doorbell, rows are the truth) -------------------------------
_CLUSTER = {
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 90,
    "retry": 180,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 200,
    "recycle": 200,
    "poll": 0,  # the broker below has its own way to wait
}
Q_CLUSTER = {
    "name": "response",
    "orm": "default",
    "catch_up": False,
    "scheduler": False,
    "cached": False,
    "broker_class": "secops.taskqueue.Doorbell",
    **_CLUSTER,
    "ALT_CLUSTERS": {"enrichment": {**_CLUSTER, "workers": int(env.number("NIGHTDESK_ENRICHMENT_WORKERS", 2))}},
}
TASKS = {"default": {"BACKEND": "secops.taskqueue.DjangoQBackend", "QUEUES": ["response", "enrichment"]}}
# Times nest: connect 3 < call 20 < lease 60 < queue timeout 90 < retry 180 (checked at start; tests shorten them).
LEASE_SECONDS = env.number("NIGHTDESK_LEASE_SECONDS", 60)
PAUSE_HOLE_SECONDS = env.number("NIGHTDESK_PAUSE_HOLE_SECONDS", 15)
PUBLISH_ALONE = env.flag("NIGHTDESK_PUBLISH_ALONE")  # the author of a draft may publish it without a second person
APPROVAL_SECONDS = env.number("NIGHTDESK_APPROVAL_SECONDS", 1800)
ISOLATIONS_PER_HOUR = int(env.number("NIGHTDESK_ISOLATIONS_PER_HOUR", 10))  # of the whole house; more wait
NIGHTDESK_HUNT_DEVICES = int(env.number("NIGHTDESK_HUNT_DEVICES", 500))  # a hunt over more asks a person first
PAGE_SECONDS = env.number("NIGHTDESK_PAGE_SECONDS", 300)  # until the next on the rota is called

# --- evidence --------------------------------------------------------------------------------------------------------
EVIDENCE_STORE = env.text("NIGHTDESK_EVIDENCE_STORE")  # s3://bucket/prefix; else a folder in the data folder
S3_ENDPOINT = env.text("NIGHTDESK_S3_ENDPOINT").rstrip("/")
S3_REGION = env.text("NIGHTDESK_S3_REGION") or "us-east-1"
S3_KEY_ID = env.text("NIGHTDESK_S3_KEY_ID")
S3_SECRET_KEY = env.text("NIGHTDESK_S3_SECRET_KEY")
GIGABYTE = 10**9
EVIDENCE_ITEM_BYTES = int(env.number("NIGHTDESK_EVIDENCE_ITEM_GB", 20) * GIGABYTE)  # of one upload
EVIDENCE_CASE_BYTES = int(env.number("NIGHTDESK_EVIDENCE_CASE_GB", 4_000) * GIGABYTE)
EVIDENCE_RECHECK_DAYS = int(env.number("NIGHTDESK_EVIDENCE_RECHECK_DAYS", 7))
EVIDENCE_USER_BYTES = int(env.number("NIGHTDESK_EVIDENCE_USER_GB", 1_000) * GIGABYTE)
EXAMINE_SECONDS = int(env.number("NIGHTDESK_EXAMINE_SECONDS", 3600))  # of one forensic tool over one item
NIGHTDESK_YARA_DIR = env.text("NIGHTDESK_YARA_DIR")  # the site's own rules
NIGHTDESK_SURICATA = env.text("NIGHTDESK_SURICATA")  # the program; without it, packets are read by our own tool alone
NIGHTDESK_SURICATA_RULES = env.text("NIGHTDESK_SURICATA_RULES")  # a file, or a folder of *.rules
NIGHTDESK_VOLATILITY = env.text("NIGHTDESK_VOLATILITY")  # the folder of its virtual environment
NIGHTDESK_VOLATILITY_SYMBOLS = env.text("NIGHTDESK_VOLATILITY_SYMBOLS")  # a folder of symbol tables
NIGHTDESK_ANCHOR = env.text("NIGHTDESK_ANCHOR")  # a folder elsewhere, or mailto:address

# --- files and words -------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "secops.logs.JsonLines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.text("NIGHTDESK_LOG_LEVEL", "WARNING")},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
        "psycopg": {"handlers": [], "level": "ERROR", "propagate": True},  # a lost race is done again, not news
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
