"""`import`: copy state machines from AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import Endpoint

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.cli.importing.source import Source


def import_(
    from_aws: Annotated[str, typer.Option(metavar="PROFILE", help="Profile of the AWS config file to read with.")],
    region: Annotated[
        str | None, typer.Option(help="AWS region to copy from, and into; else the profile's.", show_default=False)
    ] = None,
    name_prefix: Annotated[str, typer.Option(help="Only what has a name that begins so.")] = "",
    keep_account: Annotated[
        bool, typer.Option("--keep-account", help="Keep the account in the ARNs; calls with its number as access key.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and copy nothing.")] = False,
    endpoint: Endpoint = None,
) -> None:
    """Copy state machines with versions, aliases and tags, and activities, from AWS. Nothing is changed there."""
    from services.cli.client import connect
    from services.cli.importing.source import Source

    source = Source(from_aws, region)
    found = list(source.machines(name_prefix))
    client = connect(endpoint, source.region)
    if dry_run:
        for item in found:
            print(f"would copy {item['stateMachineArn']}")
        for name, _ in source.activities(name_prefix):
            print(f"would copy activity {name}")
        return
    _copy(source, client, [item["stateMachineArn"] for item in found], name_prefix, keep_account)


def _copy(source: Source, client: Client, arns: list[str], name_prefix: str, keep_account: bool) -> None:
    """Copy one after the other; what fails is said, and the others go on. Exit code 1 if anything failed."""
    import sys
    from dataclasses import replace

    from services.cli.errors import CommandError, Unreachable
    from services.cli.importing.copying import Copying, Move
    from services.cli.resources import account_of

    if not arns:
        print("there is no state machine to copy")
    account = arns[0].split(":")[4] if arns else ""
    if keep_account and account:
        client.target = replace(client.target, access_key=account)
    target = account_of(client)
    place = f"arn:aws:states:{source.region}"
    source_prefix = ":".join(arns[0].split(":")[:5]) if arns else f"{place}:{target}"
    copying = Copying(
        client, Move(source_prefix, f"{place}:{target}"), lambda note: print(f"note: {note}", file=sys.stderr)
    )
    failed = 0
    for name, tags in source.activities(name_prefix):
        done = copying.activity(name, tags)
        print(f"{done.verb} {done.arn}")
    for arn in arns:
        try:
            for done in copying.machine(source.machine(arn)):
                print(f"{done.verb} {done.arn}")
        except Unreachable:
            raise
        except CommandError as error:
            failed += 1
            print(f"not copied {arn}: {error}", file=sys.stderr)
    if failed:
        raise SystemExit(1)
