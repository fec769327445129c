"""The autoencoder-guided GAN: an autoencoder of all conditions lends its weights to a GAN that fills the rare one.

Source: Jian Xu, Hai Li, Shujuan Hou, "Autoencoder-guided GAN for minority-class cloth-changing gait data generation",
Digital Signal Processing 2022; its authors published no code, and of the method only three ideas are stated: an
autoencoder with an embedding of the labels learns all data, and its labeled latent vector is the GAN's input; generator
and discriminator have the autoencoder's topology and begin with its weights; of the class terms only that on generated
frames is kept.
Deviations: all else is our completion, from Mariani et al., "BAGAN", 2018, and Huang and Jafari, "Enhanced balancing
GAN", 2021. Layers and Adam's momenta are the latter's, learning rates are ours: 1e-3 for the guard, 5e-4 for the
autoencoder, 2e-4 for the discriminator, 1e-4 for the generator, where the latter has 2e-4 and the former 5e-5
throughout. The embedding has tables of subject, condition and view, which multiply, and the discriminator a class head
for each. Latent vectors come from frames of normal walking, so that generated sequences keep phase and order; before
the embedding they are moved by the difference of the mean encodings of both conditions (`transport`), because an
autoencoder that sees the coat in its input has no need to learn it from the label. Half of the takes are moved by
another subject's difference (`borrow`): that departs from generating a person's own coat. A little noise is added to
the latent vectors (`noise`). The reconstruction of real frames stays a term of the generator, as an anchor. Real
batches hold every condition alike often. Frames are generated with averaged weights (see `fit_generator`). A classifier
of real frames, trained first and frozen, watches whether labels keep their meaning, since the class heads see generated
frames only and could drift with the generator (see `monitor`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn

from walkprint.core.errors import RecipeError
from walkprint.generation.adversarial import non_saturating_discriminator, non_saturating_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.classifier import FrameClassifier, accuracies, surprise
from walkprint.generation.gaussians import LabelGaussians
from walkprint.generation.labels import FACTORS, Factor, LabelNames, Labels
from walkprint.generation.layers import WIDTHS, Decoder, Encoder, LabelEmbedding, initialize
from walkprint.losses.base import LossValue

_GUARD_NOISE = 0.2


class LabeledDecoder(nn.Module):
    """Label embedding and decoder, which autoencoder and generator have alike."""

    def __init__(self, names: LabelNames, latent: int, widths: Sequence[int], factors: Sequence[Factor]) -> None:
        super().__init__()
        self.embedding = LabelEmbedding(names, latent, factors)
        self.decoder = Decoder(latent, widths)

    def forward(self, latent: Tensor, labels: Labels) -> Tensor:
        """From encodings (batch, latent) to frames (batch, 1, 64, 64), -1 to 1, that show `labels`."""
        frames: Tensor = self.decoder(latent * self.embedding(labels))
        return frames


class Discriminator(FrameClassifier):
    """The trunk of an encoder with a head that tells real from generated, and one for each factor of the label."""

    def __init__(self, names: LabelNames, widths: Sequence[int], factors: Sequence[Factor]) -> None:
        super().__init__(names, widths, factors)
        self.source = nn.Linear(self.trunk.features, 1)
        initialize(self.source)

    def judge(self, frames: Tensor, unclassified: int = 0) -> tuple[Tensor, dict[Factor, Tensor]]:
        """Logits of being real (batch, 1), and of the classes (batch, class) by factor but for the first few frames."""
        features = self.trunk(frames).flatten(1)
        return self.source(features), self.tell(features[unclassified:])


class AEGuidedGAN(GenerativeModel):
    """See the module.

    Args:
        subjects: names of the subjects.
        conditions: names of the conditions.
        views: names of the views.
        source: the condition that frames are generated from.
        latent: "labeled" generates from encodings of real frames; "gaussian" from one Gaussian for each label, fitted
            to encodings, whose sequences have no order.
        transport: move encodings by the difference of the conditions' mean encodings of the same subject and view.
        borrow: how often a generated take wears what another subject wears in that condition, 0 never to 1 always;
            without effect where `transport` is off or `latent` is "gaussian". The same person in many coats is what a
            recognizer learns to see through.
        factors: the embedding's tables.
        ae_init: begin the generator with the autoencoder's weights.
        discriminator_init: begin the discriminator's trunk with the encoder's weights.
        true_classification: let the class heads learn from real frames too.
        heads: the factors that class heads tell; at least one.
        class_weight: of the class terms.
        reconstruction_weight: of the reconstruction of real frames while the GAN is trained; 0 goes without.
        anchor_share: the part of the GAN's steps, from the first, that has the reconstruction.
        guard_weight: of the frozen classifier's opinion in what the generator learns; 0 only logs it.
        guard_heads: the factors that this opinion is about; at least one where it has a weight.
        noise: of encodings, as a part of their standard deviations.
        latent_size: length of an encoding.
        widths: channels at 32, 16, 8 and 4 pixels.
        learning_rates: of the autoencoder (the guard's is twice that), of the discriminator, of the generator; with 0
            one of the last two stays as it begins.
        shares: of all steps: guard, autoencoder, GAN, each more than 0; only their proportions matter.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        subjects: Sequence[str],
        conditions: Sequence[str],
        views: Sequence[str],
        source: str = "nm",
        latent: Literal["labeled", "gaussian"] = "labeled",
        transport: bool = True,
        borrow: float = 0.5,
        factors: Sequence[Factor] = FACTORS,
        ae_init: bool = True,
        discriminator_init: bool = True,
        true_classification: bool = False,
        heads: Sequence[Factor] = FACTORS,
        class_weight: float = 1.0,
        reconstruction_weight: float = 10.0,
        anchor_share: float = 1.0,
        guard_weight: float = 0.0,
        guard_heads: Sequence[Factor] = ("condition",),
        noise: float = 0.1,
        latent_size: int = 128,
        widths: Sequence[int] = WIDTHS,
        learning_rates: tuple[float, float, float] = (5e-4, 2e-4, 1e-4),
        shares: tuple[float, float, float] = (0.1, 0.4, 0.5),
    ) -> None:
        super().__init__(subjects=subjects, conditions=conditions, views=views, source=source)
        if latent not in ("labeled", "gaussian") or not 0 <= anchor_share <= 1 or not 0 <= borrow <= 1:
            raise RecipeError(
                f"AEGuidedGAN: latent is {latent!r}, anchor_share {anchor_share}, borrow {borrow}; "
                "expected labeled or gaussian, 0 to 1, and 0 to 1"
            )
        weights = {"class_weight": class_weight, "reconstruction_weight": reconstruction_weight}
        self.refuse_unless("at least 0", noise=noise, guard_weight=guard_weight, **weights)
        self.refuse_unless("at least 1", latent_size=latent_size)
        for name, told, needed in (("heads", heads, True), ("guard_heads", guard_heads, guard_weight > 0)):
            if (needed and not told) or set(told) - set(FACTORS):
                raise RecipeError(f"AEGuidedGAN: {name} are {list(told)}; expected some of {', '.join(FACTORS)}")
        for name, numbers, positive in (("learning_rates", learning_rates, 1), ("shares", shares, 3)):
            if len(numbers) != 3:
                raise RecipeError(f"AEGuidedGAN: {name} are {list(numbers)}; expected three numbers")
            for i, number in enumerate(numbers):
                self.refuse_unless("more than 0" if i < positive else "at least 0", **{f"{name}[{i}]": number})
        self.ordered = latent == "labeled"
        self.transport, self.borrow, self.noise = transport, borrow, noise
        self.ae_init, self.discriminator_init, self.true_classification = (
            ae_init,
            discriminator_init,
            true_classification,
        )
        self.class_weight, self.reconstruction_weight, self.anchor_share = (
            class_weight,
            reconstruction_weight,
            anchor_share,
        )
        self.guard_weight, self.guard_heads = guard_weight, tuple(guard_heads)
        self.learning_rates, self.shares = tuple(learning_rates), tuple(shares)
        self.guard = FrameClassifier(self.names)
        self.encoder = Encoder(latent_size, widths)
        self.restorer = LabeledDecoder(self.names, latent_size, widths, factors)
        self.generator = LabeledDecoder(self.names, latent_size, widths, factors)
        self.discriminator = Discriminator(self.names, widths, heads)
        self.gaussians = LabelGaussians(self.names, latent_size)
        sizes = (len(self.names.subjects), len(self.names.conditions), len(self.names.views), latent_size)
        self.register_buffer("shifts", torch.zeros(sizes))
        self.register_buffer("known", torch.ones(sizes[:3]))
        self.register_buffer("spread", torch.ones(latent_size))

    shifts: Tensor
    known: Tensor
    spread: Tensor

    def stages(self) -> Sequence[Stage]:
        """See `GenerativeModel`."""
        adam = partial(torch.optim.Adam, betas=(0.5, 0.9))
        first, of_discriminator, of_generator = self.learning_rates
        guard = Phase("guard", self.guard.parameters, self._classify, partial(adam, lr=2 * first))
        restore = Phase("autoencoder", self._of_autoencoder, self._restore, partial(adam, lr=first))
        tell = Phase("discriminator", self.discriminator.parameters, self._tell, partial(adam, lr=of_discriminator))

        def gan(anchored: bool) -> tuple[Phase, ...]:
            make = partial(self._make, anchored=anchored)
            return tell, Phase("generator", self.generator.parameters, make, partial(adam, lr=of_generator))

        stages = [Stage("guard", self.shares[0], (guard,)), Stage("autoencoder", self.shares[1], (restore,))]
        anchored = self.anchor_share if self.reconstruction_weight > 0 else 0.0
        if anchored > 0:
            stages.append(Stage("anchored", self.shares[2] * anchored, gan(True), self._begin))
        if anchored < 1:
            begin = None if anchored > 0 else self._begin
            stages.append(Stage("adversarial", self.shares[2] * (1 - anchored), gan(False), begin))
        return stages

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; all frames of a call are one take, with one draw of noise and of wearers."""
        return cast(Tensor, self.generator(self._latents(sources, labels, generator, as_take=True), labels))

    @torch.no_grad()
    def conditions_told(self, frames: Tensor) -> Tensor:
        """See `GenerativeModel`; the guard's opinion."""
        logits: Tensor = self.guard(self.to_unit(frames.to(self.spread.device)))["condition"]
        return logits.argmax(1).cpu()

    def _latents(self, sources: Tensor, labels: Labels, generator: torch.Generator, *, as_take: bool) -> Tensor:
        """What the generator starts from, (batch, latent); `as_take` draws once a subject, not once a frame."""
        if not self.ordered:
            return self.gaussians.draw(labels, generator)
        with torch.no_grad():
            _, latents = self.encoder(self.to_unit(sources))
        rows = labels.subjects.cpu() if as_take else torch.arange(len(labels))
        count = len(self.names.subjects) if as_take else len(labels)
        lots, noise = (
            torch.rand(2, count, generator=generator),
            torch.randn(count, len(self.spread), generator=generator),
        )
        latents = latents + self.noise * self.spread * noise[rows].to(latents)
        if not self.transport:
            return cast(Tensor, latents)
        wearers = torch.where(lots[0][rows] < self.borrow, self._others(labels, lots[1][rows]), labels.subjects.cpu())
        return cast(Tensor, latents + self.shifts[wearers.to(labels.subjects.device), labels.conditions, labels.views])

    def _others(self, labels: Labels, lots: Tensor) -> Tensor:
        """Subjects of whom there are real frames of that condition and view, each equally likely; else who is asked."""
        known = self.known[:, labels.conditions, labels.views].T.cpu().cumsum(1)
        found = torch.searchsorted(known, (lots * known[:, -1]).unsqueeze(1), right=True).squeeze(1)
        return torch.where(known[:, -1] > 0, found, labels.subjects.cpu())

    def _begin(self, batches: FrameBatches) -> None:
        """Hand the autoencoder's weights over, and see where its encodings lie."""
        if self.ae_init:
            self.generator.load_state_dict(self.restorer.state_dict())
        if self.discriminator_init:
            self.discriminator.trunk.load_state_dict(self.encoder.trunk.state_dict())
        device = self.spread.device
        found = [(self.encoder(self.to_unit(frames.to(device)))[1], labels) for frames, labels in batches.takes()]
        self.gaussians.fit(found)
        self.spread.copy_(torch.cat([latents for latents, _ in found]).std(0))
        labels = Labels.cat([one for _, one in found])
        self.known.zero_()[labels.subjects, labels.conditions, labels.views] = 1
        means, source = self.gaussians.means, self.names.conditions.index(self.source)
        shifts = means - means[:, source, None]
        both = (self.known * self.known[:, source, None]).unsqueeze(-1)
        usual = (both * shifts).sum(0) / both.sum(0).clamp_min(1)
        self.shifts.copy_(torch.where(both > 0, shifts, usual))

    def _of_autoencoder(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.restorer.parameters()]

    def _classify(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        noise = torch.randn(frames.shape, generator=generator).to(frames)
        logits = self.guard(frames + _GUARD_NOISE * noise)  # not to be fooled by gray edges
        numbers = {f"real_{factor}": one for factor, one in accuracies(logits, batch.labels).items()}
        return LossValue(surprise(logits, batch.labels), numbers)

    def _restore(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue((self.restorer(latents, batch.labels).float() - frames).abs().mean())

    def _tell(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        """What the discriminator learns: sources of all frames, classes of generated ones."""
        with torch.no_grad():
            latents = self._latents(batch.sources, batch.targets, generator, as_take=False)
            made = self.generator(latents, batch.targets)
        return self.tell_apart(self.to_unit(batch.frames), batch.labels, made, batch.targets)

    def tell_apart(self, real: Tensor, labels: Labels, made: Tensor, targets: Labels) -> LossValue:
        """The discriminator's loss; real frames reach the class heads with `true_classification` only.

        Args:
            real, made: frames (batch, 1, 64, 64), -1 to 1.
            labels, targets: what they show.
        """
        count = len(real)
        both = torch.cat([real, made.to(real)])
        sources, classes = self.discriminator.judge(both, 0 if self.true_classification else count)
        adversarial = non_saturating_discriminator(sources[:count], sources[count:])
        classified = surprise({factor: one[-len(made) :] for factor, one in classes.items()}, targets)
        if self.true_classification:
            classified = classified + surprise({factor: one[:count] for factor, one in classes.items()}, labels)
        value = adversarial + self.class_weight * classified
        real_right, made_right = (sources[:count] > 0).float().mean(), (sources[count:] < 0).float().mean()
        return LossValue(value, {"adversarial": adversarial.detach(), "real": real_right, "generated": made_right})

    def _make(self, batch: GeneratorBatch, generator: torch.Generator, *, anchored: bool) -> LossValue:
        """What the generator learns; real frames to restore go through the decoder together with those to generate."""
        latents = self._latents(batch.sources, batch.targets, generator, as_take=False)
        labels = batch.targets
        if anchored:
            with torch.no_grad():
                _, known = self.encoder(self.to_unit(batch.frames))
            latents, labels = torch.cat([latents, known]), Labels.cat([labels, batch.labels])
        frames = self.generator(latents, labels)
        made, restored = frames[: len(batch)], frames[len(batch) :]
        sources, classes = self.discriminator.judge(made)
        value = non_saturating_generator(sources) + self.class_weight * surprise(classes, batch.targets)
        numbers = {"adversarial": non_saturating_generator(sources).detach()}
        if anchored:
            distance = (restored.float() - self.to_unit(batch.frames)).abs().mean()
            value = value + self.reconstruction_weight * distance
            numbers["reconstruction"] = distance.detach()
        with torch.set_grad_enabled(self.guard_weight > 0):
            opinion = self.guard(made)
            if self.guard_weight > 0:
                about = {factor: opinion[factor] for factor in self.guard_heads}
                value = value + self.guard_weight * surprise(about, batch.targets)
        numbers |= {f"guard_{factor}": one for factor, one in accuracies(opinion, batch.targets).items()}
        return LossValue(value, numbers)
