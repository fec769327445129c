"""`walkprint models`: the trained networks that come with the package."""

from walkprint.core.summary import Summary


def models() -> Summary:
    """List the bundled networks with their cards: data, figures, weaknesses, license.

    Embeddings and reports name a network as here: by its class and the digest of its weights.

    Example:
        walkprint models
    """
    from dataclasses import asdict

    from walkprint.core.digest import weights_source
    from walkprint.recipes.card import read_card
    from walkprint.recipes.library import bundled_networks
    from walkprint.recipes.trained import load_network

    cards, lines = {}, []
    for name, folder in bundled_networks().items():
        megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        card = read_card(folder)
        source = weights_source(load_network(folder))
        cards[name] = {"source": source, "megabytes": round(megabytes, 1), **(asdict(card) if card else {})}
        text = card.to_text().splitlines() if card else []
        lines += [f"{name}: {source} ({megabytes:.1f} MB)", *(f"  {line}" for line in text), ""]
    return Summary({"models": cards}, "\n".join(lines))
