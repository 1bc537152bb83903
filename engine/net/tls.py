"""TLS towards the central server. A context is made only for https, and once for the same settings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.net.address import ServerSettingsError


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``server.tls`` of ``site.yaml``: PEM files.

    ``ca`` replaces the authorities that the operating system trusts; ``cert`` and ``key`` are for a server that asks
    who calls (``key`` may stand in ``cert``'s file).
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@lru_cache(maxsize=4)
def client_context(settings: TlsSettings | None) -> ssl.SSLContext:
    """A context that checks the server's certificate and name. A changed file counts from the next start on.

    Raises ServerSettingsError naming the setting and the file.
    """
    settings = settings or TlsSettings()
    if settings.key is not None and settings.cert is None:
        raise ServerSettingsError("server.tls.key: a key needs its certificate; add server.tls.cert")
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (OSError, ValueError) as error:
        raise ServerSettingsError(f"server.tls.ca: '{settings.ca}' cannot be read: {_why(error)}") from error
    if settings.cert is not None:
        try:
            # The password is never asked for on a terminal: nobody sits at a service's.
            context.load_cert_chain(settings.cert, settings.key, password=_no_password)
        except (OSError, ValueError) as error:
            files = " and ".join(str(path) for path in (settings.cert, settings.key) if path is not None)
            raise ServerSettingsError(f"server.tls.cert: {files} cannot be used: {_why(error)}") from error
    return context


def trusting_nobody() -> ssl.SSLContext:
    """The context of a client that speaks plain http: should https ever come up, every certificate is refused.

    Costs next to nothing, because no authorities are loaded.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _no_password() -> bytes:
    raise ValueError("the key is locked with a password; store it without one")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "not what is expected in PEM, or certificate and key do not belong together"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
