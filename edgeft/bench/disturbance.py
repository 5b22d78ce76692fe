"""What else went on while measuring: others' work, throttling, a host that took time away."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

__all__ = ["Disturbance", "Watch", "worst_of"]

CPUS = Path("/sys/devices/system/cpu")
PROC_STAT = Path("/proc/stat")
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
Number = TypeVar("Number", int, float)

SPARE_CORES = 0.25  # of work by others that a measurement bears without a warning
STOLEN_SHARE = 0.01  # of all CPU time
THROTTLED_SHARE = 0.005  # of the time that went by


@dataclass(frozen=True)
class Disturbance:
    """What happened between two moments; None where the system does not tell.

    busy_cores: cores that other processes kept busy on average, of several spans the
    most.
    stolen_share: of the cores' time, what the host gave to other machines.
    hot_events: times that a core was slowed because it was too hot.
    quota_s: seconds in which the cgroup's CPU quota stopped this process.
    """

    seconds: float
    busy_cores: float | None
    stolen_share: float | None
    hot_events: int | None
    quota_s: float | None
    load_average: float | None

    def warnings(self, host_cores: int, threads: int) -> Iterator[str]:
        """What makes figures less sure than they look."""
        spare = max(0, host_cores - threads) + SPARE_CORES
        again = "measure again on an idle machine."
        if self.busy_cores is not None and self.busy_cores > spare:
            yield (
                f"Other processes kept up to {self.busy_cores:.1f} of {host_cores} cores busy "
                f"meanwhile: {again}"
            )
        elif self.busy_cores is None and (self.load_average or 0.0) > spare:
            yield (
                f"The load average was {self.load_average:.1f} on {host_cores} cores at the "
                f"start: {again}"
            )
        if (self.stolen_share or 0.0) > STOLEN_SHARE:
            yield f"The host took {self.stolen_share:.1%} of the CPU time for other machines."
        if self.hot_events:
            yield f"The CPU was slowed {self.hot_events} times because it was too hot: let it cool."
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
        return Disturbance(0.0, None, None, None, None, None)
    return Disturbance(
        seconds=sum(one.seconds for one in parts),
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
    all_s: float | None
    own_s: float
    stolen_s: float | None
    hot_events: int | None
    quota_s: float | None
    load_average: float | None

    @classmethod
    def start(
        cls, cpus: Path = CPUS, proc_stat: Path = PROC_STAT, cpu_stat: Path | None = None
    ) -> "Watch":
        """Read the counters."""
        times = os.times()
        all_s = stolen_s = None
        words = next(iter(_lines(proc_stat)), "").split()
        if words[:1] == ["cpu"]:  # user nice system idle iowait irq softirq steal
            user, nice, system, _idle, _iowait, *rest = map(int, words[1:9])
            tick = os.sysconf("SC_CLK_TCK")
            all_s = (user + nice + system + sum(rest[:2])) / tick
            stolen_s = rest[2] / tick if len(rest) > 2 else None
        hot = [
            int(line)
            for path in sorted(cpus.glob("cpu*/thermal_throttle/*_throttle_count"))
            for line in _lines(path)
            if line.isdigit()
        ]
        quota = [
            line.split()
            for line in _lines(cpu_stat or _own_cpu_stat())
            if line.startswith("throttled_usec ")
        ]
        return cls(
            wall_s=time.monotonic(),
            all_s=all_s,
            own_s=times.user + times.system + times.children_user + times.children_system,
            stolen_s=stolen_s,
            hot_events=sum(hot) if hot else None,
            quota_s=int(quota[0][1]) / 1e6 if quota else None,
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
            stolen = (end.stolen_s - self.stolen_s) / (seconds * (os.cpu_count() or 1))
        return Disturbance(
            seconds=seconds,
            busy_cores=busy,
            stolen_share=stolen,
            hot_events=_difference(self.hot_events, end.hot_events),
            quota_s=_difference(self.quota_s, end.quota_s),
            load_average=self.load_average,
        )


def _own_cpu_stat() -> Path:
    """The counters of this process's own cgroup (v2); in a container that is the root."""
    own = next(
        (line.split(":", 2)[2] for line in _lines(MEMBERSHIP) if line.startswith("0::")), "/"
    )
    path = CGROUPS / own.lstrip("/") / "cpu.stat"
    return path if path.exists() else CGROUPS / "cpu.stat"


def _difference(begin: Number | None, end: Number | None) -> Number | None:
    return None if begin is None or end is None else end - begin


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
