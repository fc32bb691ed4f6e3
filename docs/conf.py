"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build``."""

import doctest
import re

import skdimred

project = "skdimred"
author = "The skdimred developers"
copyright = author
version = release = skdimred.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples"]
default_role = "code"

# Methods are documented one by one, see `keep_own` below.
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    # A page that shows how long it took would age badly.
    "min_reported_time": float("inf"),
    "write_computation_times": False,
    "show_signature": False,
    "download_all_examples": False,
}

# As in the test-suite. The default would accept any message of an exception.
doctest_default_flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

html_theme = "pydata_sphinx_theme"
html_title = f"skdimred {version}"
html_static_path = ["_static"]
html_css_files = ["gallery.css"]
html_sidebars = {"**": []}
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skdimred"},
    "header_links_before_dropdown": 8,
    "navbar_persistent": ["search-button"],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def escape_shapes(app, what, name, obj, options, lines):
    """Keep '(n_components_, p)' in a type from being read as a link."""
    for i, line in enumerate(lines):
        head, colon, kind = line.partition(" : ")
        lines[i] = head + colon + re.sub(r"_(?=[,)])", r"\_", kind)


def keep_own(app, what, name, obj, skip, options):
    """Leave out what scikit-learn adds: its texts refer to pages of its own."""
    is_ours = (getattr(obj, "__module__", None) or "").startswith("skdimred")
    return None if is_ours else True


def setup(app):
    app.connect("autodoc-skip-member", keep_own)
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)
