"""Secrets at rest: AES-256-GCM with a data key per tenant, wrapped by the master key.

The associated data of every box names its tenant and record, so a box moved to another row does not open.
Boxes start with a version byte; ``rewrap`` moves a tenant to a new master key without touching its boxes.
"""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.errors import IronBullError

_VERSION = b"\x01"
_NONCE = 12


class VaultError(IronBullError):
    """A stored secret cannot be opened with this master key. Check IRONBULL_MASTER_KEY."""

    code = "vault_error"
    status = 500


class Vault:
    """Seals and opens secrets under one master key."""

    def __init__(self, master_key: str) -> None:
        if len(master_key) < 16:
            raise VaultError("The master key must have at least 16 characters.")
        self._wrapping = AESGCM(_derive(master_key, b"ironbull vault wrapping v1"))
        self._platform = AESGCM(_derive(master_key, b"ironbull vault platform v1"))
        self._data_cipher = lru_cache(maxsize=1024)(self._unwrap)

    def new_data_key(self, tenant_id: int) -> str:
        """A fresh wrapped data key for ``tenant.data_key_wrapped``."""
        return _text(_seal(self._wrapping, os.urandom(32), _key_context(tenant_id)))

    def rewrap(self, wrapped: str, tenant_id: int, old: Vault) -> str:
        """The same data key wrapped by this vault's master key instead of the old one's."""
        key = _open(old._wrapping, _bytes(wrapped), _key_context(tenant_id))
        return _text(_seal(self._wrapping, key, _key_context(tenant_id)))

    def seal(self, wrapped_key: str, tenant_id: int, record: str, secret: bytes) -> bytes:
        """Seal for one tenant; ``record`` names where it belongs, e.g. ``exchange_account:7``."""
        return _seal(self._data_cipher(wrapped_key, tenant_id), secret, _context(tenant_id, record))

    def open(self, wrapped_key: str, tenant_id: int, record: str, box: bytes) -> bytes:
        """The secret in a tenant's box. Raises ``VaultError``."""
        return _open(self._data_cipher(wrapped_key, tenant_id), box, _context(tenant_id, record))

    def seal_json(self, wrapped_key: str, tenant_id: int, record: str, value: Any) -> bytes:
        """``seal`` of a JSON value."""
        return self.seal(wrapped_key, tenant_id, record, orjson.dumps(value))

    def open_json(self, wrapped_key: str, tenant_id: int, record: str, box: bytes) -> Any:
        """``open`` of a JSON value."""
        return orjson.loads(self.open(wrapped_key, tenant_id, record, box))

    def seal_platform(self, record: str, secret: str) -> str:
        """Seal a secret of the platform itself (node secrets, tenants' API secrets) as text."""
        return _text(_seal(self._platform, secret.encode(), _context(0, record)))

    def open_platform(self, record: str, box: str) -> str:
        """The secret in a platform box. Raises ``VaultError``."""
        return _open(self._platform, _bytes(box), _context(0, record)).decode()

    def _unwrap(self, wrapped_key: str, tenant_id: int) -> AESGCM:
        return AESGCM(_open(self._wrapping, _bytes(wrapped_key), _key_context(tenant_id)))


def account_record(account_id: int) -> str:
    """The record name of an exchange account's credentials."""
    return f"exchange_account:{account_id}"


def node_record(node_code: str) -> str:
    """The record name of a node's secret."""
    return f"execution_node:{node_code}"


def tenant_record(tenant_id: int) -> str:
    """The record name of a tenant's API secret."""
    return f"tenant:{tenant_id}:app_secret"


@lru_cache(maxsize=1)
def get_vault() -> Vault:
    """The vault of this process, by the settings."""
    from backend.settings import get_settings

    return Vault(get_settings().master_key.get_secret_value())


def _derive(master_key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(master_key.encode())


def _context(tenant_id: int, record: str) -> bytes:
    return f"tenant={tenant_id};record={record}".encode()


def _key_context(tenant_id: int) -> bytes:
    return f"tenant={tenant_id};data-key".encode()


def _seal(cipher: AESGCM, secret: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + cipher.encrypt(nonce, secret, _VERSION + context)


def _open(cipher: AESGCM, box: bytes, context: bytes) -> bytes:
    if len(box) < 1 + _NONCE + 16 or box[:1] != _VERSION:
        raise VaultError
    try:
        return cipher.decrypt(box[1 : 1 + _NONCE], box[1 + _NONCE :], _VERSION + context)
    except InvalidTag as error:
        raise VaultError from error


def _text(box: bytes) -> str:
    return base64.b64encode(box).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise VaultError from error
