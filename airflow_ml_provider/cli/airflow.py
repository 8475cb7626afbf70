"""``airflow ml …``: the same commands inside Airflow's own command line."""

from __future__ import annotations

import argparse

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, lazy_load_command


def get_cli_commands() -> list[CLICommand]:
    """
    Return the command ``ml``, which hands every further word to ours.

    It is asked for at the start of every ``airflow`` command. A command a subcommand would let
    argparse take ``--help`` and every leading option for itself, so there is only this one.
    """
    words = Arg(("words",), nargs=argparse.REMAINDER, help="as for airflow-ml, such as lint dags")
    return [
        ActionCommand(
            name="ml",
            help="Feature, training and batch inference pipelines: lint, schema, run, why, status",
            func=lazy_load_command("airflow_ml_provider.cli.airflow.forward"),
            args=(words,),
        )
    ]


def forward(arguments: argparse.Namespace) -> None:
    """Hand the words to ``airflow-ml`` as they are."""
    from airflow_ml_provider.cli.app import main

    main(arguments.words or ["--help"], prog_name="airflow ml")
