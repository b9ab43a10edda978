"""Run the epochs of one stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from crowdkit_core.data import EpochSampler
from crowdkit_core.evaluation import validate
from crowdkit_core.interfaces import (
    Batch,
    Dataset,
    LoopSettings,
    Optimization,
    StagePlan,
    companion_file,
)
from crowdkit_core.registry.hooks import Hooks
from crowdkit_core.settings import RunSettings
from crowdkit_core.training.loss_record import LossRecord
from crowdkit_core.training.objective import Parcel, in_single_precision, match_precision
from crowdkit_core.training.run_folder import StageFolder
from crowdkit_core.training.seeding import seed_from
from crowdkit_core.training.stage_state import StageState

Record = dict[str, Any]
"""What is logged of an epoch: plain values only."""


@dataclass(frozen=True, kw_only=True)
class StageLoop:
    """Runs a stage from its state on.

    Attributes:
        fabric: Launched.
        index: Which stage of the run it is, counted from 0.
        plan: Its plan.
        state: What changes; its modules are on the device.
        objective: The `Objective` as wrapped by Fabric.
        optimizers: The state's optimizers as wrapped by Fabric, by the same names.
        loop: How to run the epochs.
        run: Seed, workers, and what the run validates on.
        loader: Batches of this rank.
        validation: Validation images, or None.
        folder: Where weights and state go.
        hooks: Told about progress, on the first rank only.
        facts: What the weights say of all their training, beside errors.
    """

    fabric: Fabric
    index: int
    plan: StagePlan
    state: StageState
    objective: Any  # Fabric's wrappers carry no types of their own
    optimizers: Mapping[str, Any]
    loop: LoopSettings
    run: RunSettings
    loader: DataLoader[Batch]
    validation: Dataset | None
    folder: StageFolder
    hooks: Hooks
    facts: Mapping[str, Any]

    def finish(self) -> None:
        """Train until the plan's epochs are done, or validation stops improving.

        Raises:
            DivergedError: A loss became NaN or infinite; the files keep the epoch before.
        """
        while self.state.epoch < self.plan.epochs and not self.state.stopped:
            self._next_epoch()

    def _next_epoch(self) -> None:
        started, state = monotonic(), self.state
        record: Record = {"stage": self.plan.name, "epoch": state.epoch + 1}
        record |= self._train_epoch()
        state.stage.end_epoch(state.epoch)
        state.epoch += 1
        errors = self._validate_if_due()
        improved = self._judge(errors)
        self._step_schedules(errors)
        if errors:
            record |= self._judged_by()
        record |= {**errors, "seconds": round(monotonic() - started, 3)}
        state.history.append(record)
        if self.fabric.is_global_zero:
            # Told first: an epoch that is not kept is trained and told again, none is missing.
            self.hooks.epoch_ended(record)
            self._save(errors, improved=improved)
        self.fabric.barrier()

    # -- training ------------------------------------------------------------------------------

    def _train_epoch(self) -> Record:
        epoch, stage = self.state.epoch, self.state.stage
        _start_epoch(self.loader, epoch)
        batches = iter(self.loader)
        seed_from(self.run.seed, self.index, epoch, self.fabric.global_rank)
        stage.train()
        if self.loop.freeze_batch_norm:
            _freeze_batch_norm(stage)
        stage.start_epoch(epoch)
        losses = LossRecord(epoch)
        for done, batch in enumerate(batches, start=1):
            terms = self._train_batch(batch, done, len(self.loader))
            shown = losses.add(batch.names, terms)
            if self.fabric.is_global_zero:
                self.hooks.step_ended(self.plan.name, epoch, done, len(self.loader), shown)
        losses.read()
        return {
            "losses": self._mean_over_ranks(losses.means()),
            "learning_rates": self._learning_rates(),
        }

    def _train_batch(self, batch: Batch, done: int, total: int) -> Mapping[str, torch.Tensor]:
        size = self.loop.accumulate
        group_start = (done - 1) // size * size
        group = min(size, total - group_start)  # the last group of an epoch may be smaller
        stepping = done == group_start + group
        parcel = Parcel(match_precision(batch.to(self.fabric.device), self.state.stage))
        with self.fabric.no_backward_sync(self.objective, enabled=not stepping):
            loss, terms = self.objective(parcel)
            self.fabric.backward(loss / group)
        if stepping:
            self._update()
        return terms  # type: ignore[no-any-return]  # Fabric: untyped

    def _update(self) -> None:
        active = self._active(self.state.epoch)
        for name in active:
            self._clip(self.optimizers[name])
        self._step_optimizers([self.optimizers[name] for name in active])
        self.state.stage.zero_grad()
        for each in active.values():
            if each.schedule is not None and each.schedule_interval == "step":
                each.schedule.step()
        if self.state.averaged is not None:
            self.state.averaged.update_parameters(self.state.stage.counter)

    def _active(self, epoch: int) -> Mapping[str, Optimization]:
        everyone = self.state.optimizations.items()
        return {name: each for name, each in everyone if epoch % each.every_epochs == 0}

    def _clip(self, optimizer: Any) -> None:
        norm = self.loop.clip_norm
        if norm is None:
            return
        # Infinite gradients are left to the loss check and to float16's loss scaling.
        self.fabric.clip_gradients(
            self.objective, optimizer, max_norm=norm, error_if_nonfinite=False
        )

    def _step_optimizers(self, optimizers: Sequence[Any]) -> None:
        scaler = getattr(self.fabric.strategy.precision, "scaler", None)
        if scaler is None:
            for each in optimizers:
                each.step()
            return
        # Fabric would change the scale after each optimizer, while the gradients that the next
        # one is about to use still carry the old one.
        for each in optimizers:
            scaler.step(each.optimizer)
        scaler.update()

    def _step_schedules(self, errors: Mapping[str, float]) -> None:
        for each in self._active(self.state.epoch - 1).values():
            if each.schedule is None or each.schedule_interval != "epoch":
                continue
            if not isinstance(each.schedule, ReduceLROnPlateau):
                each.schedule.step()
            elif errors:
                each.schedule.step(errors["mae"])

    # -- judging and saving --------------------------------------------------------------------

    def _validate_if_due(self) -> Mapping[str, float]:
        epoch = self.state.epoch
        due = epoch % self.loop.validate_every == 0 or epoch == self.plan.epochs
        if self.validation is None or not due:
            return {}
        counter, judged_by = in_single_precision(self.state.counter), self.state.stage.judged_by
        errors = validate(
            counter,
            self.validation,
            count=judged_by,
            device=self.fabric.device,
            rank=self.fabric.global_rank,
            world_size=self.fabric.world_size,
            progress=self.hooks.evaluation_progress,
        )
        if self.fabric.is_global_zero:
            self.hooks.epoch_validated(self.plan.name, epoch, counter, judged_by)
        return errors

    def _judge(self, errors: Mapping[str, float]) -> bool:
        """Record whether validation improved, and whether to stop."""
        state = self.state
        if not errors:
            return False
        improved = errors["mae"] < state.best_mae
        state.best_mae = min(state.best_mae, errors["mae"])
        state.waited = 0 if improved else state.waited + 1
        state.stopped = self.loop.patience is not None and state.waited >= self.loop.patience
        return improved

    def _judged_by(self) -> Mapping[str, str]:
        """Which count the errors are of, where it is not the counter's."""
        name = self.state.stage.judged_by
        return {"judged_by": name} if name else {}

    def _save(self, errors: Mapping[str, float], *, improved: bool) -> None:
        # The state comes last: whatever is interrupted before it is done again on resuming.
        facts = {"stage": self.plan.name, "epoch": self.state.epoch, **errors, **self.facts}
        if errors:
            facts["validated_on"] = self.run.validate_on
            facts |= self._judged_by()
        if improved:
            self._save_networks(self.folder.best, facts)
        self._save_networks(self.folder.last, facts)
        self.folder.save_state(
            {**self.state.state_dict(), "scaler": self.fabric.strategy.precision.state_dict()}
        )

    def _save_networks(self, file: Path, facts: Mapping[str, Any]) -> None:
        self.folder.save_weights(file, self.state.counter, facts)
        for name, network in self.state.stage.companions().items():
            self.folder.save_weights(companion_file(file, name), network, facts)

    # -- small parts ---------------------------------------------------------------------------

    def _learning_rates(self) -> dict[str, float]:
        each = self.state.optimizations.items()
        return {name: float(one.optimizer.param_groups[0]["lr"]) for name, one in each}

    def _mean_over_ranks(self, means: Mapping[str, float]) -> dict[str, float]:
        if self.fabric.world_size == 1:
            return dict(means)
        values = torch.tensor(list(means.values()), device=self.fabric.device)
        reduced: Any = self.fabric.all_reduce(values, reduce_op="mean")
        return dict(zip(means, reduced.tolist(), strict=True))


def _freeze_batch_norm(stage: nn.Module) -> None:
    for module in stage.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _start_epoch(loader: DataLoader[Batch], epoch: int) -> None:
    """Show the next epoch's images; workers that persist need the same loader for all epochs."""
    sampler = loader.batch_sampler
    assert isinstance(sampler, EpochSampler)
    sampler.epoch = epoch
