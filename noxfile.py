"""Sessions: the same tests on the oldest and the newest versions, lint, docs."""

import nox

nox.options.sessions = ["lint", "oldest", "newest"]

OLDEST = ["scikit-learn==1.6.0", "numpy==2.0.0", "scipy==1.13.0"]


@nox.session
def lint(session):
    session.install("ruff>=0.12")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python="3.11")
def oldest(session):
    session.install(".[test]", *OLDEST)
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def newest(session):
    session.install(".[test]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def docs(session):
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build")
    session.run("sphinx-build", "-b", "doctest", "docs", "docs/_build/doctest")


@nox.session
def benchmarks(session):
    session.install(".[bench]")
    session.run("python", "benchmarks/run.py", *session.posargs)
