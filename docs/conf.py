"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build``."""

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

# The class template lists the methods; numpydoc renders the attributes.
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
}

html_theme = "pydata_sphinx_theme"
html_title = f"skdimred {version}"
html_sidebars = {"**": []}
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skdimred"},
    "header_links_before_dropdown": 8,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
