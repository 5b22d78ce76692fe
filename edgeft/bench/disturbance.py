"""What else went on while measuring: others' work, throttling, a host that took time away."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgeft.runtime.cpu import own_cores
from edgeft.runtime.system_files import group_folders, read_text

__all__ = ["Disturbance", "Watch", "worst_of"]

CPUS = Path("/sys/devices/system/cpu")
PROC_STAT = Path("/proc/stat")
Number = TypeVar("Number", int, float)

SPARE_CORES = 0.25  # of work by others that a measurement bears without a warning
STOLEN_SHARE = 0.01  # of all CPU time
THROTTLED_SHARE = 0.005  # of the time that went by


@dataclass(frozen=True)
class Disturbance:
    """What happened between two moments; None where the system does not tell.

    cores: how many this process may run on, the only ones that are watched.
    busy_cores: of these, what other processes kept busy on average, of several spans
    the most.
    stolen_share: of the cores' time, what the host gave to other machines.
    hot_events: how often these and their packages were slowed because it was too hot,
        each core counting for itself.
    quota_s: seconds in which the cgroup's CPU quota stopped this process.
    """

    seconds: float
    cores: int
    busy_cores: float | None
    stolen_share: float | None
    hot_events: int | None
    quota_s: float | None
    load_average: float | None

    def warnings(self, threads: int) -> Iterator[str]:
        """What makes figures of so many threads less sure than they look."""
        spare = max(0, self.cores - threads) + SPARE_CORES
        again = "measure again on an idle machine."
        if self.busy_cores is not None and self.busy_cores > spare:
            yield (
                f"Other processes kept up to {self.busy_cores:.1f} of {self.cores} cores busy "
                f"meanwhile: {again}"
            )
        elif self.busy_cores is None and (self.load_average or 0.0) > spare:
            yield (
                f"The load average was {self.load_average:.1f} on {self.cores} cores at the "
                f"start: {again}"
            )
        if (self.stolen_share or 0.0) > STOLEN_SHARE:
            yield f"The host took {self.stolen_share:.1%} of the CPU time for other machines."
        if self.hot_events:
            yield "The CPU was slowed because it was too hot: let it cool, and measure again."
        if (self.quota_s or 0.0) > THROTTLED_SHARE * self.seconds:
            yield (
                f"The CPU quota of this container stopped the work for {self.quota_s:.1f} s: "
                "measure with fewer --threads, or a larger quota."
            )


def worst_of(parts: Sequence[Disturbance]) -> Disturbance:
    """What happened in all of several spans: counts together, shares of the worst one.

    An average over everything would hide that somebody else worked for a minute.
    """
    if not parts:
        return Disturbance(0.0, len(own_cores()), None, None, None, None, None)
    return Disturbance(
        seconds=sum(one.seconds for one in parts),
        cores=parts[0].cores,
        busy_cores=max((one.busy_cores for one in parts if one.busy_cores is not None),
                       default=None),
        stolen_share=max((one.stolen_share for one in parts if one.stolen_share is not None),
                         default=None),
        hot_events=sum(one.hot_events or 0 for one in parts)
        if any(one.hot_events is not None for one in parts) else None,
        quota_s=sum(one.quota_s or 0.0 for one in parts)
        if any(one.quota_s is not None for one in parts) else None,
        load_average=parts[0].load_average,
    )  # fmt: skip


@dataclass(frozen=True)
class Watch:
    """Counters at a moment; ``Watch.start()``, then ``until_now()``."""

    wall_s: float
    cores: int
    all_s: float | None
    own_s: float
    stolen_s: float | None
    hot_events: int | None
    quota_s: float | None
    load_average: float | None

    @classmethod
    def start(
        cls,
        cpus: Path = CPUS,
        proc_stat: Path = PROC_STAT,
        groups: Sequence[Path] | None = None,
        cores: Sequence[int] | None = None,
    ) -> "Watch":
        """Read the counters, by default those of this process's own cgroups and cores."""
        cores = own_cores() if cores is None else cores
        times = os.times()
        all_s, stolen_s = _cpu_times(proc_stat, cores)
        return cls(
            wall_s=time.monotonic(),
            cores=len(cores),
            all_s=all_s,
            own_s=times.user + times.system + times.children_user + times.children_system,
            stolen_s=stolen_s,
            hot_events=_hot_events(cpus, cores),
            quota_s=_quota_s(group_folders("cpu") if groups is None else groups),
            load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        )

    def until_now(self) -> Disturbance:
        """What happened since."""
        return self.until(Watch.start())

    def until(self, end: "Watch") -> Disturbance:
        """What happened between this moment and ``end``."""
        seconds = max(end.wall_s - self.wall_s, 1e-9)
        busy = stolen = None
        if self.all_s is not None and end.all_s is not None:
            others_s = (end.all_s - self.all_s) - (end.own_s - self.own_s)
            busy = max(0.0, others_s / seconds)
        if self.stolen_s is not None and end.stolen_s is not None:
            stolen = (end.stolen_s - self.stolen_s) / (seconds * self.cores)
        return Disturbance(
            seconds=seconds,
            cores=self.cores,
            busy_cores=busy,
            stolen_share=stolen,
            hot_events=_difference(self.hot_events, end.hot_events),
            quota_s=_difference(self.quota_s, end.quota_s),
            load_average=self.load_average,
        )


def _cpu_times(proc_stat: Path, cores: Sequence[int]) -> tuple[float | None, float | None]:
    """Seconds since the start in which the cores were busy, and that the host took of them."""
    lines = read_text(proc_stat).splitlines()
    if not lines:
        return None, None
    busy_s = stolen_s = 0.0
    names, tick = {f"cpu{core}" for core in cores}, os.sysconf("SC_CLK_TCK")
    for line in lines:
        name, *words = line.split()
        if name not in names:
            continue
        names.remove(name)
        user, nice, system, _idle, _iowait, interrupt, soft, stolen = map(int, words[:8])
        busy_s += (user + nice + system + interrupt + soft) / tick
        stolen_s += stolen / tick
    return (None, None) if names else (busy_s, stolen_s)


def _hot_events(cpus: Path, cores: Sequence[int]) -> int | None:
    """What x86 counts of each core, and of its package; None where nothing is, as on Arm."""
    texts = [
        read_text(cpus / f"cpu{core}" / "thermal_throttle" / f"{kind}_throttle_count").strip()
        for core in cores
        for kind in ("core", "package")
    ]
    counts = [int(text) for text in texts if text.isdigit()]
    return sum(counts) if counts else None


def _quota_s(folders: Sequence[Path]) -> float | None:
    """Seconds in which quotas of these cgroups stopped the work; None where none is told."""
    scale = {"throttled_usec": 1e-6, "throttled_time": 1e-9}  # of version 2 and 1
    found = [
        int(value) * scale[name]
        for folder in folders
        for name, _, value in (
            line.partition(" ") for line in read_text(folder / "cpu.stat").splitlines()
        )
        if name in scale
    ]
    return sum(found) if found else None


def _difference(begin: Number | None, end: Number | None) -> Number | None:
    return None if begin is None or end is None else end - begin
