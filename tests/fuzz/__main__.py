"""Coverage-guided fuzzing (libFuzzer, by atheris): `python -m tests.fuzz TARGET SECONDS FOLDER`.

Starts from the inputs in the folder and keeps there what it learns. Ends with status 0 if nothing
went wrong; otherwise the input that did it is in the folder, as crash-…, timeout-… or oom-….
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["agent", "dns"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """An input may take 10 seconds and 1 GB, and be as long as the longest DNS answer over TCP."""
    _, target, seconds, folder = sys.argv
    # The memory counted is at least what the process that started this one ever had.
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4096", "-max_len=65535"]
    arguments = [sys.argv[0], *limits, f"-artifact_prefix={folder}/", folder]
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
