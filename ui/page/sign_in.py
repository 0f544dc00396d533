"""Signing in and out: with a key, or at a provider of OpenID Connect where one is set."""

import logging
import math
from typing import Annotated, get_args

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from rag.errors import StoreError
from rag.language.languages import LANGUAGES
from ui.api import COOKIE, SESSION_COOKIE, AnswerService, ApiKeys, path_prefix
from ui.api.oidc import BEGIN_PATH, CALLBACK_PATH, OidcProvider, SignInError, SignInProblem, open_provider
from ui.page.html import render_macro
from ui.page.labels import load_labels
from ui.page.shell import framing_policy

_log = logging.getLogger(__name__)
_KEY_SESSION_S = 30 * 24 * 3600
_MAX_KEY_CHARS = 1000
_SIGNED_OUT = "signed_out"
_NOTICES = frozenset(("session_over", "no_access", _SIGNED_OUT, *get_args(SignInProblem)))
"""What an address may have the page say: labels."""
_SEE_OTHER = 303


def add_sign_in_routes(app: FastAPI, service: AnswerService) -> None:
    """Add `/login`, what is beneath it, and `/logout`.

    Parameters
    ----------
    app : FastAPI
        Of the site.
    service : AnswerService
        Knows the keys and the sessions.
    """
    provider = open_provider(service.assistant.settings, service.sessions)
    _add_keys(app, service, provider)
    _add_sign_out(app, service)
    if provider:
        _add_provider(app, service, provider)


def _add_keys(app: FastAPI, service: AnswerService, provider: OidcProvider | None) -> None:
    guard, embedding_sites = service.guard, service.assistant.settings.origins

    def render(problem: str = "", sign_out: str | None = None) -> str:
        return _render(problem, bool(guard.keys) or provider is None, provider is not None, sign_out)

    @app.get("/login", include_in_schema=False)
    async def ask_who(request: Request, notice: str = "") -> Response:
        # The cookies would not come back from within a page of another site.
        if request.headers.get("sec-fetch-dest") == "iframe" and request.headers.get("sec-fetch-site") == "cross-site":
            policy = framing_policy(embedding_sites)
            return HTMLResponse(_render_apart(), headers={"Content-Security-Policy": policy})
        problem = notice if notice in _NOTICES else ""
        sign_out = await provider.find_sign_out() if provider and problem == _SIGNED_OUT else None
        return HTMLResponse(render(problem, sign_out))

    @app.post("/login", include_in_schema=False)
    def sign_in(request: Request, key: Annotated[str, Form(max_length=_MAX_KEY_CHARS)]) -> Response:
        check = guard.check(key.strip().encode(), request.client.host if request.client else "")
        if check.wait_s:
            return HTMLResponse(render("key_wait"), 429, headers={"Retry-After": str(math.ceil(check.wait_s))})
        if not check.is_known:
            return HTMLResponse(render("key_wrong"), 401)
        response = RedirectResponse("./", _SEE_OTHER)
        _take_cookie(request, response, SESSION_COOKIE)
        token = ApiKeys.session_token(key.strip().encode())
        _give_cookie(request, response, COOKIE, token, _KEY_SESSION_S, is_strict=True)
        return response


def _add_sign_out(app: FastAPI, service: AnswerService) -> None:
    @app.post("/logout", include_in_schema=False)
    def sign_out(request: Request) -> Response:
        if service.sessions:
            try:
                service.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
            except StoreError as error:  # the browser forgets it all the same
                _log.error("A session that was ended counts until its time is over: %s", error)
        response = RedirectResponse(f"login?notice={_SIGNED_OUT}", _SEE_OTHER)
        for name in (COOKIE, SESSION_COOKIE):
            _take_cookie(request, response, name)
        return response


def _add_provider(app: FastAPI, service: AnswerService, provider: OidcProvider) -> None:
    sessions = service.sessions
    assert sessions is not None

    def refuse(request: Request, error: SignInError) -> Response:
        _log.warning("Nobody was signed in: %s", ascii(str(error)))
        page = f"{path_prefix(request.scope)}{provider.find_page(request)}"
        response = RedirectResponse(f"{page}login?notice={error.problem}", _SEE_OTHER)
        provider.forget(request, response)
        return response

    @app.get(BEGIN_PATH, include_in_schema=False)
    async def begin(request: Request) -> Response:
        try:
            return await provider.begin(request)
        except SignInError as error:
            return refuse(request, error)

    @app.get(CALLBACK_PATH, include_in_schema=False)
    async def finish(request: Request) -> Response:
        try:
            identity = await provider.finish(request)
        except SignInError as error:
            return refuse(request, error)
        response = RedirectResponse(f"{path_prefix(request.scope)}{provider.find_page(request)}", _SEE_OTHER)
        provider.forget(request, response)
        _take_cookie(request, response, COOKIE)
        cookie = await run_in_threadpool(sessions.start, identity)
        # Lax: a browser that comes from the provider's page would not send a strict one to where it is sent next.
        _give_cookie(request, response, SESSION_COOKIE, cookie, sessions.cookie_s, is_strict=False)
        return response


def _render_apart() -> str:
    """What stands in a frame of another site: a link to the page in a tab of its own."""
    pages = [{"language": language, "labels": load_labels(language)} for language in LANGUAGES]
    return render_macro("login", "sign_in_apart", pages=pages)


def _render(problem: str, has_keys: bool, has_provider: bool, sign_out: str | None) -> str:
    """The page that asks for a key or to sign in, in all languages; `problem`: the label of what is said first."""
    pages = [{"language": language, "labels": load_labels(language)} for language in LANGUAGES]
    return render_macro(
        "login",
        "login",
        pages=pages,
        problem=problem,
        has_keys=has_keys,
        provider=BEGIN_PATH.lstrip("/") if has_provider else "",
        sign_out=sign_out,
    )


def _give_cookie(request: Request, response: Response, name: str, value: str, seconds: int, is_strict: bool) -> None:
    if path_prefix(request.scope):  # earlier versions gave it to the whole host, and two of a name count as none
        response.delete_cookie(name)
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_cookie_path(request),
        httponly=True,
        samesite="strict" if is_strict else "lax",
        secure=request.url.scheme == "https",
    )


def _take_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(name, path=_cookie_path(request), httponly=True)


def _cookie_path(request: Request) -> str:
    """Where a browser sends it: what else is beneath the same name of a host is not told."""
    return f"{path_prefix(request.scope)}/"
