"""ft.conf for a test: the shipped example with some values replaced, so that every test also tries the example.

Knows: libconfig's syntax as far as ft.conf uses it.  Must not know: what the settings mean.
"""

import json
import re

_TOKEN = re.compile(r"""
    (?P<skip>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<name>[A-Za-z*][-A-Za-z0-9_*]*)
  | (?P<number>[-+]?[0-9][0-9A-Fa-fxL.]*)
  | (?P<open>[{(\[]) | (?P<close>[})\]])
  | (?P<other>.)
""", re.VERBOSE | re.DOTALL)


def _tokens(text):
    for m in _TOKEN.finditer(text):
        if m.lastgroup != "skip":
            yield m


def _find(text, path):
    """(start, end) of the value at a dotted path in text, or None."""
    groups, depth, tokens = [], 0, list(_tokens(text))  # depth counts lists, arrays and groups that have no name
    for i, m in enumerate(tokens):
        if depth == 0 and m.lastgroup == "name" and i + 1 < len(tokens) and tokens[i + 1].group() in ":=":
            if groups + [m.group()] == path:
                return _value(tokens, i + 2)
        elif m.lastgroup == "open":
            named = i >= 2 and tokens[i - 1].group() in ":=" and m.group() == "{" and depth == 0
            if named:
                groups.append(tokens[i - 2].group())
            else:
                depth += 1
        elif m.lastgroup == "close":
            if depth:
                depth -= 1
            else:
                groups.pop()
    return None


def _value(tokens, i):
    start, depth = tokens[i].start(), 0
    for m in tokens[i:]:
        depth += (m.lastgroup == "open") - (m.lastgroup == "close")
        if depth == 0:
            return start, m.end()
    raise ValueError("a bracket is not closed")


def literal(value):
    """A Python value in libconfig's syntax: dict group, tuple list, list array, string, number, bool."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {literal(v)};" for k, v in value.items()) + " }"
    if isinstance(value, tuple):
        return "( " + ", ".join(map(literal, value)) + " )"
    if isinstance(value, list):
        return "[ " + ", ".join(map(literal, value)) + " ]"
    return json.dumps(value) if isinstance(value, str) else str(value)


def with_settings(text, settings):
    """The text with every {"group.name": value} in place: replaced where it stands, else added to its group."""
    for dotted, value in settings.items():
        path = dotted.split(".")
        span = _find(text, path)
        if span:
            text = text[:span[0]] + literal(value) + text[span[1]:]
            continue
        line = f"\n{path[-1]} = {literal(value)};\n"
        group = _find(text, path[:-1]) if len(path) > 1 else None
        if group:
            text = text[:group[0] + 1] + line + text[group[0] + 1:]
        elif len(path) > 1:
            text += f"\n{path[0]}: {{{line}}};\n"
        else:
            text += line
    return text
