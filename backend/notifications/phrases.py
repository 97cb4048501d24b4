"""What the platform says by itself, in the reader's other language. Pure.

A message is written once, in English, in the transaction of its event. Its sentence is the key: each phrase below is an English
sentence with holes and its Chinese. So a message written long ago reads in both languages too, and nothing on the path of an
order knows of languages. What a person typed (a reason, a broadcast) fits no phrase and stays as it was typed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from backend.notifications.order_phrases import PHRASES as ORDER_PHRASES
from backend.notifications.refusal_phrases import PHRASES as REFUSALS

_WORDS: dict[str, str] = {
    "LONG": "做多", "SHORT": "做空", "below": "低于", "above": "高于",
    "the platform": "整个平台", "this tenant": "本商户", "this account": "此账户", "the centre": "中心",
    "The platform": "平台", "The merchant": "商户", "You": "你", "Bot": "机器人",
    "Stop loss": "止损", "Take profit": "止盈", "Trailing stop": "移动止损", "Held too long": "持仓超时", "Closed by hand": "手动平仓",
    "Liquidated by the exchange": "被交易所强平", "Closed outside the platform": "在平台外平仓", "KILL": "停止交易",
    "No protective stop could be placed": "无法设置保护性止损", "Not confirmed after the fill": "成交后未获确认",
    "its node is switched off": "节点已停用", "its node is silent": "节点没有响应", "its node is being drained": "节点正在腾空",
    "its node cannot be reached": "无法连接节点",
}  # fmt: skip
"""What may stand in a hole and has a word of its own."""

_PHRASES: tuple[tuple[str, str], ...] = (
    ("Opened {symbol} {side}", "已开仓 {symbol} {side}"),
    ("Closed {symbol} {side}", "已平仓 {symbol} {side}"),
    ("{quantity} at {price}", "{quantity}，价格 {price}"),
    (
        "{word}. Realised PnL {pnl} USDT before fees of {fee}.",
        "{word}。已实现盈亏 {pnl} USDT，未计手续费 {fee}。",
    ),
    ("No protective stop on {symbol}", "{symbol} 没有保护性止损"),
    (
        "The exchange did not take the stop, so the position is being closed. {reason}",
        "交易所未接受止损单，正在平掉该持仓。{reason}",
    ),
    ("More was closed than was open: {symbol}", "平仓数量超过持仓：{symbol}"),
    (
        "Order {order} filled {filled}, {open} was open here. Only that part is booked; compare the account with the exchange.",
        "订单 {order} 成交 {filled}，此处持仓为 {open}。只入账该部分；请与交易所核对账户。",
    ),
    ("Order for {symbol} waits", "{symbol} 的订单在等待"),
    ("Order for {symbol} took another way", "{symbol} 的订单改走其他线路"),
    ("It was not sent: {why}.", "尚未发送：{why}。"),
    ("It was sent by {way}: {why}.", "由{way}发送：{why}。"),
    ("node {code}", "节点 {code}"),
    ("Your orders come from another address", "你的订单改由其他地址发出"),
    (
        "Allow {addresses} for your key at the exchange, else it refuses your orders.",
        "请在交易所为你的密钥放行 {addresses}，否则订单会被拒绝。",
    ),
    ("{symbol} is blocked", "{symbol} 已封锁"),
    (
        "Your account holds {quantity} {side} of it that the platform did not open. It is left alone, and nothing is opened "
        "in this symbol until it is closed.",
        "你的账户持有该品种 {quantity} {side}，并非由平台开仓。平台不会触碰它，在其平仓前不会在该品种开仓。",
    ),
    ("{symbol} does not agree with the exchange", "{symbol} 与交易所不一致"),
    (
        "The platform holds {quantity} {side}, the exchange {filled}, and no trade says why. Compare the account with the exchange.",
        "平台持有 {quantity} {side}，交易所为 {filled}，没有成交可以解释。请与交易所核对账户。",
    ),
    ("Node {node} is silent", "节点 {node} 没有响应"),
    (
        "It serves {n} accounts. Their orders wait or go another way; look at the machine, or move the accounts.",
        "它服务 {n} 个账户。这些订单在等待或改走其他线路；请检查该机器，或移动账户。",
    ),
    ("Node {node} is back", "节点 {node} 已恢复"),
    ("It was silent for {n} min.", "曾 {n} 分钟没有响应。"),
    ("Trading is stopped for {whom}", "{whom}已停止交易"),
    ("Trading goes on for {whom}", "{whom}已恢复交易"),
    ("{who}: {reason}", "{who}：{reason}"),
    ("The bot has stopped", "机器人已停止"),
    (
        "The bot failed four times within five minutes. Look at its settings and start it again, or ask your provider.",
        "机器人在五分钟内失败四次。请检查设置后重新启动，或联系服务商。",
    ),
    (
        "The exchange does not accept the API key. Make a new key, save it in Settings, and start the bot again.",
        "交易所不接受该 API 密钥。请新建密钥，在设置中保存，然后重新启动机器人。",
    ),
    (
        "The stored API key cannot be opened. Save the key again in Settings, and start the bot again.",
        "已保存的 API 密钥无法打开。请在设置中重新保存密钥，然后重新启动机器人。",
    ),
    (
        "The exchange account may not trade. Look at the exchange why, and start the bot again.",
        "该交易所账户不能交易。请在交易所查看原因，然后重新启动机器人。",
    ),
    ("The account is disabled. Ask your provider.", "账户已停用。请联系服务商。"),
    (
        "The bot's settings are not valid. Correct them, and start the bot again.",
        "机器人设置无效。请更正后重新启动机器人。",
    ),
    ("Stopped by you.", "由你停止。"),
    ("A new exchange key was saved. Start the bot again.", "已保存新的交易所密钥，请重新启动机器人。"),
    ("Paused by you.", "由你暂停。"),
    ("Bot of user {user}: {what}", "用户 {user} 的机器人：{what}"),
    ("Export of {name} is ready", "导出已完成：{name}"),
    ("Export of {name} failed", "导出失败：{name}"),
    ("{n} rows.", "{n} 行。"),
    ("A {kind} job was given up", "任务 {kind} 已放弃"),
    (
        "Job {id} was tried {n} times: {error}. It can be tried again by hand.",
        "任务 {id} 已尝试 {n} 次：{error}。可手动重试。",
    ),
    ("Job {name} failed", "任务 {name} 失败"),
    ("It is tried again at its next time. Details are in the log.", "将在下次运行时重试。详情见日志。"),
    ("Worker {n} stopped", "工作进程 {n} 已停止"),
    (
        "It ended four times within five minutes. See the log, then start the worker again.",
        "五分钟内退出四次。请查看日志，然后重新启动该进程。",
    ),
    ("ok", "正常"), ("last job {n} s ago", "{n} 秒前运行任务"), ("last data {n} s ago", "{n} 秒前更新"), ("no job has run yet", "尚未运行任务"),
    ("no market data yet", "尚无行情"), ("the replay has ended", "回放已结束"), ("unknown: the database does not answer", "未知：数据库无响应"),
    ("{open} of {n} online", "在线 {open} / {n}"), ("not set up", "未配置"),
    ("nobody holds it", "无人持有"), ("does not answer", "无响应"), ("cannot be read", "无法读取"), ("answered {status}", "返回 {status}"),
    ("failed ({error})", "失败（{error}）"), ("orders waiting", "待发送订单"), ("orders unknown", "未知状态订单"),
    (
        "The platform holds {ours}, the exchange {theirs}, and no trade says why. Compare the account with the exchange.",
        "平台持有 {ours}，交易所持有 {theirs}，没有成交可以解释。请与交易所核对账户。",
    ),
    (
        "Your account holds {theirs} of it that the platform did not open. It is left alone, and nothing is opened in this symbol until it is closed.",
        "你的账户持有 {theirs}，并非由平台开仓。平台不会处理它；在其平仓之前，不会再开该交易对。",
    ),
    ("Test alert", "测试告警"),
    ("Monitor: {what}", "监控：{what}"),
    ("Monitor, still: {what}", "监控，仍未恢复：{what}"),
    ("Monitor, recovered: {what}", "监控，已恢复：{what}"),
    ("Nobody has taken it: {what}", "无人处理：{what}"),
    ("It is as it should be again.", "已恢复正常。"),
    ("{measure} is {value}, the limit is {bound}.", "{measure} 为 {value}，上限为 {bound}。"),
    ("Nothing is wrong: somebody tries out whether alerts arrive.", "一切正常：有人在测试告警是否送达。"),
    ("{measure}: {value}, the limit is {bound}.", "{measure}：{value}，上限为 {bound}。"),
    ("{measure}: {value} / {bound}", "{measure}：{value} / {bound}"),
    ("service {code}", "服务 {code}"), ("queue {code}", "队列 {code}"), ("job {code}", "任务 {code}"), ("lease {code}", "租约 {code}"),
    ("invariant {code}", "不变量 {code}"), ("database", "数据库"), ("disk", "磁盘"),
    ("queue orders waiting", "待发送订单队列"), ("queue orders unknown", "未知状态订单队列"),
    ("exports", "导出"), ("jobs", "任务"), ("messages", "消息"), ("webhooks", "Webhook"),
    ("Time to answer", "响应时间"), ("Silent for", "静默时长"), ("Clock differs by", "时钟偏差"), ("The exchange answers in", "交易所延迟"),
    ("The oldest waits for", "最久等待"), ("The oldest is unknown for", "最久未知"), ("The oldest is late by", "最久延迟"), ("Free", "剩余"),
    ("A webhook was given up", "一条 Webhook 已放弃"),
    ("{event} was tried {n} times.", "{event} 已尝试 {n} 次。"),
    ("A webhook endpoint was switched off", "一个 Webhook 端点已停用"),
    ("It answered 410 Gone.", "对方返回 410 Gone。"),
    ("Invoice {number}", "账单 {number}"),
    (
        "Profit share for {month}: {fee} USDT. The statement shows every trade.",
        "{month}利润分成：{fee} USDT。对账单列出每笔交易。",
    ),
    ("Withdrawal approved", "提现已批准"),
    ("It will be paid to your wallet.", "将支付到你的钱包。"),
    ("Withdrawal rejected", "提现被拒绝"),
    ("Withdrawal could not be paid", "提现支付失败"),
    ("The whole amount is back in your rewards. Reason: {reason}", "全部金额已退回你的奖励余额。原因：{reason}"),
    ("Withdrawal paid", "提现已支付"),
    ("{actual} USDT were sent. Transaction {hash}", "已发送 {actual} USDT。交易哈希 {hash}"),
    ("A test of this channel", "渠道测试"),
    ("If you can read this, messages reach you here.", "看到这条消息，说明此渠道可以收到通知。"),
    ("{n} messages", "{n} 条消息"),
    ("Test alert", "测试告警"),
    ("Nothing is wrong: somebody tries out whether alerts arrive.", "一切正常：有人在测试告警能否送达。"),
    # why an order is where it is
    ("waiting for the exchange to list all trades", "等待交易所列出全部成交"),
    ("no clear answer", "没有明确答复"),
    ("the emergency close did not answer clearly", "紧急平仓没有得到明确答复"),
    ("a closing trade without a position", "没有对应持仓的平仓成交"),
    ("resting on the exchange", "挂在交易所"),
    ("protective stop resting on the exchange", "保护性止损挂在交易所"),
    ("asking for the protective stop", "正在设置保护性止损"),
    ("expired before it could be sent", "发送前已过期"),
    ("the process that sent it ended", "发送它的进程已结束"),
    ("whoever sent it did not say what came of it", "发送方没有回报结果"),
    ("found among the exchange's trades", "在交易所成交中找到"),
    ("rerouted: {why}", "改走其他线路：{why}"),
    ("waits: {why}", "等待：{why}"),
    ("trading is stopped for {whom}", "{whom}已停止交易"),
    # what the monitor checks
    ("no fill is booked twice", "没有重复入账的成交"),
    ("one client order id, one order", "一个客户端订单号只对应一张订单"),
    ("positions equal their fills", "持仓与成交一致"),
    ("closed positions are flat", "已平仓位数量为零"),
    ("ledger sums to zero", "总账合计为零"),
    ("balances equal their entries", "余额与分录一致"),
    ("no spendable balance is negative", "可用余额均不为负"),
    ("rewards equal pools", "奖励与利润池一致"), ("standings are what the accounts say", "团队业绩与账户一致"),
    ("reward balances come from rewards", "奖励余额均来自奖励"),
    ("points are conserved", "点数守恒"),
    ("each fill is settled once", "每笔成交只结算一次"),
    ("billing periods follow from their trades", "账期与其交易一致"),
    # the catalogue
    (
        "Trend, momentum, volume, range position and the higher timeframe in one score from 0 to 100.",
        "把趋势、动量、成交量、区间位置和更高周期合成一个 0 到 100 的评分。",
    ),
    (
        "Votes of ADX, band width and moving averages: trades with the trend, stands aside in ranges.",
        "由 ADX、布林带宽和均线投票：顺势交易，震荡时观望。",
    ),
)
_HOLE = re.compile(r"\{(\w+)\}")
_FIGURES = dict.fromkeys(("n", "quantity", "price", "pnl", "fee", "filled", "open", "actual"), r"[-+]?[\d.,E]+")
_KINDS = _FIGURES | {"symbol": r"\S+", "side": "LONG|SHORT"}


def _pattern(english: str) -> re.Pattern[str]:
    parts = _HOLE.split(english)
    made = [re.escape(part) if n % 2 == 0 else f"(?P<{part}>{_KINDS.get(part, '.+?')})" for n, part in enumerate(parts)]
    return re.compile("".join(made), re.DOTALL)


_ALL = (*_PHRASES, *ORDER_PHRASES, *REFUSALS)
_EXACT = {english: chinese for english, chinese in _ALL if "{" not in english}
# The longer the fixed words of a phrase, the surer it is meant: "{who}: {reason}" comes after all that begin with more.
_OPEN = sorted(
    ((_pattern(english), chinese, english) for english, chinese in _ALL if "{" in english), key=lambda one: -len(_HOLE.sub("", one[2]))
)
_SPEAKERS = {"The platform", "The merchant", "You"}


@lru_cache(maxsize=2000)
def in_chinese(text: str) -> str:
    """``text`` in Chinese; as it is when no phrase fits, and for what a person wrote."""
    if text in _EXACT:
        return _EXACT[text]
    said_as = _open_phrase(text)
    return text if said_as is None else _filled(said_as[1], said_as[0])


@lru_cache(maxsize=2000)
def phrase_of(text: str) -> str:
    """The phrase behind ``text``, its holes empty: "Opened {symbol} {side}". What fits no phrase is its own."""
    said_as = None if text in _EXACT else _open_phrase(text)
    return text if said_as is None else said_as[2]


def _open_phrase(text: str) -> tuple[re.Match[str], str, str] | None:
    for pattern, chinese, english in _OPEN:
        found = pattern.fullmatch(text)
        if found is not None and found.groupdict().get("who", "You") in _SPEAKERS:
            return found, chinese, english
    return None


def _filled(chinese: str, found: re.Match[str]) -> str:
    return _HOLE.sub(lambda hole: _held(found[hole[1]]), chinese)


def said(text: str, locale: str) -> str:
    """``text`` in the language of a reader with this locale ("zh", "zh-CN", "en", ...)."""
    return in_chinese(text) if locale.lower().startswith("zh") else text


def _held(value: str) -> str:
    """What stands in a hole: a word of ours, a month, another phrase, or somebody's own text."""
    if value in _WORDS:
        return _WORDS[value]
    if re.fullmatch(r"[A-Z][a-z]+ \d{4}", value):
        try:
            month = datetime.strptime(value, "%B %Y").replace(tzinfo=UTC)
        except ValueError:
            return value
        return f"{month.year} 年 {month.month} 月"
    return _EXACT.get(value) or next(
        (chinese.replace("{code}", found["code"]) for pattern, chinese, _ in _OPEN if (found := pattern.fullmatch(value)) and "code" in found.groupdict()),
        value,
    )
