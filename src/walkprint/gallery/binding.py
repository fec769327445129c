"""What the embeddings of a gallery are: made by one network, from silhouettes aligned one way, scored one way."""

from dataclasses import asdict, dataclass

from walkprint.core.errors import DataError

ALIGNMENT = "64 px, as `core.silhouette.align`"


@dataclass(frozen=True, slots=True)
class Binding:
    """The contract of a gallery: embeddings of another contract cannot be compared with its own.

    Attributes:
        network: name of the network, for people.
        source: its class and the digest of its weights, as `EmbeddingSet.source`.
        parts, features: shape of an embedding.
        scoring: how embeddings are compared.
        alignment: how silhouettes were aligned.
        precision: of the stored numbers.
    """

    network: str
    source: str
    parts: int
    features: int
    scoring: str
    alignment: str = ALIGNMENT
    precision: str = "float16"

    def check(self, other: "Binding", place: object) -> None:
        """Refuse another contract.

        Args:
            other: what is asked for.
            place: the gallery, for the message.

        Raises:
            DataError: names both, and the fields that differ.
        """
        mine, theirs = asdict(self), asdict(other)
        differ = [name for name in mine if name != "network" and mine[name] != theirs[name]]
        if differ:
            found, asked = (", ".join(f"{name} {one[name]}" for name in differ) for one in (mine, theirs))
            raise DataError(
                f"{place}: made with the network {self.network} ({found}), asked for {other.network} ({asked}); use "
                f"{self.network}, or embed the gallery again"
            )
