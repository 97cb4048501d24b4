"""The documented golden tables of billing: what a profit takes from the cards, and who is paid out of a pool."""

from __future__ import annotations

from decimal import Decimal as D

from backend.billing.rules import Member

ROOT, A, X, Y, Q, Z, M, T, V, U = range(1, 11)

DEDUCTIONS = {
    # name: profit, self, gift -> nominal, from self, from gift, self after, gift after, pool
    "B1": ("1000", "500", "100", ("300", "300", "0", "200", "100", "300")),
    "B2": ("1000", "100", "300", ("300", "100", "200", "0", "100", "100")),
    "B3": ("1000", "50", "20", ("300", "50", "20", "0", "0", "50")),
    "B4": ("1000", "0", "1000", ("300", "0", "300", "0", "700", "0")),
    "B5": ("100", "100", "0", ("30", "30", "0", "70", "0", "30")),
    "B6": ("12.34567891", "100", "0", ("3.703703673", "3.703703673", "0", "96.296296327", "0", "3.703703673")),
}


def node(user: int, level: int, hold: str = "0", market: bool = True) -> Member:
    return Member(user, level, market, D(hold))


GOLDEN = {
    # name: pool, source level, inviter, path (nearest first), payments, totals by user, undistributed
    "D1": (
        "300", 0, node(A, 0, "5000", False), [node(A, 0, "5000", False)],
        [("tech_team", ROOT, "30"), ("direct", A, "15"), ("peer_undist", ROOT, "6"),
         ("network_undist", ROOT, "39"), ("platform_retain", ROOT, "210")],
        {A: "15", ROOT: "285"}, "45",
    ),
    "D2": (
        "100", 0, None, [],
        [("tech_team", ROOT, "10"), ("direct_undist", ROOT, "5"), ("peer_undist", ROOT, "2"),
         ("network_undist", ROOT, "13"), ("platform_retain", ROOT, "70")],
        {ROOT: "100"}, "20",
    ),
    "D3": (
        "50", 0, node(A, 0, "999", False), [node(A, 0, "999", False), node(ROOT, 0, "0", False)],
        [("tech_team", ROOT, "5"), ("direct_undist", ROOT, "2.5"), ("peer_undist", ROOT, "1"),
         ("network_undist", ROOT, "6.5"), ("platform_retain", ROOT, "35")],
        {ROOT: "50"}, "10",
    ),
    "D4": (
        "3000", 0, node(X, 1, "2000"), [node(X, 1, "2000"), node(Y, 3)],
        [("tech_team", ROOT, "300"), ("direct", X, "150"), ("level_diff", X, "120"), ("level_diff", Y, "120"),
         ("peer_undist", ROOT, "60"), ("network_undist", ROOT, "150"), ("platform_retain", ROOT, "2100")],
        {X: "270", Y: "120", ROOT: "2610"}, "210",
    ),
    "D5": (
        "3000", 0, node(X, 1, "0"), [node(X, 1), node(Y, 3), node(Z, 5)],
        [("tech_team", ROOT, "300"), ("direct_undist", ROOT, "150"), ("level_diff", X, "120"),
         ("level_diff", Y, "120"), ("level_diff", Z, "120"), ("peer_undist", ROOT, "60"),
         ("network_undist", ROOT, "30"), ("platform_retain", ROOT, "2100")],
        {X: "120", Y: "120", Z: "120", ROOT: "2640"}, "240",
    ),
    "D6": (
        "1500", 2, node(Q, 2, "0"), [node(Q, 2)],
        [("tech_team", ROOT, "150"), ("direct_undist", ROOT, "75"), ("level_diff", Q, "90"), ("peer", Q, "30"),
         ("network_undist", ROOT, "105"), ("platform_retain", ROOT, "1050")],
        {Q: "120", ROOT: "1380"}, "180",
    ),
    "D7": (
        "1000", 0, node(Z, 7, "1000"), [node(Z, 7, "1000")],
        [("tech_team", ROOT, "100"), ("direct", Z, "50"), ("level_diff", Z, "150"),
         ("platform_retain", ROOT, "700")],
        {Z: "200", ROOT: "800"}, "0",
    ),
    "D8": (
        "600", 0, node(M, 2, "0", False), [node(M, 2, "0", False), node(T, 3)],
        [("tech_team", ROOT, "60"), ("direct_undist", ROOT, "30"), ("level_diff", T, "48"),
         ("peer_undist", ROOT, "12"), ("network_undist", ROOT, "30"), ("platform_retain", ROOT, "420")],
        {T: "48", ROOT: "552"}, "72",
    ),
    "D9": (
        "1000", 3, node(V, 5, "1500"), [node(V, 5, "1500"), node(U, 3)],
        [("tech_team", ROOT, "100"), ("direct", V, "50"), ("level_diff", V, "120"), ("peer", U, "20"),
         ("network_undist", ROOT, "10"), ("platform_retain", ROOT, "700")],
        {V: "170", U: "20", ROOT: "810"}, "10",
    ),
}  # fmt: skip

EIGHT_MONTHS = [
    # net profit, cumulative, mark before, fee, mark after, carried forward (share 20 %)
    ("500", "500", "0", "100", "500", "0"),
    ("-200", "300", "500", "0", "500", "200"),
    ("300", "600", "500", "20", "600", "0"),
    ("50", "650", "600", "10", "650", "0"),
    ("-400", "250", "650", "0", "650", "400"),
    ("300", "550", "650", "0", "650", "100"),
    ("100", "650", "650", "0", "650", "0"),
    ("80", "730", "650", "16", "730", "0"),
]

# What came in (+) and went out (-) in each of those months, and the equity of an account that started with 2000; the
# last column is a mark on equity that follows every flow dollar for dollar.
EIGHT_MONTHS_EQUITY = [
    ("0", "2500", "2500"),
    ("0", "2300", "2500"),
    ("0", "2600", "2600"),
    ("1000", "3650", "3650"),
    ("0", "3250", "3650"),
    ("-500", "3050", "3150"),
    ("0", "3150", "3150"),
    ("0", "3230", "3230"),
]

# The rate of every payment that has one, in the order of the payments of ``GOLDEN``.
LEVEL_RATES = {"D4": ("0.2", "0.2"), "D5": ("0.2", "0.2", "0.2"), "D6": ("0.3",), "D7": ("0.8",), "D8": ("0.4",), "D9": ("0.6",)}
LEVEL_TABLE = [
    ("0", "0"), ("10000", "0.20"), ("50000", "0.30"), ("200000", "0.40"), ("500000", "0.50"), ("1000000", "0.60"),
    ("3000000", "0.70"), ("10000000", "0.80"),
]  # fmt: skip
