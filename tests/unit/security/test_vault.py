import pytest

from backend.security.vault import Vault, VaultError, account_record, node_record

vault = Vault("m" * 40)


def test_a_box_opens_for_its_tenant_and_record_only() -> None:
    key = vault.new_data_key(1)
    box = vault.seal_json(key, 1, account_record(7), {"api_key": "K", "api_secret": "S"})
    assert vault.open_json(key, 1, account_record(7), box) == {"api_key": "K", "api_secret": "S"}
    for tenant_id, record in ((1, account_record(8)), (2, account_record(7))):
        with pytest.raises(VaultError):
            vault.open(key, tenant_id, record, box)


def test_another_tenants_key_does_not_open_a_box() -> None:
    box = vault.seal(vault.new_data_key(1), 1, "r", b"secret")
    with pytest.raises(VaultError):
        vault.open(vault.new_data_key(1), 1, "r", box)
    with pytest.raises(VaultError):
        vault.open(vault.new_data_key(2), 2, "r", box)


def test_another_master_key_opens_nothing() -> None:
    key = vault.new_data_key(1)
    box = vault.seal(key, 1, "r", b"secret")
    with pytest.raises(VaultError):
        Vault("o" * 40).open(key, 1, "r", box)
    with pytest.raises(VaultError):
        Vault("o" * 40).open_platform("r", vault.seal_platform("r", "secret"))


def test_every_changed_byte_is_noticed() -> None:
    key = vault.new_data_key(1)
    box = vault.seal(key, 1, "r", b"secret")
    for at in range(len(box)):
        with pytest.raises(VaultError):
            vault.open(key, 1, "r", box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :])
    for length in range(len(box)):
        with pytest.raises(VaultError):
            vault.open(key, 1, "r", box[:length])


def test_equal_secrets_look_different_and_hide_themselves() -> None:
    key = vault.new_data_key(1)
    first, second = vault.seal(key, 1, "r", b"same secret"), vault.seal(key, 1, "r", b"same secret")
    assert first != second
    assert b"same secret" not in first


def test_the_master_key_can_be_changed() -> None:
    key = vault.new_data_key(5)
    box = vault.seal(key, 5, "r", b"secret")
    newer = Vault("n" * 40)
    moved = newer.rewrap(key, 5, old=vault)
    assert newer.open(moved, 5, "r", box) == b"secret"
    with pytest.raises(VaultError):
        newer.open(key, 5, "r", box)


def test_platform_boxes_are_bound_to_their_record() -> None:
    box = vault.seal_platform(node_record("n1"), "secret")
    assert vault.open_platform(node_record("n1"), box) == "secret"
    with pytest.raises(VaultError):
        vault.open_platform(node_record("n2"), box)
    with pytest.raises(VaultError):
        vault.open_platform(node_record("n1"), "not base64 !")


def test_a_weak_master_key_is_refused() -> None:
    with pytest.raises(VaultError):
        Vault("short")
