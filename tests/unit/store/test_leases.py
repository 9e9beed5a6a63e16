from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.adapters.store import processes
from fleet.adapters.store.sqlite import SqlStore
from fleet.bootstrap.clock import SystemClock
from fleet.errors import ConflictError, FleetError
from fleet.local_key import load_key
from fleet.model.names import Target
from tests.unit.store.conftest import TARGET, SteppedClock, state

Open = Callable[[], SqlStore]


def test_a_held_lease_says_who_and_since_when(open_store: Open) -> None:
    second = open_store().lease(TARGET, "bob@host")
    with open_store().lease(TARGET, "ada@host"), pytest.raises(ConflictError) as caught, second:
        pass
    assert caught.value.message == "`bookinfo/prod/prod-eu` is being changed by `ada@host` (since 2026-03-01 12:00 UTC)"


def test_leases_of_different_targets_do_not_meet(store: SqlStore) -> None:
    with store.lease(TARGET, "a"), store.lease(Target("other", "prod", "prod-eu"), "a"):
        pass


def test_fences_grow_with_every_grant_even_over_a_deleted_store(open_store: Open, tmp_path: Path) -> None:
    fences = []
    clock = SteppedClock()
    for _ in range(3):
        with open_store().lease(TARGET, "a") as lease:
            fences.append(lease.fence)
    for path in (tmp_path / ".fleet").iterdir():
        path.unlink()
    clock.step(60)
    later = SqlStore(tmp_path / ".fleet" / "fleet.db", clock)
    with later.lease(TARGET, "a") as lease:
        fences.append(lease.fence)
    later.close()
    assert fences == sorted(set(fences))


def test_a_lease_is_given_back_when_the_work_fails(store: SqlStore) -> None:
    with pytest.raises(RuntimeError), store.lease(TARGET, "a"):
        raise RuntimeError
    with store.lease(TARGET, "b"):
        pass


def test_an_old_lease_may_be_taken_over_and_its_holder_writes_nothing_more(
    open_store: Open, clock: SteppedClock
) -> None:
    paused, eager = open_store(), open_store()
    with paused.lease(TARGET, "paused") as old:
        clock.step(61)
        with eager.lease(TARGET, "eager") as new:
            assert new.fence > old.fence
            with pytest.raises(ConflictError, match="was lost"):
                paused.record(state(fence=old.fence))
            eager.record(state(fence=new.fence, digest="new"))
            paused._leases._renew(old, clock.monotonic())
            assert old.lost.is_set()
            assert not new.lost.is_set()
    assert eager.digests() == {TARGET: "new"}


def test_setting_the_wall_clock_ends_no_lease(open_store: Open, clock: SteppedClock) -> None:
    with open_store().lease(TARGET, "a"):
        for jump in (timedelta(days=1), timedelta(days=-2)):
            clock.wall += jump
            with pytest.raises(ConflictError), open_store().lease(TARGET, "b"):
                pass


def test_a_lease_of_an_earlier_boot_is_free(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    lease = store.lease(TARGET, "a")
    lease.__enter__()
    with sqlite3.connect(tmp_path / ".fleet" / "fleet.db") as connection:
        connection.execute("UPDATE leases SET boot = 'earlier'")
    connection.close()
    with open_store().lease(TARGET, "b"):
        pass
    lease.__exit__(None, None, None)


def test_a_lease_is_renewed_in_the_background(tmp_path: Path) -> None:
    first = SqlStore(tmp_path / "fleet.db", SystemClock(), lease_seconds=2)
    second = SqlStore(tmp_path / "fleet.db", SystemClock(), lease_seconds=2)
    with first.lease(TARGET, "a") as lease:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            with pytest.raises(ConflictError), second.lease(TARGET, "b"):
                pass
            lease.lost.wait(0.05)
        assert not lease.lost.is_set()
    first.close()
    second.close()


def test_a_lease_that_cannot_be_renewed_is_lost_before_others_may_take_it(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "fleet.db", SystemClock(), lease_seconds=6)
    blocker = sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)
    with store.lease(TARGET, "a") as lease:
        store._database.close()
        (tmp_path / "fleet.db").chmod(0o600)
        # Nobody can open the file any more: every renewal fails.
        for path in tmp_path.iterdir():
            path.rename(path.with_suffix(".away"))
        (tmp_path / "fleet.db").mkdir()
        started = time.monotonic()
        assert lease.lost.wait(30)
        assert time.monotonic() - started < 6
    blocker.close()
    store.close()


