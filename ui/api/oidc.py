"""Signing in at a provider of OpenID Connect: the authorization code flow with PKCE, state and nonce, by authlib.

Authlib keeps what a sign-in has begun with in Starlette's session; here that is one signed cookie that lives for
minutes.
"""

import logging
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from rag.errors import SettingsError
from rag.settings import Settings
from ui.api.collections import begun_at
from ui.api.path_prefix import path_prefix
from ui.api.sessions import ANY_GROUP, Identity, Sessions

BEGIN_PATH, CALLBACK_PATH = "/login/oidc", "/login/callback"
SignInProblem = Literal["oidc_unreachable", "oidc_failed", "oidc_denied", "oidc_stale", "oidc_no_group"]
"""What went wrong, by the label that tells the reader."""

_log = logging.getLogger(__name__)
_FLOW_COOKIE = "dalil_sign_in"
_FLOW_S = 600
"""Seconds to sign in at the provider."""
_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
"""By which clocks may differ."""
_MAX_SUBJECT_CHARS, _MAX_LABEL_CHARS = 255, 100
"""A subject has at most 255 by OpenID Connect Core 1.0, 2."""
_ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
"""Of ID tokens, signed with a key that the provider alone has; `none` and the client's own secret are no signatures."""
_DEFAULT_ALGORITHM = "RS256"
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_LABEL_CLAIMS = ("email", "preferred_username", "name")


class SignInError(Exception):
    """Nobody was signed in.

    Parameters
    ----------
    problem : SignInProblem
        What the reader is told.
    detail : str
        What the log says.
    """

    def __init__(self, problem: SignInProblem, detail: str = "") -> None:
        super().__init__(detail or problem)
        self.problem: SignInProblem = problem


