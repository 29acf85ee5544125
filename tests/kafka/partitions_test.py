#!/usr/bin/env python3
"""Agents and workers that are cut off from the brokers, one way or both, and come back: nothing is lost, nothing comes twice.

Environment: see streams_case.py."""

import random
import time
import unittest

from broker import Options
from network import Way
from pipeline import KafkaPipeline, bring, in_pieces
from streams_case import QUICK, SESSION_SECONDS, StreamsCase

from braid import Braid

WORKERS = 4
DOORS = ("agent-n1", "agent-n2", "agent-n3", *(f"worker-{n}" for n in range(WORKERS)))
TRANSACTION_SECONDS = 30   # after so long the brokers end one of which they hear no more


class PartitionsTest(StreamsCase):
    def setUp(self) -> None:
        super().setUp()
        self.start_brokers(Options(doors=DOORS))

    def test_a_worker_that_was_cut_off_commits_nothing(self) -> None:
        """The group gives its shards to another while it is in the middle of a transaction and hears of nothing."""
        pipeline = self.pipeline(kafka={"commit_interval": "30ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        first, second = (pipeline.add_worker() for _ in range(2))
        # The one in its first transaction, before it has read anything; the other in the midst of its work.
        for cut_off, other, way, load in ((first, second, Way.BOTH, 0), (second, first, Way.TO_CLIENT, len(pieces) // 4)):
            for worker in (cut_off, other):
                self.await_that(lambda: len(_shards(worker)) == pipeline.shards // 2, "each has half of the shards")
            bring(pieces, load)
            time.sleep(0.3 if load else 0)
            self.brokers.network.cut(cut_off.home.name, way)
            bring(pieces, len(pieces) // 2)
            self.await_that(lambda: len(_shards(other)) == pipeline.shards, "the other has all shards", TRANSACTION_SECONDS + 30)
            time.sleep(2)
            self.brokers.network.heal(cut_off.home.name)
        bring(pieces, len(pieces))
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def test_storm_of_networks(self) -> None:
        """Workers and agents are cut off, for less and for longer than the group and the brokers wait for them, while others go on;
        workers go from two to four to one, and some of them die."""
        dice = self.dice()
        pipeline = self.pipeline(kafka={"commit_interval": "30ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        storm = _Storm(self, pipeline, dice)
        deeds = storm.deeds()
        each = -(-len(pieces) // len(deeds))
        for deed in deeds:
            bring(pieces, each)
            deed()
            storm.go_on(dice.uniform(0.2, 2.5))
        storm.go_on(storm.until_healed())
        self.say(", ".join(storm.done))
        for worker in pipeline.workers:
            if worker.process is None:
                worker.start()
        pipeline.await_sent(90)
        pipeline.await_taken_in(120)
        self.judge(pipeline)


class _Storm:
    def __init__(self, case: PartitionsTest, pipeline: KafkaPipeline, dice: random.Random):
        self.case, self.pipeline, self.dice, self.network = case, pipeline, dice, case.brokers.network
        self.since = time.monotonic()
        self.cuts: dict[str, float] = {}   # when each is to be healed
        self.done: list[str] = []

    def deeds(self):
        """What is done, one after another, though cuts overlap: every kind is among it, in some order."""
        short, session = (0.5, 4), (SESSION_SECONDS + 1, 15)
        kinds = [lambda: self.cut("worker", Way.BOTH, session), lambda: self.cut("worker", Way.TO_CLIENT, session),
                 lambda: self.cut("worker", Way.TO_BROKER, session), lambda: self.cut("worker", Way.BOTH, short),
                 lambda: self.cut("worker", Way.TO_CLIENT, short), lambda: self.cut("agent", Way.BOTH, session),
                 lambda: self.cut("agent", Way.TO_CLIENT, session), lambda: self.cut("agent", Way.TO_BROKER, short),
                 self.reset_all, self.kill_worker, self.kill_worker, self.kill_agent]
        self.dice.shuffle(kinds)
        middle = len(kinds) // 2
        longest = (TRANSACTION_SECONDS + 2, TRANSACTION_SECONDS + 4)
        way = self.dice.choice((Way.BOTH, Way.TO_CLIENT))
        return [lambda: self.cut("worker", way, longest), self.more_workers, *kinds[:middle], self.more_workers, *kinds[middle:],
                self.fewer_workers, self.fewer_workers]

    def go_on(self, seconds: float) -> None:
        """Waits, and heals meanwhile what is due."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for door in [door for door, due in self.cuts.items() if due <= now]:
                del self.cuts[door]
                lose = self.dice.random() < 0.5
                self.network.heal(door, lose=lose)
                self.tell(f"heal {door}{', what was on its way is lost' if lose else ''}")
            self.pipeline.must_run()
            time.sleep(0.05)

    def until_healed(self) -> float:
        return max([0.1, *(due - time.monotonic() + 0.2 for due in self.cuts.values())])

    def cut(self, kind: str, way: Way, seconds: tuple[float, float]) -> None:
        """One of a kind; the last that can be reached stays so."""
        some = self.workers() if kind == "worker" else list(self.pipeline.agents.values())
        reached = [one.home.name for one in some if one.home.name not in self.cuts]
        if len(reached) < 2:
            return
        door, wait = self.dice.choice(reached), self.dice.uniform(*seconds)
        self.network.cut(door, way)
        self.cuts[door] = time.monotonic() + wait
        self.tell(f"cut {door} {way.name} for {wait:.1f} s")

    def reset_all(self) -> None:
        self.tell("reset all")
        for door in self.network.doors:
            self.network.reset(door)

    def kill_worker(self) -> None:
        """It comes back, through its cut if it has one."""
        worker = self.dice.choice(self.workers())
        self.tell(f"kill {worker.home.name}")
        worker.kill()
        worker.start()

    def kill_agent(self) -> None:
        agent = self.dice.choice(list(self.pipeline.agents.values()))
        self.tell(f"kill {agent.home.name}")
        agent.kill()
        agent.start()

    def more_workers(self) -> None:
        self.tell("one worker more")
        self.pipeline.add_worker()

    def fewer_workers(self) -> None:
        """Those that can be reached say good-bye."""
        for worker in self.workers()[1:]:
            if worker.home.name not in self.cuts:
                self.tell(f"stop {worker.home.name}")
                self.case.await_alive(worker)
                worker.stop()

    def workers(self) -> list[Braid]:
        return [worker for worker in self.pipeline.workers if worker.process is not None]

    def tell(self, what: str) -> None:
        self.done.append(f"{time.monotonic() - self.since:.1f} {what}")


def _shards(worker: Braid) -> list[dict]:
    """Those that it runs, as far as it knows."""
    worker.must_run()
    return [each for each in worker.status().get("inlets", []) if each["restored"]]


if __name__ == "__main__":
    unittest.main()
