"""`mcp-scaffold source [--env]`: where the template comes from.

`cli.py` registers `show_source` as the command `source`, with `env` as the flag `--env`.
"""

from __future__ import annotations

import shlex

from scaffold.template.source import TemplateSource, template_source


def show_source(*, env: bool = False) -> None:
    """Print where the template comes from; with `env`, as lines for `eval "$(mcp-scaffold source --env)"`.

    Raises:
        SourceError: This installation holds no template.
    """
    source = template_source()
    print(_exports(source) if env else _description(source))


def _exports(source: TemplateSource) -> str:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in source.environment().items()]
    return "\n".join(exports or [f"# The template is the checkout {source.url!r}: Copier needs no mapping."])


def _description(source: TemplateSource) -> str:
    facts = {"template": source.kind, "version": source.version, "location": source.location, "recorded as": source.url}
    lines = [f"{name + ':':<13}{value}" for name, value in facts.items()]
    return "\n".join([*lines, "", *_how_to_update(source)])


def _how_to_update(source: TemplateSource) -> list[str]:
    if source.kind == "bundle":
        return [
            "Plain Copier finds it, without a network, after:",
            '  eval "$(mcp-scaffold source --env)"',
            "  copier update",
        ]
    return [
        "Plain `copier update` goes to the latest tag of the checkout, or to its HEAD where there is no tag.",
        "Past the last tag, `copier update --vcs-ref HEAD` goes to the latest commit.",
    ]
