"""The words of the mails about accounts, in the language of the person."""

from __future__ import annotations

from backend.identity.mail import Letter

_WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "confirm": {
        "en": (
            "Confirm your address",
            "Hello,\n\nsomeone, hopefully you, opened an IronBull account with this address. Confirm it here:\n\n{link}\n\n"
            "The link works once, for 24 hours. If it was not you, do nothing: no account is made.\n",
        ),
        "zh": (
            "请确认您的邮箱",
            "您好，\n\n有人（希望是您本人）用此邮箱注册了 IronBull 账户。请点击确认：\n\n{link}\n\n"
            "链接仅可使用一次，24 小时内有效。如非本人操作，请忽略此邮件：不会创建任何账户。\n",
        ),
    },
    "exists": {
        "en": (
            "You already have an account",
            "Hello,\n\nsomeone tried to open an IronBull account with this address, but it has one already. Sign in here:\n\n{link}\n\n"
            "Forgot the password? The sign-in page helps. If it was not you, do nothing.\n",
        ),
        "zh": (
            "您已有账户",
            "您好，\n\n有人尝试用此邮箱注册 IronBull，但该邮箱已有账户。请在此登录：\n\n{link}\n\n"
            "忘记密码？登录页可重设。如非本人操作，请忽略此邮件。\n",
        ),
    },
    "reset": {
        "en": (
            "Set a new password",
            "Hello,\n\nset a new password here:\n\n{link}\n\nThe link works once, for one hour, and ends every open session. "
            "If you did not ask for it, do nothing.\n",
        ),
        "zh": (
            "设置新密码",
            "您好，\n\n请在此设置新密码：\n\n{link}\n\n链接仅可使用一次，1 小时内有效，并会退出所有已登录的设备。如非本人操作，请忽略此邮件。\n",
        ),
    },
}


def letter(name: str, lang: str, to: str, link: str) -> Letter:
    """One of the letters above."""
    subject, text = _WORDS[name]["zh" if lang.startswith("zh") else "en"]
    return Letter(to, f"IronBull: {subject}", text.format(link=link))
