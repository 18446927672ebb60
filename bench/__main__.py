"""`python -m bench NAME`: a measurement, on servers of its own, with a table and one line of JSON at the end.

`python -m bench all`: every one of them, one after the other; with `--quick` as small as they go, to see that
they run, and that docs/benchmarks.md tells what was saved.
"""

import argparse
import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

from bench.harness import machine
from bench.report import line
from bench.saved import SAVED

# Each with its smallest run.
NAMES = {
    "punctual": "--timers 30 --seconds 1 --rounds 1 --killed 0 --lead 5",
    "burst": "--bookings 200 --sockets 50 --rounds 1 --lead 5 --ways parkmate celery_eta",
    "armed": "--timers 100 --warm 0",
    "sockets": "--sockets 50 --frames 500 --rounds 1",
    "storm": "--sockets 50 --missed 3 --rounds 1",
    "book": "--clients 2 --seconds 1 --rounds 1",
    "grow": "--bookings 100 200 --rounds 1 --lead 5",
    "limits": "--bookings 100 --frames 500 --rounds 1",
    "pages": "--rounds 1",
}


def main() -> int:
    """Measure and print; 1 if what was measured broke a promise."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="keep the directory with the processes' logs")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the line of JSON there, too")
    by_name = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        module = importlib.import_module(f"bench.{name}")
        words = (module.__doc__ or "").strip()
        one = by_name.add_parser(
            name,
            help=words.partition("\n")[0],
            description=words,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(one)
        one.set_defaults(module=module)
    everything = by_name.add_parser("all", help="all of them, one after the other")
    everything.add_argument("--quick", action="store_true", help="as small as they go")
    options = parser.parse_args()
    if options.name == "all":
        return run_all(quick=options.quick)
    command = f"python -m bench {shlex.join(sys.argv[1:])}"
    with machine(keep=options.keep) as here:
        facts = here.facts()
        print(f"$ {command}\n{facts}\n", flush=True)
        result = options.module.measure(here, options)
    print(f"\n{options.module.report(result)}\n")
    said = line(options.name, {"command": command, "machine": facts, **result})
    print(said)
    if options.save:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(json.dumps(json.loads(said), indent=1) + "\n")
    return 1 if result.get("broken") else 0


def run_all(*, quick: bool) -> int:
    """Each in a process of its own, since it sets up Django for its own servers. 1 if any failed."""
    failed = []
    for name, smallest in NAMES.items():
        save = () if quick else ("--save", str(SAVED / f"{name}.json"))
        arguments = [*save, name, *(smallest.split() if quick else ())]
        if subprocess.run([sys.executable, "-m", "bench", *arguments]).returncode:
            failed.append(name)
    if quick and subprocess.run([sys.executable, "-m", "bench.document", "--check"]).returncode:
        failed.append("bench.document")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
