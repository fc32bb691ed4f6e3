"""Every public docstring follows numpydoc and names every parameter."""

import inspect

import pytest
from numpydoc.validate import validate

import skdimred
import skdimred.inspection
import skdimred.metrics
import skdimred.model_selection

# Of numpydoc's checks these do not apply: a blank line after the last section (GL03),
# an extended summary and examples for each method (ES01, EX01), See Also (SA01), and
# a "Yields" or type where the sentence says it (RT02: one named return value).
NOT_OURS = {"ES01", "EX01", "SA01", "GL03", "RT02"}


def public():
    for module in (
        skdimred,
        skdimred.metrics,
        skdimred.model_selection,
        skdimred.inspection,
    ):
        for name in module.__all__:
            thing = getattr(module, name)
            path = f"{thing.__module__}.{thing.__qualname__}"
            yield path
            if inspect.isclass(thing):
                for base in thing.__mro__:
                    for method in vars(base):
                        function = getattr(base, method)
                        ours = getattr(function, "__module__", "") or ""
                        if method[0] != "_" and ours.startswith("skdimred"):
                            yield f"{base.__module__}.{base.__qualname__}.{method}"


@pytest.mark.parametrize("path", sorted(set(public())))
def test_numpydoc(path):
    found = [e for e in validate(path)["errors"] if e[0] not in NOT_OURS]
    assert not found, found


@pytest.mark.parametrize(
    "cls", [skdimred.PCA, skdimred.TruncatedSVD, skdimred.RatioLDA]
)
def test_every_fitted_attribute_is_documented(cls, iris):
    fitted = cls().fit(*iris)
    attributes = {n for n in vars(fitted) if n.endswith("_") and not n.startswith("_")}
    documented = cls.__doc__.split("Attributes\n")[1].split("See Also\n")[0]
    for name in attributes:
        assert f"    {name} : " in documented, name


@pytest.mark.parametrize(
    "cls", [skdimred.PCA, skdimred.TruncatedSVD, skdimred.RatioLDA]
)
def test_parameters_are_keyword_only_but_the_first(cls):
    first, *others = inspect.signature(cls).parameters.values()
    assert first.name == "n_components"
    assert all(p.kind is p.KEYWORD_ONLY for p in others)
    # A property would be computed whenever a notebook displays the estimator.
    assert not [
        name
        for name, member in inspect.getmembers(cls)
        if isinstance(member, property) and name.endswith("_") and name[0] != "_"
    ]
