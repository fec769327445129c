"""Puts the draper of a finished run into the package: `python tools/bundle_draper.py runs/draper`."""

import sys

from walkprint.generation.draped_coat import WEIGHTS, save_draper
from walkprint.generation.draper import Draper
from walkprint.recipes import load_generator

if __name__ == "__main__":
    model = load_generator(sys.argv[1])
    if not isinstance(model, Draper):
        sys.exit(f"{sys.argv[1]}: holds a {type(model).__name__}; expected the run of walkers/draped_coat")
    save_draper(model)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size:,} bytes")
