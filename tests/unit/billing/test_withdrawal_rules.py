"""Wallet addresses, and every step from every state."""

from __future__ import annotations

import itertools
from decimal import Decimal as D

import pytest

from backend.billing import withdrawal_rules as rules
from backend.billing.rules import quote_withdrawal
from backend.billing.wallets import BadAddress, BadNetwork, check_wallet

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
# The four mixed-case examples of EIP-55 itself.
EIP55 = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("address", EIP55)
@pytest.mark.parametrize("network", ["ERC20", "bep20 "])
def test_ethereum_addresses_leave_with_their_checksum(address: str, network: str) -> None:
    wanted = (address, network.strip().upper())
    assert check_wallet(address, network) == wanted
    assert check_wallet(address.lower(), network) == wanted
    assert check_wallet("0x" + address[2:].upper(), network) == wanted


@pytest.mark.parametrize("address", EIP55)
def test_one_wrong_letter_of_an_ethereum_address_is_seen(address: str) -> None:
    for place, letter in enumerate(address):
        if place > 1 and letter.isalpha():
            with pytest.raises(BadAddress):
                check_wallet(address[:place] + letter.swapcase() + address[place + 1 :], "ERC20")


def test_one_wrong_letter_of_a_tron_address_is_seen() -> None:
    assert check_wallet(f" {TRON} ", "trc20") == (TRON, "TRC20")
    for place in range(len(TRON)):
        for letter in "T1z":
            if TRON[place] != letter:
                with pytest.raises(BadAddress):
                    check_wallet(TRON[:place] + letter + TRON[place + 1 :], "TRC20")


@pytest.mark.parametrize("address", ["", "T", TRON[:-1], TRON + "t", "Ｔ" + TRON[1:], "0" * 34, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                                     EIP55[0], "0x" + "0" * 40, EIP55[0][:-1], EIP55[0] + "0", EIP55[0][2:], "\x00" * 34])  # fmt: skip
@pytest.mark.parametrize("network", ["TRC20", "BEP20"])
def test_addresses_of_other_networks_and_nonsense(address: str, network: str) -> None:
    if network == "BEP20" and address == EIP55[0]:
        return
    with pytest.raises(BadAddress):
        check_wallet(address, network)


@pytest.mark.parametrize("network", ["", "BTC", "TRC-20", "trc２0"])
def test_other_networks(network: str) -> None:
    with pytest.raises(BadNetwork):
        check_wallet(TRON, network)


def test_every_step_from_every_state() -> None:
    allowed = {
        (rules.PENDING, "approve"): rules.APPROVED,
        (rules.PENDING, "reject"): rules.REJECTED,
        (rules.APPROVED, "complete"): rules.COMPLETED,
        (rules.APPROVED, "fail"): rules.FAILED,
    }
    for status, action in itertools.product(range(5), ("approve", "reject", "complete", "fail")):
        if (status, action) in allowed:
            assert rules.next_status(status, action) == allowed[status, action]
        else:
            with pytest.raises(rules.WithdrawalStateRefused) as caught:
                rules.next_status(status, action)
            assert f"({status})" in caught.value.zh and rules.STATUS_NAMES[status] in caught.value.message


@pytest.mark.parametrize(("amount", "fee", "actual"), [("100", "5.00", "95.00"), ("50", "2.50", "47.50"),
                                                        ("66.70", "3.34", "63.36"), ("66.50", "3.32", "63.18")])  # fmt: skip
def test_golden_fees(amount: str, fee: str, actual: str) -> None:
    quote = quote_withdrawal(D(amount))
    assert (quote.fee, quote.actual) == (D(fee), D(actual))


@pytest.mark.parametrize("text", ["", "  ", "a b", "x" * 129, "é", "<b>", "0x\x00"])
def test_bad_transaction_hashes(text: str) -> None:
    with pytest.raises(rules.BadTransactionHash):
        rules.check_tx_hash(text)
