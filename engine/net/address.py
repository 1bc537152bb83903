"""Where the central server is: one base URL, from which every HTTP and WebSocket address is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from engine.errors import EngineError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class ServerSettingsError(EngineError):
    """What ``site.yaml`` says of the server cannot be used: its URL, or a file of its ``tls`` section."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A checked base URL. ``prefix`` is its path without a closing slash: '' or '/scales'."""

    scheme: str
    netloc: str
    host: str
    port: int
    prefix: str

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken (https and wss)."""
        return self.scheme == "https"

    def http_url(self, path: str) -> str:
        """The URL of ``path``, which begins without a slash (``api/weighing/records/``)."""
        return f"{self.scheme}://{self.netloc}{self.prefix}/{path}"

    def websocket_url(self, path: str) -> str:
        """The same for a WebSocket: ws:// beside http://, wss:// beside https:// (5.3 of the requirements)."""
        return f"{'wss' if self.is_secure else 'ws'}://{self.netloc}{self.prefix}/{path}"


def parse_address(url: str) -> ServerAddress:
    """Check ``server.url``. Raises ServerSettingsError saying what is wrong with it and how to write it."""
    parts, port = _split(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ServerSettingsError(f"server.url: '{url}' does not begin with http:// or https://; {_example()}")
    if not parts.hostname or any(character.isspace() for character in url):
        raise ServerSettingsError(f"server.url: '{url}' names no host; {_example()}")
    if parts.username is not None or parts.password is not None:
        # Do not repeat the URL: it holds a password.
        raise ServerSettingsError("server.url: a user name or password does not belong in it; write http://host:port")
    if parts.query or parts.fragment:
        raise ServerSettingsError(f"server.url: '{url}' has a '?' or '#' part; leave it out")
    return ServerAddress(
        scheme=parts.scheme,
        netloc=parts.netloc,
        host=parts.hostname,
        port=port or _DEFAULT_PORTS[parts.scheme],
        prefix=parts.path.rstrip("/"),
    )


def path_segment(text: str) -> str:
    """``text`` as one segment of a path: percent-encoded where needed; a colon, as in a MAC address, may stand."""
    return quote(text, safe=":")


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        return (parts := urlsplit(url)), parts.port
    except ValueError as error:
        raise ServerSettingsError(f"server.url: '{url}' is not a URL ({error}); {_example()}") from error


def _example() -> str:
    return "write it as http://127.0.0.1:8000 or https://server.example"
