# SPDX-License-Identifier: Apache-2.0
"""Ranks of NCCL communicators, joined: stand-ins of the libraries, and delays that the test itself makes and
times by the clock that the agent has (CLOCK_MONOTONIC)."""
import time

import pytest

from harness.processes import wait_until
from test_cuda_calls import Told, observed, until_probed

# Clocks of two calls, each within 1.1 us of its unit, and the page's digits.
ROUNDING = 0.00001


class Rank:
    """A process that makes communicators, and when it enqueued what."""

    def __init__(self, agent, page, fakes, directory, number):
        directory = directory / f"rank{number}"
        directory.mkdir()
        self.page = page
        self.program = Told(agent, directory, fakes / "cuda_calls")
        self.tell = self.program.tell
        self.pid = str(self.program.process.pid)
        until_probed(agent, page, self.program)

    def enqueue(self, communicator=0, times=1):
        """Bounds of the time of the call."""
        before = time.monotonic()
        self.tell(f"collective {communicator} 7 {times}")
        return before, time.monotonic()

    def figure(self, name, communicator=0):
        """None: no series."""
        rows = self.page.rows(name, process_pid=self.pid, communicator=str(communicator))
        assert len(rows) <= 1, rows
        return next(iter(rows.values()), None)


def between(later, earlier):
    """Least and most time from one call to the other, by their bounds."""
    return max(0, later[0] - earlier[1]) - ROUNDING, later[1] - earlier[0] + ROUNDING


@pytest.fixture
def three(tacit, fakes, tmp_path):
    agent, page = observed(tacit)
    ranks = [Rank(agent, page, fakes, tmp_path, number) for number in range(3)]
    yield page, ranks
    for rank in ranks:
        rank.program.end()
    agent.finish()


def test_the_rank_that_hangs_and_the_ranks_that_wait(three):
    page, ranks = three
    for number, (rank, call) in enumerate(zip(ranks, ("join", "join_config", "join_scalable"))):
        rank.tell(f"{call} 3 4711 {number}")
    page.read()
    for number, rank in enumerate(ranks):
        assert page.total("nccl_communicator_ranks", process_pid=rank.pid, communicator="0",
                          rank=str(number)) == 3
        assert rank.figure("nccl_communicator_observed_ranks") == 3
        assert rank.figure("nccl_operations_behind") == 0
        assert rank.figure("nccl_lag_seconds") == 0
    # Rank 2 does nothing: it lags from the first operation on.
    first = ranks[0].enqueue()
    ranks[0].enqueue(times=9)
    ranks[1].enqueue(times=4)
    before = time.monotonic()
    page.read()
    after = time.monotonic()
    assert [rank.figure("nccl_operations_behind") for rank in ranks] == [0, 6, 10]
    least, most = between((before, after), first)
    assert least <= ranks[2].figure("nccl_lag_seconds") <= most
    assert 0 < ranks[1].figure("nccl_lag_seconds") < most
    assert ranks[0].figure("nccl_lag_seconds") == 0
    assert [rank.figure("nccl_compared_operations_total") for rank in ranks] == [0, 0, 0]
    time.sleep(0.6)  # some more readings: nothing of it is lost
    assert page.read() and ranks[2].figure("nccl_lag_seconds") >= least + 0.6
    ranks[1].enqueue(times=6)
    ranks[2].enqueue(times=10)
    page.read()
    assert [rank.figure("nccl_operations_behind") for rank in ranks] == [0, 0, 0]
    assert [rank.figure("nccl_lag_seconds") for rank in ranks] == [0, 0, 0]
    assert [rank.figure("nccl_compared_operations_total") for rank in ranks] == [10, 10, 10]
    assert [rank.figure("nccl_unmatched_operations_total") for rank in ranks] == [0, 0, 0]
    assert page.total("tacit_events_dropped_total") == 0


