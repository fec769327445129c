"""How the documentation is built: MyST pages, the furo theme, the reference from the docstrings."""

import walkprint

project = "walkprint"
author = "The walkprint authors"
copyright = "2026, the walkprint authors"
release = walkprint.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "walkprint"
html_static_path = ["_static"]
html_css_files = ["phone.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_use_ivar = True
