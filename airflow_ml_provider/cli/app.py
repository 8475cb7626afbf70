"""The commands: what can be asked from a shell. Each imports what it needs when it is called."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from airflow_ml_provider import __version__
from airflow_ml_provider.cli.tools import tools
from airflow_ml_provider.demo.premises import DemoStore
from airflow_ml_provider.domain.errors import MLProviderError

app = typer.Typer(
    name="airflow-ml",
    help="Feature, training and batch inference pipelines on Apache Airflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[
    str, typer.Argument(metavar="SYSTEM.NAME", help="A pipeline, as its Dag is named.")
]
Dags = Annotated[
    Path | None,
    typer.Option(help="Where the YAML files are. Default: Airflow's Dags folder, else ./dags."),
]
Profile = Annotated[
    str | None,
    typer.Option(help="The profile of the systems. Default: the option of section [airflow_ml]."),
]
Key = Annotated[str, typer.Option("--partition", help="A partition key, such as 2013-01-05.")]
AnyKey = Annotated[str | None, typer.Option("--partition", help="Only this partition.")]


class Format(StrEnum):
    """How faults are written: for people, for programs, for GitHub's annotations."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def main(words: Sequence[str] | None = None, prog_name: str = "airflow-ml") -> None:
    """
    Run the command that ``words`` say, those of the shell by default.

    A mistake in what the user asks for is one message and exit code 1, not a stack trace. An error
    in the user's own functions is told with the part of the stack trace that is theirs.
    """
    try:
        app(words, prog_name=prog_name)
    except MLProviderError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except Exception as error:
        from airflow_ml_provider.cli.blame import in_user_code

        trace = in_user_code(error)
        if trace is None:
            raise
        typer.echo(trace, err=True)
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"airflow-ml-provider {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Feature, training and batch inference pipelines on Apache Airflow."""


@app.command()
def lint(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="YAML files or folders. Default: the Dags folder.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="How faults are written.")
    ] = Format.TEXT,
    profile: Annotated[
        str | None, typer.Option(help="Only this profile. Default: each of them, and none.")
    ] = None,
    airflow: Annotated[
        bool, typer.Option("--airflow", help="Ask Airflow for Variables and connections.")
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Look into the stores for tables and columns.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning is a fault.")] = False,
) -> None:
    """Check YAML files, their SQL and their functions; tell all faults of all files."""
    from airflow_ml_provider.cli.lint import scope, written
    from airflow_ml_provider.lint.review import reviewed
    from airflow_ml_provider.spec.catalog import dags_folder, files_in

    files = files_in(paths or [dags_folder()])
    faults = reviewed(files, scope(profile, airflow=airflow, store=store))
    if text := written(faults, len(files), output.value):
        typer.echo(text)
    grave = any(strict or not fault.warning for fault in faults)
    raise typer.Exit(1 if grave or not files else 0)


@app.command()
def schema(
    page: Annotated[bool, typer.Option("--page", help="A page for people instead.")] = False,
) -> None:
    """Print the JSON Schema of the YAML, for editors."""
    if page:
        from airflow_ml_provider.spec.reference import reference

        typer.echo(reference(), nl=False)
        return
    from airflow_ml_provider.spec import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def run(
    name: Name,
    partition: Key,
    dags: Dags = None,
    profile: Profile = None,
    unready: Annotated[
        bool, typer.Option("--unready", help="Compute even where data is still awaited.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Agree to a promotion that asks for a person.")
    ] = False,
) -> None:
    """Compute one partition in this process: the steps of the Dag, without a scheduler."""
    from airflow_ml_provider.cli.run import run_partition
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec.catalog import catalog

    entry = catalog(dags, airflows_world(profile)).find(name)
    for line in run_partition(entry, partition, unready=unready, approved=approve):
        typer.echo(line)


@app.command()
def prove(
    name: Name,
    partition: Key,
    dags: Dags = None,
    profile: Profile = None,
    into: Annotated[
        str, typer.Option(metavar="SCHEMA", help="The scratch schema. Its tables are dropped.")
    ] = "ml_proof",
) -> None:
    """Prove that a partition may be run again: reruns, kills and races must leave the same."""
    from datetime import UTC, datetime

    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.proof import report
    from airflow_ml_provider.proof.laboratory import prove as proven
    from airflow_ml_provider.spec.catalog import catalog

    entry = catalog(dags, airflows_world(profile)).find(name)
    typer.echo(f"{name} {partition}, in scratch schema {into}\n{report.head()}")
    done = proven(
        entry.pipeline,
        partition,
        entry.folder,
        datetime.now(UTC),
        store=entry.store,
        registry=entry.registry,
        into=into,
        tell=lambda outcome: typer.echo("\n".join(report.row(outcome))),
    )
    typer.echo(report.verdict(done))
    raise typer.Exit(0 if done.proven else 1)