def test_seconds_are_those_between_the_calls(three):
    page, ranks = three
    for number, rank in enumerate(ranks):
        rank.tell(f"join 3 1 {number}")
    late = [(0, 0)] * 3  # least and most by rank
    stall = [(0, 0)] * 3

    def add(sums, number, bounds):
        sums[number] = tuple(map(sum, zip(sums[number], bounds)))

    for order, delay in (((0, 1, 2), 0.1), ((2, 0, 1), 0.05), ((0, 1, 2), 0.2)):
        calls = {}
        for position, number in enumerate(order):
            if position == 2:
                time.sleep(delay)
            calls[number] = ranks[number].enqueue()
        for number in order[1:]:
            add(late, number, between(calls[number], calls[order[0]]))
        for number in order[:2]:
            add(stall, number, between(calls[order[2]], calls[number]))
    # Send and receive are no operations of all ranks, and change nothing.
    ranks[1].tell("all_to_one 0 5")
    page.read()
    for number, rank in enumerate(ranks):
        assert rank.figure("nccl_compared_operations_total") == 3
        assert rank.figure("nccl_operations_behind") == 0
        assert late[number][0] <= rank.figure("nccl_late_seconds_total") <= late[number][1]
        assert stall[number][0] <= rank.figure("nccl_stall_seconds_total") <= stall[number][1]
    assert ranks[0].figure("nccl_stall_seconds_total") > 0.3
    assert ranks[2].figure("nccl_late_seconds_total") > 0.3
    assert page.total("nccl_operations_total", operation="ncclSend") == 5


def test_groups_and_their_parts(three):
    """Two communicators of all, and parts of one: by colour, and by which split it is."""
    page, ranks = three
    for number, rank in enumerate(ranks):
        rank.tell(f"join 3 1 {number}")  # communicator 0
        rank.tell(f"join 3 2 {number}")  # 1
        rank.tell(f"split 0 {0 if number < 2 else 1}")  # 2: ranks 0 and 1; rank 2 alone
        rank.tell("split 1 0")  # 3: all
    ranks[0].enqueue(1, 5)
    ranks[0].enqueue(2, 3)
    ranks[1].enqueue(2, 1)
    ranks[2].enqueue(2, 50)
    ranks[2].enqueue(3, 2)
    page.read()
    assert [[rank.figure("nccl_operations_behind", one) for rank in ranks] for one in range(4)] == [
        [0, 0, 0], [0, 5, 5], [0, 2, None], [2, 2, 0]]
    assert [rank.figure("nccl_communicator_observed_ranks", 2) for rank in ranks] == [2, 2, 1]
    assert ranks[2].figure("nccl_lag_seconds", 2) is None
    assert ranks[2].figure("nccl_unmatched_operations_total", 2) is None
    assert len(page.rows("nccl_communicator_ranks", communicator="2")) == 0  # nobody said


def test_ends_and_new_beginnings(three):
    """A communicator that is destroyed is forgotten; another at its place begins at 0."""
    page, ranks = three
    for number, rank in enumerate(ranks):
        rank.tell(f"join 3 1 {number}")
    ranks[0].enqueue(0, 7)
    page.read()
    assert ranks[2].figure("nccl_operations_behind") == 7
    for rank, call in zip(ranks, ("abort", "destroy", "destroy")):
        rank.tell(f"{call} 0")
    page.read().read()
    assert page.rows("nccl_operations_behind") == {}
    for number, rank in enumerate(ranks):
        rank.tell(f"join 3 2 {number}")  # the same handles
    ranks[1].enqueue(1, 2)
    page.read()
    assert [rank.figure("nccl_operations_behind", 1) for rank in ranks] == [2, 0, 2]
    assert page.total("nccl_operations_total", communicator="1") == 2
    assert page.total("nccl_operations_total", communicator="0") == 7
    # A rank that ends leaves the others, and their figures are theirs.
    ranks.pop().program.end()
    wait_until(lambda: page.read() and ranks[0].figure("nccl_communicator_observed_ranks", 1) == 2,
               "the rank to be gone")
    assert ranks[0].figure("nccl_operations_behind", 1) == 2
    # What failed on one rank was not enqueued there: its count says nothing any more.
    ranks[0].tell("fail 700")
    ranks[0].tell("collective 1 7 1", "1")
    page.read()
    assert [rank.figure("nccl_operations_behind", 1) for rank in ranks] == [None, None]


def test_more_than_can_be_read_in_time_is_counted(three):
    page, ranks = three
    for number, rank in enumerate(ranks):
        rank.tell(f"join 3 1 {number}")
    for rank in ranks:
        rank.enqueue(0, 3000)
    page.read()
    for rank in ranks:
        assert rank.figure("nccl_operations_behind") == 0
        assert rank.figure("nccl_compared_operations_total") + rank.figure(
            "nccl_unmatched_operations_total") == 3000
        assert rank.figure("nccl_compared_operations_total") >= 500
        assert rank.figure("nccl_unmatched_operations_total") >= 1000
