"""Microsoft Entra ID: an access token for an application (OAuth 2.0 client credentials)."""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from typing import Any

from werkzeug.wrappers import Request, Response

from secops.practice.products.product import Product, json_answer
from secops.practice.products.world import World, rfc3339

LIFETIME = 3600  # seconds
#: resource identifiers as Microsoft spells them -> the product that takes the token
AUDIENCES = {
    "https://graph.microsoft.com": "graph",
    "https://api.securitycenter.microsoft.com": "defender",
    "https://api.security.microsoft.com": "defender",
    "https://securitycenter.onmicrosoft.com/windowsatpservice": "defender",
}


class TokenError(Exception):
    """A token that opens nothing; its text says why."""


class Entra(Product):
    """POST /login/{tenant}/oauth2/v2.0/token"""

    prefix = "/login"
    routes = [("POST", "/<tenant>/oauth2/v2.0/token", "token")]

    def token(self, request: Request, tenant: str) -> Response:
        """A token for one hour, or Microsoft's refusal with its AADSTS number."""
        if tenant not in (self.world.credentials["tenant_id"], self.world.company.get("domain")):
            return self._refused("invalid_request", 90002, f"Tenant '{tenant}' not found.", 400)
        form = request.form
        for name in ("grant_type", "client_id", "client_secret", "scope"):
            if not form.get(name):
                missing = f"The request body must contain the following parameter: '{name}'."
                return self._refused("invalid_request", 900144, missing, 400)
        if form["grant_type"] != "client_credentials":
            return self._refused("unsupported_grant_type", 70003, "The grant type is not supported.", 400)
        return self._checked(form["client_id"], form["client_secret"], form["scope"])

    def _checked(self, client_id: str, secret: str, scope: str) -> Response:
        kept = self.world.credentials
        if client_id != kept["client_id"]:
            unknown = f"Application with identifier '{client_id}' was not found in the directory."
            return self._refused("unauthorized_client", 700016, unknown, 400)
        if not hmac.compare_digest(secret.encode(), kept["client_secret"].encode()):
            return self._refused("invalid_client", 7000215, "Invalid client secret provided.", 401)
        resource, dot, _ = scope.rpartition("/.default")
        if not dot:
            return self._refused("invalid_scope", 1002012, f"The scope {scope} must end in /.default.", 400)
        if resource not in AUDIENCES:
            unknown = f"The resource principal named {resource} was not found in the tenant."
            return self._refused("invalid_resource", 500011, unknown, 400)
        return json_answer(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "ext_expires_in": LIFETIME,
                "access_token": issue(self.world, resource),
            },
            headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"},
        )

    def error(self, status: int, message: str = "", *, code: str = "", retry_after: int = 0) -> Response:
        text = message or "The service is temporarily unavailable."
        answer = self._refused(code or "temporarily_unavailable", 90033, text, status)
        if retry_after:
            answer.headers["Retry-After"] = str(retry_after)
        return answer

    def _refused(self, error: str, number: int, text: str, status: int) -> Response:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = self.world.now().strftime("%Y-%m-%d %H:%M:%SZ")
        return json_answer(
            {
                "error": error,
                "error_description": f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} "
                f"Timestamp: {stamp}",
                "error_codes": [number],
                "timestamp": stamp,
                "trace_id": trace,
                "correlation_id": correlation,
            },
            status,
        )


def issue(world: World, resource: str, *, lifetime: int = LIFETIME) -> str:
    """A signed token for a resource; it outlives a restart of the range, as a real one would."""
    now = int(world.now().timestamp())
    claims = {
        "aud": resource,
        "iss": f"https://sts.windows.net/{world.credentials['tenant_id']}/",
        "appid": world.credentials["client_id"],
        "tid": world.credentials["tenant_id"],
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
    }
    signed = f"{_packed({'typ': 'JWT', 'alg': 'HS256'})}.{_packed(claims)}"
    return f"{signed}.{_signature(world, signed)}"


def check(world: World, request: Request, product: str) -> str:
    """The application that asks; `TokenError` in Microsoft's words when its token is no good here."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise TokenError("Access token is empty.")
    signed, _, signature = token.strip().rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(world, signed).encode()):
        raise TokenError("Signing key is invalid.")
    claims = _unpacked(signed)
    if AUDIENCES.get(str(claims.get("aud"))) != product:
        raise TokenError("Access token validation failure. Invalid audience.")
    if claims.get("exp", 0) <= world.now().timestamp():
        raise TokenError("Lifetime validation failed, the token is expired.")
    return str(claims["appid"])


def tracking(world: World) -> dict[str, str]:
    """The innerError that Graph puts into its refusals."""
    number = str(uuid.uuid4())
    return {"date": rfc3339(world.now())[:19], "request-id": number, "client-request-id": number}


def _packed(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _unpacked(signed: str) -> dict[str, Any]:
    text = signed.partition(".")[2]
    try:
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        raise TokenError("CompactToken parsing failed.") from None
    return claims


def _signature(world: World, signed: str) -> str:
    key = bytes.fromhex(world.credentials["token_key"])
    made = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
