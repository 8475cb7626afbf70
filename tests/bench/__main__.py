"""The benchmarks: one table of what we take beside a floor or a peer, measured in one run."""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import sys
import time
import traceback

from tests.bench.figure import Figure, table
from tests.bench.run import BENCHES, ON_REQUEST, in_fresh_process, measured


def main() -> int:
    """Run the benchmarks one after the other; 1 when one of them broke, whatever the figures."""
    arguments = _arguments()
    began = time.monotonic()
    figures: list[Figure] = []
    notes: dict[str, str] = {}
    broken: list[str] = []
    for name in arguments.only or BENCHES:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            found, noted = in_fresh_process(measured, name, quick=arguments.quick)
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        figures += found
        notes |= noted
    print(table(figures, notes))
    print(_ending(figures, broken, time.monotonic() - began))
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: a test of the benches")
    parser.add_argument("only", nargs="*", metavar="BENCH", help=_choices())
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.only) - {*BENCHES, *ON_REQUEST})
    if unknown:
        parser.error(
            f"no benchmark {', '.join(unknown)}; there are {', '.join((*BENCHES, *ON_REQUEST))}"
        )
    return arguments


def _choices() -> str:
    return f"of {', '.join(BENCHES)}; on request: {', '.join(ON_REQUEST)}"


def _ending(figures: list[Figure], broken: list[str], seconds: float) -> str:
    verdicts = [figure.verdict for figure in figures]
    said = f"{verdicts.count('PASS')} targets held, {verdicts.count('MISS')} missed"
    if broken:
        said += f"; BROKEN: {', '.join(broken)}"
    machine = f"{multiprocessing.cpu_count()} cores, Python {platform.python_version()}"
    return f"\n{said} ({seconds:.0f} s, {machine})"


if __name__ == "__main__":
    sys.exit(main())
