"""`walkprint recipes`: the files that come with the package."""

from walkprint.core.errors import RecipeError
from walkprint.core.summary import Summary
from walkprint.core.yaml_json import read_text
from walkprint.recipes.library import bundled, find_file, first_comment


def recipes(name: str | None = None) -> Summary:
    """List the bundled recipes, protocols, studies and examples, or print one.

    Other commands take them by these names, e.g. `walkprint train walkers/gaitset_narrow`.

    Args:
        name: print this one, so that you can read or change it.

    Example:
        walkprint recipes walkers/gaitset_narrow > mine.yaml
    """
    if name is not None:
        try:
            text = read_text(find_file(name))
        except ValueError as error:
            raise RecipeError(f"{error}; expected settings in YAML") from error
        return Summary({"name": name, "text": text}, text, verbatim=True)
    found = {one: first_comment(path) for one, path in bundled().items()}
    width = max(map(len, found))
    return Summary({"recipes": found}, "\n".join(f"{one:<{width}}  {said}" for one, said in found.items()))
