"""The ``ironbull`` command. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trade automatically for others: the platform's command.")
db_app = typer.Typer(no_args_is_help=True, help="The database schema.")
admin_app = typer.Typer(no_args_is_help=True, help="Platform admins.")
node_app = typer.Typer(help="An execution node.")
kill_app = typer.Typer(no_args_is_help=True, help="The kill switch: stop opening, or close everything.")
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger.")
app.add_typer(db_app, name="db")
app.add_typer(node_app, name="node")
app.add_typer(ledger_app, name="ledger")
app.add_typer(admin_app, name="admin")
app.add_typer(kill_app, name="kill")


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")


@app.command()
def run() -> None:
    """Everything in one process on one port, with the embedded defaults; a demo node beside it."""
    from backend.ending import leave
    from ironbull_app.run import main as run_main

    leave(run_main())


@app.command()
def worker(
    supervise: Annotated[int, typer.Option(min=0, max=64, help="Run so many workers as processes, and start them again when they die")] = 0,
) -> None:
    """The engine without pages. Several may run; one acts at a time."""
    from backend.ending import leave
    from backend.worker import main as worker_main

    leave(worker_main(supervise))


@node_app.callback(invoke_without_command=True)
def node(context: typer.Context) -> None:
    """An execution node. Needs IRONBULL_NODE_AUTH_SECRET, or the file of `join` in IRONBULL_NODE_CONFIG; no database."""
    if context.invoked_subcommand is None:
        from node_service.__main__ import main as node_main

        raise typer.Exit(node_main([]))


@node_app.command("join")
def node_join(
    url: Annotated[str, typer.Argument(help="Address of the centre")],
    token: Annotated[str, typer.Argument(help="One-time token of an admin")],
    public_url: Annotated[str, typer.Option(help="Where the centre reaches this node")],
    config: Annotated[Path, typer.Option(help="File to write, readable by you alone")] = Path("node.env"),
    port: Annotated[int, typer.Option(help="Port to listen on")] = 9101,
) -> None:
    """Register this machine as a node with a one-time token."""
    from node_service.__main__ import main as node_main

    raise typer.Exit(node_main(["join", url, token, "--public-url", public_url, "--config", str(config), "--port", str(port)]))


@node_app.command("doctor")
def node_doctor(
    exchange_url: Annotated[str, typer.Option(help="An open address of the exchange")] = "https://fapi.binance.com/fapi/v1/time",
) -> None:
    """Settings, permissions, clock, port, centre and exchange of the node on this machine, in words."""
    from node_service.__main__ import main as node_main

    raise typer.Exit(node_main(["doctor", "--exchange-url", exchange_url]))


@app.command("paper-exchange", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def paper_exchange(context: typer.Context) -> None:
    """The simulated exchange alone. Options as of ``python -m backend.paper_exchange --help``."""
    from backend.paper_exchange.__main__ import main as paper_main

    raise typer.Exit(paper_main(context.args))


@app.command("bundle-node")
def bundle_node(
    folder: Annotated[Path, typer.Argument(help="Where to write it")] = Path("dist/execution-node"),
    executable: Annotated[bool, typer.Option("--executable", help="Also one file that needs no Python (PyInstaller)")] = False,
) -> None:
    """A folder with all that an execution node needs, to be copied to its machine."""
    from ironbull_app.bundle import BundleFailed, bundle
    from ironbull_app.executable import build

    try:
        _out(f"The node is in {bundle(folder)}; its README.md says how to start it.")
        if executable:
            _out(f"The node as one file: {build(folder)}. It runs on systems with this one's C library or a newer one.")
    except BundleFailed as error:
        _out(str(error))
        raise typer.Exit(1) from error


@app.command()
def build() -> None:
    """Build the browser side (done by ``run`` when needed)."""
    from ironbull_app.web_build import ensure_build

    _out(f"The browser side is built in {ensure_build()}")


@app.command()
def doctor() -> None:
    """What is configured, what answers and what is wrong, in words."""
    from backend.monitoring.doctor import examine

    findings = examine()
    for finding in findings:
        _out(f"{finding.mark}  {finding.name}: {finding.text}")
    raise typer.Exit(1 if any(not finding.ok for finding in findings) else 0)


@app.command()
def monitor(
    interval: Annotated[float, typer.Option(min=0, max=3600, help="Seconds between rounds; 0 takes it from the settings")] = 0,
    services: Annotated[str, typer.Option(help="Checks or services to look at, comma separated; empty for all")] = "",
    rounds: Annotated[int, typer.Option(min=0, help="Stop after so many rounds; 0 goes on")] = 0,
) -> None:
    """Look at services, nodes, database, Redis, queues, jobs and books from outside, and tell the admins."""
    from backend.monitoring import daemon

    try:
        raise typer.Exit(daemon.main(interval, [name.strip() for name in services.split(",") if name.strip()], rounds))
    except daemon.UnknownService as error:
        _out(error.message)
        raise typer.Exit(2) from error


@app.command()
def secrets() -> None:
    """Print fresh secrets for a production environment."""
    import secrets as random

    for name in ("SESSION_KEY", "JWT_KEY", "MASTER_KEY", "NODE_SECRET"):
        _out(f"IRONBULL_{name}={random.token_hex(32)}")


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the current schema."""
    from backend.migrations import upgrade
    from backend.settings import get_settings

    settings = get_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sqlalchemy_url)
    _out("The database is at the current schema.")


