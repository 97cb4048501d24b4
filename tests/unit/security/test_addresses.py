import pytest

from backend.security.addresses import BadAddress, check_url, is_public


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
     "64:ff9b::a00:1", "2002:7f00:1::", "ff02::1", "::", "nonsense", ""],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/hook", "ftp://shop.example", "https://", "https://127.0.0.1/x", "https://[::1]/x", "https://2130706433/",
     "https://0x7f.1/", "https://0177.0.0.1/", "https://localhost/x", "https://api.localhost/", "https://printer.local/",
     "https://user:pw@shop.example/", "https://shop.example:0/", "https://shop.example:99999/", "https://a b.example/",
     "https://shop.example\\@10.0.0.1/", "https://shop.example/\r\nX: 1", "javascript:alert(1)", "https://shop.example/" + "x" * 500,
     "https://metadata.google.internal/", "https://магазин.example/"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        check_url(url)


def test_a_good_address_comes_back_without_its_fragment() -> None:
    assert check_url(" https://shop.example:8443/hook?x=1#top ") == "https://shop.example:8443/hook?x=1"
    assert check_url("http://127.0.0.1:9000/hook", allow_private=True) == "http://127.0.0.1:9000/hook"
