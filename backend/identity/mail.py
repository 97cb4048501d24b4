"""Mail to people: by SMTP where a server is set, else written to ``<home>/mail`` so that nothing is lost in development.

Called at the edge, after the transaction that decided on the mail: no server is spoken to inside one.
"""

from __future__ import annotations

import os
import secrets
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import structlog

from backend.clock import utcnow
from backend.settings import Settings

TIMEOUT_S = 15.0
log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Letter:
    """One plain mail."""

    to: str
    subject: str
    text: str


def deliver(settings: Settings, letter: Letter) -> bool:
    """Send a letter, or write it to the outbox folder. False (and logged, without its words) when the server refused."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, letter.to, letter.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="ironbull")
    message.set_content(letter.text)
    url = settings.smtp_url.get_secret_value()
    try:
        if url:
            _send(url, message)
        else:
            _keep(settings, message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log.error("mail_failed", kind=type(error).__name__)
        return False
    return True


def _send(url: str, message: EmailMessage) -> None:
    parts = urlsplit(url)
    host, safe = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_S, context=safe)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_S)
    with server:
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=safe)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def _keep(settings: Settings, message: EmailMessage) -> None:
    folder = settings.home / "mail"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{utcnow():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.eml"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(message.as_bytes())
