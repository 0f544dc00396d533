"""A small provider of OpenID Connect over real HTTP: discovery, consent, codes with PKCE, ID tokens that it signs,
userinfo. What it does wrong on purpose is set by a test."""

import base64
import hashlib
import html
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SUBJECT = "248289761001"
CLIENT_ID, CLIENT_SECRET = "dalil", "a-secret-of-the-client-that-nobody-guesses"


def make_key(name: str) -> RSAKey:
    """A key that signs."""
    return RSAKey.generate_key(2048, {"kid": name}, private=True)


@dataclass
class OidcDouble:
    """The provider, with one user who always says yes.

    `address` is where it is; `claims` go into ID tokens in place of the right ones, where None leaves one out;
    `userinfo` is told at its endpoint, `metadata` in place of what discovery says, `callback` beside the code,
    `refuses` in place of it; `key` signs with `header`, `published` is shown; `requests` are the paths that were asked
    for.
    """

    address: str = ""
    own_key: RSAKey = field(default_factory=lambda: make_key("one"))

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Do all as it should be done."""
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {"sub": SUBJECT}
        self.metadata: dict[str, Any] = {}
        self.callback: dict[str, str] = {}
        self.requests: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refuses, self.header = "", {"alg": "RS256", "kid": "one"}
        self.published = self.key = self.own_key

    async def __call__(self, scope, receive, send) -> None:
        """As an ASGI application."""
        routes = [
            Route("/.well-known/openid-configuration", self.describe),
            Route("/authorize", self.ask_consent),
            Route("/yes", self.consent),
            Route("/token", self.give_tokens, methods=["POST"]),
            Route("/keys", self.publish_keys),
            Route("/userinfo", self.tell_user),
        ]
        if scope["type"] == "http":
            self.requests.append(scope["path"])
        await Starlette(routes=routes)(scope, receive, send)

    def describe(self, request: Request) -> Response:
        own = f"http://{request.url.netloc}"
        paths = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/keys",
            "userinfo_endpoint": "/userinfo",
            "end_session_endpoint": "/bye",
        }
        described = {"issuer": own, "id_token_signing_alg_values_supported": ["RS256", "none"]}
        return JSONResponse(described | {name: own + path for name, path in paths.items()} | self.metadata)

    def ask_consent(self, request: Request) -> Response:
        query = request.query_params
        assert (query["client_id"], query["response_type"], query["code_challenge_method"]) == (
            CLIENT_ID,
            "code",
            "S256",
        )
        return HTMLResponse(f'<a id="yes" href="/yes?{html.escape(urlencode(query))}">yes</a>')

    def consent(self, request: Request) -> Response:
        query = dict(request.query_params)
        if self.refuses:
            answer = {"error": self.refuses, "state": query["state"]}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = query
            answer = {"code": code, "state": query["state"]}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer | self.callback)}", 302)

    async def give_tokens(self, request: Request) -> Response:
        form = await request.form()
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_client = request.headers.get("authorization") == f"Basic {basic}"
        asked = self.codes.pop(str(form["code"]), None)
        if not is_client or asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "access", "token_type": "Bearer", "id_token": self.sign(request, asked["nonce"])}
        )

    def sign(self, request: Request, nonce: str) -> str:
        now = int(time.time())
        right = {
            "iss": f"http://{request.url.netloc}",
            "aud": CLIENT_ID,
            "sub": SUBJECT,
            "email": "sara@example.org",
            "groups": ["editors"],
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
        }
        claims = {name: value for name, value in (right | self.claims).items() if value is not None}
        if self.header["alg"] == "none":
            return ".".join([*map(_encode, (self.header, claims)), ""])
        return jwt.encode(self.header, claims, self.key)

    def publish_keys(self, request: Request) -> Response:
        return JSONResponse(KeySet([self.published]).as_dict(private=False))

    def tell_user(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer access"
        return JSONResponse(self.userinfo)


def _encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
