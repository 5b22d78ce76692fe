"""All that one server has: its models, what is admitted to them, its metrics and its log."""

import asyncio
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from edgeft.errors import EdgeftError
from edgeft.inputs import Input
from edgeft.serve.admission import Admission, Amounts
from edgeft.serve.config import ServeConfig
from edgeft.serve.hosted import Hosted, Loader
from edgeft.serve.logs import Log
from edgeft.serve.metrics import Metrics, ModelState
from edgeft.serve.refusals import RefusedError

__all__ = ["Reloaded", "Service"]


@dataclass(frozen=True)
class Reloaded:
    """What became of bundles: the digests of those that took over, and why others did not."""

    done: Mapping[str, str]
    failed: Mapping[str, EdgeftError]


class Service:
    """What routes ask. ``draining``: whether it was told to stop and is not ready any more."""

    def __init__(self, config: ServeConfig, *, log: Log, loader: Loader | None = None) -> None:
        self.config, self.log = config, log
        self.metrics = Metrics()
        self.admission = Admission(
            Amounts(config.max_requests, config.max_inputs, config.max_characters, config.max_bytes)
        )
        self.draining = False
        self.models: Mapping[str, Hosted] = {
            name: Hosted(name, folder, config, self.metrics, log, loader)
            for name, folder in config.bundles.items()
        }
        self._keys = [key.encode() for key in config.keys]
        self.metrics.watch(self.admission, self._states, lambda: log.dropped)

    def _states(self) -> Iterable[ModelState]:
        return [one.state() for one in self.models.values()]

    async def start(self) -> None:
        """Load all bundles, one after the other. Raises EdgeftError at the first that fails."""
        for one in self.models.values():
            await one.start()

    async def stop(self) -> None:
        """Let go of all models."""
        await asyncio.gather(*(one.stop() for one in self.models.values()))

    def model(self, name: str | None) -> Hosted:
        """The model of a name; without one, the only one. Raises RefusedError (404, 422)."""
        if name is None:
            if len(self.models) == 1:
                return next(iter(self.models.values()))
            raise RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "model",
                f"Name a model: {', '.join(self.models)}.",
                where="model",
            )
        if name not in self.models:
            raise RefusedError(
                HTTPStatus.NOT_FOUND,
                "model",
                f"There is no such model. There are: {', '.join(self.models)}.",
                where="model",
            )
        return self.models[name]

    @property
    def ready(self) -> bool:
        """Whether all models answer and requests are welcome."""
        return not self.draining and all(one.ready for one in self.models.values())

    async def faults(self) -> dict[str, str]:
        """Of each model that does not answer why, by a real inference of each.

        One that is being loaded for the first time has no fault.
        """
        loaded = [one for one in self.models.values() if one.loaded]
        found = await asyncio.gather(*(one.check() for one in loaded))
        return {one.name: fault for one, fault in zip(loaded, found, strict=True) if fault}

    async def reload(self, names: Sequence[str]) -> Reloaded:
        """Load bundles anew, one after the other, whatever becomes of the others."""
        done: dict[str, str] = {}
        failed: dict[str, EdgeftError] = {}
        for name in names:
            try:
                done[name] = (await self.models[name].reload()).model.manifest.digest
            except EdgeftError as error:  # the log has it, and the old one stays
                failed[name] = error
        return Reloaded(done, failed)

    def check_key(self, given: bytes | None) -> None:
        """Raise RefusedError (401) where keys are asked for and this is none of them."""
        if not self._keys:
            return
        # All are compared, in the same time for any wrong one.
        same = [hmac.compare_digest(given or b"", key) for key in self._keys]
        if not any(same):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "key",
                "This server asks for an API key.",
                hint="Send the header: Authorization: Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def quoted(self, inputs: Sequence[Input]) -> Sequence[Input] | None:
        """What a log may quote of inputs: nothing, unless it was asked for."""
        return inputs if self.config.log_inputs else None