def test_closing_the_store_ends_its_leases(open_store: Open) -> None:
    store = open_store()
    with store.lease(TARGET, "a") as lease:
        store.close()
        assert lease.lost.is_set()


def test_no_thread_is_left_behind(store: SqlStore) -> None:
    with store.lease(TARGET, "a"):
        assert any(t.name == "fleet-leases" for t in threading.enumerate())
    until = time.monotonic() + 60
    while any(t.name == "fleet-leases" for t in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)


_HOLDER = """
import sys, time
from pathlib import Path
from fleet.adapters.store.sqlite import SqlStore
from fleet.bootstrap.clock import SystemClock
from fleet.model.names import Target
store = SqlStore(Path(sys.argv[1]), SystemClock())
with store.lease(Target("bookinfo", "prod", "prod-eu"), "victim") as lease:
    print(lease.fence, flush=True)
    time.sleep(60)
"""


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    store = SqlStore(path, SystemClock())
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        fence = int(holder.stdout.readline())
        with pytest.raises(ConflictError, match="`victim`"), store.lease(TARGET, "me"):
            pass
        holder.send_signal(signal.SIGKILL)
        until = time.monotonic() + 60
        while True:  # a zombie of ours, until it is waited for
            try:
                with store.lease(TARGET, "me") as lease:
                    assert lease.fence > fence
                    break
            except ConflictError:
                assert time.monotonic() < until
    finally:
        holder.kill()
        holder.communicate()
    store.close()


def test_the_lease_of_a_stopped_process_is_kept_until_it_expires(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    store = SqlStore(path, SystemClock())
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(ConflictError, match="`victim`"), store.lease(TARGET, "me"):
            pass
    finally:
        holder.kill()
        holder.communicate()
    store.close()


_CONTENDER = """
import sys, time
from pathlib import Path
from fleet.adapters.store.sqlite import SqlStore
from fleet.bootstrap.clock import SystemClock
from fleet.errors import ConflictError
from fleet.model.names import Target
path, name, until = Path(sys.argv[1]), sys.argv[2], time.monotonic() + float(sys.argv[3])
store = SqlStore(path / "fleet.db", SystemClock())
while time.monotonic() < until:
    try:
        with store.lease(Target("bookinfo", "prod", "prod-eu"), name) as lease:
            with (path / "history").open("a") as history:
                history.write(f"in {name} {lease.fence}\\n")
                history.flush()
                time.sleep(0.002)
                history.write(f"out {name} {lease.fence}\\n")
    except ConflictError:
        time.sleep(0.001)
store.close()
"""


def test_of_several_processes_one_at_a_time_holds_a_lease(tmp_path: Path) -> None:
    contenders = [subprocess.Popen([sys.executable, "-c", _CONTENDER, str(tmp_path), f"p{n}", "2"]) for n in range(4)]
    for contender in contenders:
        assert contender.wait(60) == 0
    history = [line.split() for line in (tmp_path / "history").read_text().splitlines()]
    assert len(history) >= 8
    fences = []
    for entered, left in zip(history[::2], history[1::2], strict=True):
        assert (entered[0], left[0]) == ("in", "out")
        assert entered[1:] == left[1:]
        fences.append(int(entered[2]))
    assert fences == sorted(set(fences))


def test_a_store_does_not_cross_a_fork(open_store: Open) -> None:
    store = open_store()
    store.record(state())
    pid = os.fork()
    if pid == 0:
        try:
            found = store.digests()
            store.close()
            os._exit(0 if found == {TARGET: "d1"} else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    store.record(state(digest="after"))
    assert open_store().digests() == {TARGET: "after"}


def test_processes_are_told_apart() -> None:
    assert not processes.dead(processes.me())
    pid, started, namespace = processes.me().split(" ")
    assert processes.dead(f"{pid} {int(started) - 1} {namespace}")
    assert not processes.dead(f"{pid} {int(started) - 1} pid:[1]")
    assert not processes.dead("nonsense")


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / ".fleet" / "key"
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(load_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["key"]
    path.write_bytes(b"short")
    with pytest.raises(FleetError, match="damaged"):
        load_key(path)
