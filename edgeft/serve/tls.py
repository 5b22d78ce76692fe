"""A certificate and its key, tried before anything listens."""

import ssl
from pathlib import Path

from edgeft.errors import UsageError

__all__ = ["check_certificate"]


def check_certificate(certificate: Path, key: Path) -> None:
    """Raise UsageError where these cannot be used together."""
    try:
        # A key with a password would ask for it at the terminal; a wrong one makes it fail.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The certificate {certificate} and the key {key} cannot be used: {_why(error)}.",
            hint="Both must be PEM, without a password, and belong together: see "
            f"openssl x509 -noout -text -in {certificate}",
        ) from None


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):  # which the system's own errors are not
        reason = (error.reason or "").replace("_", " ").lower()
        return reason if reason not in ("", "pem lib") else "one of them is not in PEM"
    return getattr(error, "strerror", None) or str(error)
