"""The tools: commands that write, compare and convert what a pipeline is declared in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

tools = typer.Typer()


class Record(StrEnum):
    """How an answer is written: for people or for programs."""

    TEXT = "text"
    JSON = "json"


@tools.command(name="compile")
def compile_stubs(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="YAML files or folders. Default: the Dags folder.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Where the stubs go. Default: beside their YAML.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a stub is out of date.")
    ] = False,
) -> None:
    """Write a small Dag file for each pipeline, for large installations."""
    from airflow_ml_provider.cli.compile import carry_out, planned, told
    from airflow_ml_provider.spec.catalog import dags_folder

    work = planned(paths or [dags_folder()], into)
    if not check:
        carry_out(work.compilation)
    for line in told(work, check=check):
        typer.echo(line)
    done = work.compilation
    hindered = work.idle or work.faults or done.taken or done.loaders
    raise typer.Exit(1 if hindered or (check and not done.up_to_date) else 0)


@tools.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the system.")],
    into: Annotated[
        Path | None, typer.Option(help="Where it goes. Default: the Dags folder.")
    ] = None,
) -> None:
    """Write a small system that runs: YAML, SQL, functions, a Dag file, sample data and tests."""
    from airflow_ml_provider.cli.new import create
    from airflow_ml_provider.spec.catalog import dags_folder

    for line in create(name, dags_folder(into)):
        typer.echo(line)


@tools.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A YAML file of dag-factory.")],
    into: Annotated[Path, typer.Option(help="Where our files go.")] = Path("converted"),
) -> None:
    """Rewrite a YAML file of dag-factory, as far as it maps; tell all that does not."""
    from airflow_ml_provider.cli.convert import told, write
    from airflow_ml_provider.spec.dagfactory.conversion import convert as converted

    conversion = converted(file)
    write(conversion, into)
    for line in told(conversion, into):
        typer.echo(line)


@tools.command()
def diff(
    old: Annotated[
        Path | None, typer.Argument(metavar="[A]", help="The old file or folder.")
    ] = None,
    new: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="The new one. With --against, only one.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="REF", help="Compare with a commit of git.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Count in the ledgers what is made again.")
    ] = False,
    output: Annotated[Record, typer.Option("--format", help="How it is written.")] = Record.TEXT,
) -> None:
    """Tell what a change does: to Dags, and to partitions, models and predictions."""
    from airflow_ml_provider.cli.diff import as_json, compared, sides, written

    both = sides(old, new, against)
    found = compared(*both)
    counts: dict[str, str] = {}
    if store:
        from airflow_ml_provider.cli.holdings import counted

        counts = counted(found)
    if output is Record.JSON:
        typer.echo(as_json(found, counts))
    else:
        from rich.console import Console

        Console(soft_wrap=True, highlight=False).print(written(found, counts))
    errors = [error for side in both for error in side.errors.values()]
    for error in errors:
        typer.echo(str(error), err=True)
    raise typer.Exit(1 if errors else 0)
