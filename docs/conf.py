"""Settings of the Sphinx build."""

import inspect

import manidiff

project = "manidiff"
author = "the manidiff developers"
copyright = "2026, the manidiff developers"
version = release = manidiff.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# README, CONTRIBUTING and CHANGELOG link to files of the repository.
suppress_warnings = ["myst.xref_missing", "myst.header"]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"manidiff {version}"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "doc_module": ("manidiff",),
    "backreferences_dir": None,
}


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn and torch add to every class."""
    module = getattr(inspect.unwrap(obj), "__module__", None) if callable(obj) else None
    return True if module and module.startswith(("sklearn.", "torch.")) else skip


def setup(app):
    """Connect the filters to the build."""
    app.connect("autodoc-skip-member", skip_inherited)
