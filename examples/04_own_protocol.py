"""A protocol is data: gallery, probes, and the pairs that count. Then two embeddings are compared by subject."""

from walkprint import Protocol, Selection, Walkers, identify, prepare
from walkprint.evaluation import compare_systems, energy_image_embeddings


def main() -> None:
    store = prepare(Walkers(subjects=8, views=("054", "090", "126"), frames=12), "stores/eight", workers=1).store()
    whole = energy_image_embeddings(store, store.keys)
    middle = energy_image_embeddings(store, store.keys, columns=(24, 40))

    known = Selection(conditions=("nm",), takes=("01", "02"))
    asked = {"same clothes": Selection(conditions=("nm",), takes=("05",)), "coat": Selection(conditions=("cl",))}
    across = Protocol("across views", known, asked, exclude=frozenset({"view"}))
    within = Protocol("within a view", known, asked, require=frozenset({"view"}), gallery_view="all")
    for protocol in (across, within):
        print(identify(whole, protocol).to_text())
    print(compare_systems({"middle": [middle], "whole": [whole]}, within).to_text())


if __name__ == "__main__":
    main()
