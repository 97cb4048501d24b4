"""Wallet addresses by network, with their checksums."""

from __future__ import annotations

import re

import base58
from Crypto.Hash import keccak

from backend.errors import InvalidInput

NETWORKS = ("TRC20", "ERC20", "BEP20")
_HEX = re.compile(r"0[xX]([0-9a-fA-F]{40})")
_TRON_PREFIX = 0x41


class BadNetwork(InvalidInput):
    """This network is not supported. Use TRC20, ERC20 or BEP20."""

    code = "bad_wallet_network"
    zh = "不支持的提现网络，仅支持: TRC20, ERC20, BEP20"


class BadAddress(InvalidInput):
    """The wallet address is not valid on this network. Copy it again from the wallet."""

    code = "bad_wallet_address"
    zh = "钱包地址格式不正确"


def check_wallet(address: str, network: str) -> tuple[str, str]:
    """(address, network) in their canonical form.

    TRC20 is Base58Check. ERC20 and BEP20 are hexadecimal; in mixed case their EIP-55 checksum must fit, in one case
    they carry none, as that standard says. Raises ``BadNetwork``, ``BadAddress``.
    """
    network = network.strip().upper()
    if network not in NETWORKS:
        raise BadNetwork
    address = address.strip()
    return (_tron(address) if network == "TRC20" else _ethereum(address)), network


def _tron(address: str) -> str:
    if len(address) != 34 or not address.isascii():
        raise BadAddress
    try:
        raw = base58.b58decode_check(address)
    except ValueError:
        raise BadAddress from None
    if len(raw) != 21 or raw[0] != _TRON_PREFIX or not any(raw[1:]):
        raise BadAddress
    return address


def _ethereum(address: str) -> str:
    match = _HEX.fullmatch(address)
    if match is None or not int(match.group(1), 16):
        raise BadAddress
    digits = match.group(1)
    checked = _with_checksum(digits.lower())
    if digits not in (digits.lower(), digits.upper()) and digits != checked:
        raise BadAddress("The checksum of the address does not fit: a letter is wrong. Copy it again from the wallet.")
    return f"0x{checked}"


def _with_checksum(lower: str) -> str:
    """EIP-55: a letter is upper case where the hash of the lower-case address has a digit of 8 or more."""
    mark = keccak.new(digest_bits=256, data=lower.encode()).hexdigest()
    return "".join(
        letter.upper() if int(digit, 16) >= 8 else letter for letter, digit in zip(lower, mark, strict=False)
    )