@app.command()
def why(name: Name, partition: AnyKey = None, dags: Dags = None, profile: Profile = None) -> None:
    """Tell what the ledger knows: what was made from what, when, and why not."""
    from airflow_ml_provider.cli.why import explained
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec.catalog import catalog

    for line in explained(catalog(dags, airflows_world(profile)).find(name), partition):
        typer.echo(line)


@app.command()
def status(
    system: Annotated[str | None, typer.Argument(help="Only this system.")] = None,
    dags: Dags = None,
    profile: Profile = None,
) -> None:
    """List every pipeline: partitions, rows, champion, last verdict, failures."""
    from rich.console import Console

    from airflow_ml_provider.cli.status import table
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec.catalog import catalog

    found = catalog(dags, airflows_world(profile))
    entries = [entry for entry in found.entries if system in (None, entry.system)]
    if entries:
        Console().print(table(entries))
    else:
        typer.echo(
            f"There is no pipeline in {found.folder}" + (f" of {system}." if system else ".")
        )
    for error in found.errors:
        typer.echo(str(error), err=True)
    raise typer.Exit(1 if found.errors or not entries else 0)


@app.command()
def render(
    name: Name,
    dags: Dags = None,
    profile: Profile = None,
    python: Annotated[
        bool, typer.Option("--python", help="A Dag file that needs no YAML.")
    ] = False,
) -> None:
    """Draw the Dag of a pipeline, or write it as Python."""
    from airflow_ml_provider.factory import rendering
    from airflow_ml_provider.factory.build import build_dags
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec import load as read
    from airflow_ml_provider.spec.catalog import catalog

    world = airflows_world(profile)
    entry = catalog(dags, world).find(name)
    [dag] = build_dags(read(entry.file, world), only=name)
    told = rendering.python(dag, entry.pipeline) if python else rendering.drawing(dag)
    typer.echo(told, nl=False)


@app.command()
def gc(
    keep: Annotated[
        str, typer.Option(help="How long the ledger remembers what has been superseded.")
    ] = "90d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    dags: Dags = None,
    profile: Profile = None,
) -> None:
    """Delete what nobody needs any more from every store: old records, what dead tasks left."""
    from airflow_ml_provider.cli.gc import cleaned
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec.catalog import catalog

    failed = False
    for outcome in cleaned(catalog(dags, airflows_world(profile)), keep, dry_run=dry_run):
        typer.echo(outcome.said)
        failed |= outcome.failed
    raise typer.Exit(1 if failed else 0)


@app.command()
def doctor(dags: Dags = None, profile: Profile = None) -> None:
    """Examine this installation: entry points, extras, stores, registries, clocks, settings."""
    from airflow_ml_provider.cli.doctor import examined
    from airflow_ml_provider.cli.finding import State
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec.catalog import catalog

    ill = 0
    for finding in examined(catalog(dags, airflows_world(profile))):
        typer.echo(str(finding))
        ill += finding.state is State.ILL
    typer.echo("All is well." if not ill else f"{ill} of these must be cured.")
    raise typer.Exit(1 if ill else 0)


app.add_typer(tools)

demo = typer.Typer(
    help="Play two weeks of real flights through a real Airflow on this machine.",
    invoke_without_command=True,
)
app.add_typer(demo, name="demo")


@demo.callback()
def play(
    context: typer.Context,
    ui: Annotated[bool, typer.Option("--ui", help="Keep Airflow up afterwards.")] = False,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days are played.")] = 16,
    home: Annotated[Path, typer.Option(help="Where the demo lives.")] = Path(".demo"),
    store: Annotated[
        DemoStore, typer.Option(help="What it keeps its tables in: DuckDB, or Delta in a folder.")
    ] = DemoStore.DUCKDB,
) -> None:
    """Play two weeks of real flights through a real Airflow on this machine."""
    if context.invoked_subcommand is None:
        from airflow_ml_provider.demo.show import run as show

        show(ui=ui, days=days, home=home, store=store)


@demo.command()
def load(
    store: Annotated[str | None, typer.Option(help="The connection id of the store.")] = None,
) -> None:
    """Write the demo's raw records into a store."""
    from airflow_ml_provider.demo.show import load as load_raw

    for name, rows in load_raw(store).items():
        typer.echo(f"{name}  {rows:,} rows")
