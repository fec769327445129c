"""Recipes: what is trained on what, as YAML or in Python; see the modules.

This module loads nothing, so that finding a bundled file needs no torch.
"""
