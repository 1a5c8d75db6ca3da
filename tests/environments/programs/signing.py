"""Ask over a session that authenticates: ``... PACKAGE``."""

from __future__ import annotations

import os

import requests
from asking import ARGUMENTS, URL, outcome, text

TOKEN = {"access_token": "ya29.token", "token_type": "Bearer", "expires_at": 4102444800}
(PACKAGE,) = ARGUMENTS
for name in ("OAUTHLIB_INSECURE_TRANSPORT", "AUTHLIB_INSECURE_TRANSPORT"):
    os.environ[name] = "1"


def google() -> requests.Session:
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2.credentials import Credentials

    return AuthorizedSession(Credentials(TOKEN["access_token"]))  # type: ignore[no-untyped-call]


def requests_oauthlib() -> requests.Session:
    from requests_oauthlib import OAuth2Session

    return OAuth2Session(token=TOKEN)


def refreshing() -> requests.Session:
    """A token that is over, and a token endpoint that gives another one."""
    from requests_oauthlib import OAuth2Session

    server = URL.removesuffix("/v1/chat/completions")
    old = {**TOKEN, "expires_in": -30, "expires_at": 1, "refresh_token": "again"}
    return OAuth2Session(
        "client", token=old, auto_refresh_url=f"{server}/token", token_updater=lambda token: None
    )


def authlib() -> requests.Session:
    from authlib.integrations.requests_client import OAuth2Session

    return OAuth2Session(token=TOKEN)


def oauth1() -> requests.Session:
    from requests_oauthlib import OAuth1Session

    return OAuth1Session("client", "its-secret", "owner", "its-secret")


def aws() -> requests.Session:
    from requests_aws4auth import AWS4Auth

    session = requests.Session()
    session.auth = AWS4Auth("AKIDEXAMPLE", "its-secret", "eu-west-1", "bedrock")
    return session


session = globals()[PACKAGE]()
print(text("fast", http=session))
print(outcome("unauthorized", http=session))
