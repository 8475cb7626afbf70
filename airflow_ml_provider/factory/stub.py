"""A stub: what the Dag files of ``airflow-ml compile`` ask before they trust what they hold."""

from __future__ import annotations

import hashlib
from os.path import normpath, relpath
from pathlib import Path

from airflow_ml_provider import __version__

# Nothing of the spec is imported here: a task that starts from a stub does without it, and that is
# most of what it saves. A test holds this name against the spec's.
DEFAULTS = "defaults.yaml"


def is_current(stub: str, digest: str, *files: str) -> bool:
    """Return whether ``files``, named from the folder of ``stub``, are what it was compiled from."""
    try:
        return digest_of(Path(stub).parent, files) == digest
    except OSError:  # reading the YAML instead tells what is wrong
        return False


def digest_of(folder: Path, files: tuple[str, ...]) -> str:
    """
    Return a hash of the files, of every ``defaults.yaml`` above the first, and of our version.

    A newer version may make other Dags of the same words.

    :raises OSError: when a file cannot be read.
    """
    paths = [Path(normpath(folder.absolute() / file)) for file in files]
    beside = paths[0].parent
    above = [found for each in paths[0].parents if (found := each / DEFAULTS).is_file()]
    hashed = hashlib.sha256(__version__.encode())
    for path in (*paths, *above):
        content = path.read_bytes()
        hashed.update(f"\0{relpath(path, beside)}\0{len(content)}\0".encode())
        hashed.update(content)
    return hashed.hexdigest()[:16]
