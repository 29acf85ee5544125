#!/usr/bin/env python3
"""Hurts `braid run` beside a real three-node cluster, and agents and workers on Kafka, and judges what readers got.

    tests/faults/run.py [--long] [--seed N] [--keep DIR] [SCENARIO…]

One cluster serves all scenarios; each has its own keyspace, pipeline and state. The seed is printed: it fixes statements, kills
and pauses, though not the machine's timing. Exit 0 if everything held."""

import argparse
import contextlib
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "recorder"))

import install  # noqa: E402

if __name__ == "__main__" and not {"-h", "--help"} & set(sys.argv):
    install.use_driver()

from braid import Unexpected  # noqa: E402
from cluster import Cluster, Options  # noqa: E402


def run_all(names: list[str], arguments: argparse.Namespace, scratch: Path) -> list[str]:
    """The scenarios that failed."""
    from scenarios import SCENARIOS
    from scene import CDC_SPACE_MIB, Stage
    from session import Session

    failed = []
    options = Options(sync_ms=500, cdc_space_mib=CDC_SPACE_MIB)
    with Cluster(scratch / "cluster", options) as cluster:
        started = time.monotonic()
        cluster.start()
        print(f"three nodes up after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        with Session([node.address for node in cluster.nodes], cluster.ports.native) as session:
            session.await_up([node.address for node in cluster.nodes])
            stage = Stage(arguments.braid.resolve(), cluster, session, scratch, arguments.seed, arguments.long)
            for name in names:
                started = time.monotonic()
                try:
                    SCENARIOS[name](stage)
                    print(f"{name}: passed in {time.monotonic() - started:.0f} s", flush=True)
                except Unexpected as error:
                    failed.append(name)
                    print(f"{name}: FAILED after {time.monotonic() - started:.0f} s: {error}", flush=True)
                except Exception:
                    failed.append(name)
                    print(f"{name}: FAILED, the scenario itself: {traceback.format_exc()}", flush=True)
                for node in cluster.nodes:
                    if node.process is None:
                        cluster.start_node(node.number)
                session.await_up([node.address for node in cluster.nodes])
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--braid", type=Path, default=ROOT / "build" / "release" / "braid")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--long", action="store_true", help="300 kills instead of 20, and more of everything")
    parser.add_argument("--keep", type=Path, help="a directory for logs, streams and truths, which stays")
    arguments = parser.parse_args()

    from scenarios import SCENARIOS
    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}: there are {', '.join(SCENARIOS)}")
    names = arguments.scenarios or list(SCENARIOS)
    print(f"seed {arguments.seed}: {' '.join(names)}", flush=True)
    with contextlib.ExitStack() as stack:
        scratch = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="braid-faults-")))
        scratch.mkdir(parents=True, exist_ok=True)
        failed = run_all(names, arguments, scratch.resolve())
    if failed:
        how = f"tests/faults/run.py --seed {arguments.seed}{' --long' if arguments.long else ''} --keep DIR {' '.join(failed)}"
        print(f"failed: {', '.join(failed)}; to see it again: {how}")
    else:
        print(f"{len(names)} scenarios passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