class OidcProvider:
    """A provider of OpenID Connect, and this service as its client.

    Parameters
    ----------
    settings : Settings
        With an issuer and its client.
    sessions : Sessions
        Sign the cookies, and know which groups count.

    Raises
    ------
    SettingsError
        When authlib is not installed.
    """

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        try:
            from authlib.integrations.starlette_client import OAuth
        except ImportError as error:
            raise SettingsError(f"DALIL_OIDC_ISSUER: {error}: pip install 'dalil[oidc]'") from None
        self._issuer, self._client_id = (settings.oidc_issuer or "").rstrip("/"), settings.oidc_client_id
        self._groups, self._claim = sessions.permissions.keys(), settings.oidc_groups_claim
        self._cookies, secret = sessions.cookies, settings.oidc_client_secret
        self._client = OAuth().register(
            "oidc",
            client_id=self._client_id,
            client_secret=secret.get_secret_value() if secret else None,
            server_metadata_url=self._issuer + _DISCOVERY,
            client_kwargs={
                "scope": settings.oidc_scopes,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_S,
            },
        )

    async def begin(self, request: Request) -> Response:
        """Send a browser to the provider.

        Raises
        ------
        SignInError
            When the provider cannot be asked how.
        """
        await self._load_metadata()
        request.scope["session"] = {}
        callback = f"{request.url.scheme}://{request.url.netloc}{path_prefix(request.scope)}{CALLBACK_PATH}"
        response: Response = await self._client.authorize_redirect(request, callback)
        begun = {"flow": request.session, "page": begun_at(request.scope)}
        token = self._cookies.sign("sign-in", begun, _FLOW_S)
        # Lax, not strict: the provider's page sends the browser back with it.
        response.set_cookie(_FLOW_COOKIE, token, max_age=_FLOW_S, **self._cookie_place(request))
        return response

    async def finish(self, request: Request) -> Identity:
        """Who comes back from the provider.

        Raises
        ------
        SignInError
            When that cannot be believed, or is nobody who may come in.
        """
        flow = self._cookies.read_fresh("sign-in", request.cookies.get(_FLOW_COOKIE, ""))
        if flow is None:
            raise SignInError("oidc_stale", "no sign-in was begun in this browser, or too long ago")
        request.scope["session"] = dict(flow["flow"])
        metadata = await self._load_metadata()
        if request.query_params.get("iss", metadata["issuer"]) != metadata["issuer"]:  # RFC 9207
            raise SignInError("oidc_failed", "the answer is of another issuer")
        claims, token = await self._fetch_claims(request, metadata)
        groups = await self._find_groups(claims, token, metadata)
        if not groups and ANY_GROUP not in self._groups:
            raise SignInError("oidc_no_group", "in none of the groups of DALIL_OIDC_GROUPS")
        subject = str(claims["sub"])
        if not 0 < len(subject) <= _MAX_SUBJECT_CHARS or not subject.isprintable():
            raise SignInError("oidc_failed", "the subject is no name")
        return Identity(subject, _read_label(claims), groups)

    def find_page(self, request: Request) -> str:
        """Beneath which page signing in was begun, such as `/collections/law/`; `/` where that is not known."""
        flow = self._cookies.read_fresh("sign-in", request.cookies.get(_FLOW_COOKIE, ""))
        is_back = request.scope["path"] == CALLBACK_PATH
        return str(flow.get("page", "/")) if flow and is_back else begun_at(request.scope)

    def forget(self, request: Request, response: Response) -> None:
        """Take from a browser what it was to come back with."""
        response.delete_cookie(_FLOW_COOKIE, **self._cookie_place(request))

    async def find_sign_out(self) -> str | None:
        """The address at which readers sign out of the provider itself; None where it tells none."""
        try:
            metadata = await self._load_metadata()
            if not metadata.get("end_session_endpoint"):
                return None
            found = await self._client.create_logout_url(client_id=self._client_id)
        except SignInError:
            return None
        return str(found["url"])

    @staticmethod
    def _cookie_place(request: Request) -> dict[str, Any]:
        return {
            "path": f"{path_prefix(request.scope)}/login",
            "secure": request.url.scheme == "https",
            "httponly": True,
            "samesite": "lax",
        }

    async def _load_metadata(self) -> dict[str, Any]:
        """What the provider says of itself, once it has answered."""
        from httpx2 import HTTPError

        try:
            metadata: dict[str, Any] = await self._client.load_server_metadata()
        except (HTTPError, ValueError, TypeError) as error:
            raise SignInError("oidc_unreachable", f"{self._issuer}{_DISCOVERY}: {error}") from error
        if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
            self._client.server_metadata.clear()
            raise SignInError("oidc_unreachable", f"{self._issuer}{_DISCOVERY} tells of another issuer")
        algorithms = metadata.get("id_token_signing_alg_values_supported") or ()
        metadata["id_token_signing_alg_values_supported"] = [one for one in algorithms if one in _ALGORITHMS] or [
            _DEFAULT_ALGORITHM
        ]
        methods = metadata.get("token_endpoint_auth_methods_supported") or (_BASIC,)
        self._client.client_kwargs["token_endpoint_auth_method"] = _POST if _BASIC not in methods else _BASIC
        return metadata

    async def _fetch_claims(
        self, request: Request, metadata: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The claims of the ID token, checked, and the tokens."""
        from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
        from httpx2 import HTTPError
        from joserfc.errors import JoseError

        wanted = {
            "iss": {"essential": True, "values": [metadata["issuer"]]},
            "aud": {"essential": True, "values": [self._client_id]},
        }
        try:
            token = await self._client.authorize_access_token(request, claims_options=wanted, leeway=_LEEWAY_S)
        except MismatchingStateError as error:
            raise SignInError("oidc_stale", str(error)) from error
        except OAuthError as error:
            is_own = error.error == request.query_params.get("error")
            raise SignInError(
                "oidc_denied" if is_own else "oidc_failed", f"the provider says {error.error!r}"
            ) from error
        except HTTPError as error:
            raise SignInError("oidc_unreachable", f"{type(error).__name__}") from error
        except (JoseError, ValueError, KeyError, RuntimeError, TypeError) as error:
            raise SignInError("oidc_failed", f"the ID token is refused: {type(error).__name__}: {error}") from error
        if not token.get("userinfo"):
            raise SignInError("oidc_failed", "the provider sent no ID token")
        return token["userinfo"], token

    async def _find_groups(
        self, claims: Mapping[str, Any], token: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """The groups that count; some providers tell them at their userinfo endpoint alone."""
        found = _read_claim(claims, self._claim)
        is_wanted = found is None and any(group != ANY_GROUP for group in self._groups)
        if is_wanted and metadata.get("userinfo_endpoint") and token.get("access_token"):
            from httpx2 import HTTPError

            try:
                userinfo = await self._client.userinfo(token=token)
            except (HTTPError, ValueError) as error:
                raise SignInError("oidc_unreachable", f"userinfo: {type(error).__name__}") from error
            if userinfo.get("sub") != claims["sub"]:
                raise SignInError("oidc_failed", "userinfo is of somebody else")
            found = _read_claim(userinfo, self._claim)
        own = {found} if isinstance(found, str) else {str(one) for one in found or ()}
        return tuple(group for group in self._groups if group in own and group != ANY_GROUP)


def open_provider(settings: Settings, sessions: Sessions | None) -> OidcProvider | None:
    """The provider that settings name; None without one."""
    return OidcProvider(settings, sessions) if sessions else None


def _read_claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by its path, `realm_access.roles`; None where it is missing or no list or text."""
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, list | str | Mapping) else None


def _read_label(claims: Mapping[str, Any]) -> str:
    """By which people know somebody, as one line."""
    given = next((claims[name] for name in _LABEL_CLAIMS if isinstance(claims.get(name), str)), "")
    return "".join(letter for letter in given if unicodedata.category(letter)[0] != "C")[:_MAX_LABEL_CHARS]