@ledger_app.command("verify")
def ledger_verify() -> None:
    """Compute every link of the hash chain again, and the sums. Exit 1 when anything differs."""
    from backend import db
    from backend.ledger.queries import ALL_CHECKS
    from backend.ledger.seals import verify

    with db.reading() as session:
        found = verify(session)
        checks = [check(session) for check in ALL_CHECKS]
    _out(f"{found.transactions} transactions, {found.entries} entries, {found.unsealed} not yet in a chain")
    for head in found.heads:
        owner = f"tenant {head.chain}" if head.chain else "platform"
        _out(f"{owner}: link {head.number} {head.hash}")
    for problem in found.problems:
        _out(f"WRONG  {problem}")
    for one in checks:
        _out(f"{'ok   ' if one.ok else 'WRONG'}  {one.name}{': ' + one.difference if one.difference else ''}")
    raise typer.Exit(0 if found.ok and all(one.ok for one in checks) else 1)


@admin_app.command("create")
def admin_create(
    username: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Create a platform admin."""
    from backend import db
    from backend.errors import IronBullError
    from backend.identity.service import create_admin

    try:
        with db.transaction() as session:
            create_admin(session, username, password)
    except IronBullError as error:
        _out(error.message)
        raise typer.Exit(1) from error
    _out(f"Admin {username} was created.")


@kill_app.command("stop")
def kill_stop(
    scope: Annotated[str, typer.Argument(help="platform, tenant or account")],
    reason: Annotated[str, typer.Option(help="Kept with the stop")],
    number: Annotated[int, typer.Argument(help="Id of the tenant or the exchange account; 0 for the platform")] = 0,
    close: Annotated[bool, typer.Option("--close", help="Close everything that is open, too")] = False,
) -> None:
    """Stop trading now."""
    from backend import db
    from backend.errors import IronBullError
    from backend.risk import stops
    from backend.risk.switches import CLOSE, ENTRIES

    try:
        with db.transaction() as session:
            mode = CLOSE if close else ENTRIES
            row = stops.engage(session, stops.OPERATOR, scope, number, mode=mode, reason=reason)
            _out(f"Stop {row.id}: {scope} {row.scope_id}, {'everything is being closed' if close else 'nothing new is opened'}.")
    except IronBullError as error:
        _out(error.message)
        raise typer.Exit(1) from error


@kill_app.command("lift")
def kill_lift(number: int, reason: Annotated[str, typer.Option(help="Kept with the stop")]) -> None:
    """End a stop: trading goes on."""
    from backend import db
    from backend.errors import IronBullError
    from backend.risk import stops

    try:
        with db.transaction() as session:
            stops.lift(session, stops.OPERATOR, number, reason)
    except IronBullError as error:
        _out(error.message)
        raise typer.Exit(1) from error
    _out(f"Stop {number} is lifted.")


@kill_app.command("list")
def kill_list() -> None:
    """The stops that hold now."""
    from backend import db
    from backend.risk import stops

    with db.reading() as session:
        rows = stops.holding(session, stops.OPERATOR)
    for row in rows:
        _out(f"{row.id}  {row.scope} {row.scope_id}  {row.mode}  since {row.created_at:%Y-%m-%d %H:%M:%S} UTC by {row.actor}: {row.reason}")
    if not rows:
        _out("Nothing is stopped.")


@app.command()
def backtest(
    candles: Annotated[Path, typer.Argument(help="OHLCV file: parquet, feather or csv")],
    strategy: Annotated[str, typer.Option(help="Strategy code")] = "composite_score",
    symbols: Annotated[str, typer.Option(help="Comma separated, empty for all")] = "",
    params: Annotated[str, typer.Option(help="Strategy parameters as JSON")] = "{}",
) -> None:
    """Run a strategy over candles of a file and print its result as JSON."""
    from backend.backtest.service import run_file

    chosen = [name for name in symbols.split(",") if name]
    _out(json.dumps(run_file(candles, strategy, chosen, json.loads(params)), indent=2, default=str))


def main() -> None:
    """Entry point."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    app()


if __name__ == "__main__":
    main()
