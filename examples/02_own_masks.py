"""Your own masks, from pictures to a table; here the pictures are drawn first."""

from pathlib import Path

import cv2

from walkprint import Folder, Walkers, identify, prepare, verify
from walkprint.evaluation import energy_image_embeddings


def draw_masks(root: Path) -> None:
    """Stand-in for your own pictures: subject/condition-take/view/frame.png."""
    people = Walkers(subjects=5, views=("090",), takes={"nm": 2, "cl": 1}, frames=12)
    for key in people.catalogue():
        folder = root / key.subject / key.recording / key.view
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(people.read(key).frames[:, 0]):
            cv2.imwrite(str(folder / f"{number}.png"), frame)


def main() -> None:
    draw_masks(Path("masks"))
    mine = prepare(Folder("masks"), "stores/mine", workers=1)
    print(mine.report)
    embeddings = energy_image_embeddings(mine, mine.keys("test"))  # or embed(network, ...)
    protocol = mine.protocol()  # Packed("stores/mine", gallery="nm-02") opens it with another gallery
    print(identify(embeddings, protocol).to_text())
    print(verify(embeddings, protocol).to_text())


if __name__ == "__main__":
    main()
