import pytest
from passlib.hash import argon2

from backend.security.passwords import WeakPassword, check_strength, hash_password, needs_update, verify_password


def test_a_password_fits_only_its_own_hash() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$")
    assert first != second
    assert verify_password("correct horse", first)
    assert not verify_password("correct horsf", first)


@pytest.mark.parametrize("hashed", ["", "not a hash", "$argon2id$broken", "5f4dcc3b5aa765d61d8327deb882cf99"])
def test_what_is_no_hash_never_fits(hashed: str) -> None:
    assert not verify_password("password", hashed)


@pytest.mark.parametrize("password", ["", "short", "x" * 129])
def test_lengths_are_limited(password: str) -> None:
    with pytest.raises(WeakPassword):
        hash_password(password)


def test_unicode_passwords_work() -> None:
    assert verify_password("пароль密码🙂", hash_password("пароль密码🙂"))


def test_a_weaker_hash_is_to_be_updated() -> None:
    weak = argon2.using(memory_cost=8_192, time_cost=1, parallelism=1).hash("correct horse")
    assert needs_update(weak)
    assert verify_password("correct horse", weak)
    assert not needs_update(hash_password("correct horse"))


@pytest.mark.parametrize("password", ["password", "qwerty123", "captain-1", "aaaaaaaaaaaa", "x" * 129, "2024-11-20"])
def test_easy_guesses_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_strength(password, "captain", "")


@pytest.mark.parametrize("password", ["Kestrel-harbour-1947", "correct horse battery staple", "密码 与 四个 词语"])
def test_long_unrelated_words_pass(password: str) -> None:
    check_strength(password, "captain")
