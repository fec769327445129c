"""`walkprint completion`: a script that lets a shell complete verbs, options and bundled names."""

from typing import Literal

from walkprint.cli.verb import Verb
from walkprint.core.summary import Summary
from walkprint.recipes.library import bundled

_BASH = """_walkprint() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} known
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{verbs}" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}} $before" in
{choices}
    *) case "${{COMP_WORDS[1]}}" in
{options}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$known" -- "$word"))
}}
complete -o default -F _walkprint walkprint
"""
_ZSH = "#compdef walkprint\nautoload -U +X bashcompinit && bashcompinit\n"


def completion(shell: Literal["bash", "zsh", "fish"]) -> Summary:
    """Print a script for your shell that completes verbs, options and bundled names.

    Args:
        shell: bash, zsh or fish.

    Example:
        walkprint completion bash > ~/.local/share/bash-completion/completions/walkprint
    """
    from walkprint.cli import VERBS, find_verb

    verbs = [find_verb(name) for name in VERBS]
    text = _fish(verbs) if shell == "fish" else f"{_ZSH if shell == 'zsh' else ''}{_bash(verbs)}"
    return Summary({"shell": shell, "script": text}, text)


def _bash(verbs: list[Verb]) -> str:
    options = "\n".join(f'    {verb.name}) known="{" ".join(_words(verb))}" ;;' for verb in verbs)
    choices = "\n".join(
        f'    "{verb.name} {option.shown}") known="{" ".join(option.choices)}" ;;'
        for verb in verbs
        for option in verb.options.values()
        if option.choices and not option.positional
    )
    return _BASH.format(verbs=" ".join(verb.name for verb in verbs), options=options, choices=choices)


def _fish(verbs: list[Verb]) -> str:
    lines = []
    for verb in verbs:
        lines.append(f"complete -c walkprint -n __fish_use_subcommand -a {verb.name} -d '{_quoted(verb.summary)}'")
        here = f"complete -c walkprint -n '__fish_seen_subcommand_from {verb.name}'"
        for option in (one for one in verb.options.values() if not one.positional):
            more = "" if option.annotation is bool else " -r"
            lines.append(f"{here} -l {option.name}{more} -d '{_quoted(option.help)}'")
        if words := [word for word in _words(verb) if not word.startswith("-")]:
            lines.append(f"{here} -a '{' '.join(words)}'")
    return "\n".join(lines)


def _words(verb: Verb) -> list[str]:
    """What may stand after a verb: its options, and the choices or bundled names of its first word."""
    options = verb.options.values()
    words = [option.shown for option in options if not option.positional] + ["--import", "--config", "--json", "--help"]
    first = next((option for option in options if option.positional), None)
    if first is None:
        return words
    return words + (list(bundled()) if first.name in ("recipe", "name", "study") else first.choices)


def _quoted(text: str) -> str:
    return text.replace("\\", "").replace("'", "\\'")
