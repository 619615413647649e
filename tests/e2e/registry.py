"""The list of all scenarios, filled as their modules are imported."""

import importlib
import os
import pkgutil

SCENARIOS = {}  # name -> function without arguments
UNABLE = []  # names of those that the QEMU that is tested cannot play
BOTH = ("primary", "secondary")


def scenario(function):
    """Registers a test under its own name."""
    _add(function.__name__, function)
    return function


def on_either_where(qemu_can):
    """As on_either, unless the QEMU that is tested cannot: then there is nothing to test, and nothing is skipped."""
    return on_either if qemu_can else lambda function: UNABLE.append(function.__name__)


def on_either(function):
    """Registers a test twice; it is given the role that something happens to."""
    for role in BOTH:
        _add(f"{function.__name__}[{role}]", lambda role=role: function(role))
    return function


def _add(name, function):
    assert name not in SCENARIOS, f"two scenarios are called {name}"
    SCENARIOS[name] = function


def load():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")
    for module in pkgutil.iter_modules([here]):
        importlib.import_module(f"tests.e2e.scenarios.{module.name}")
    return SCENARIOS
