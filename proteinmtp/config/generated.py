"""Files that follow from the config models: `config.yaml`, the JSON schema, and the conda environment.

`proteinmtp config --write` writes them; a test fails when a file and its source drift apart.
"""

import json
import re
import textwrap
import tomllib
from collections.abc import Iterator, Sequence

import yaml
from pydantic import BaseModel

from proteinmtp.base.errors import UserError
from proteinmtp.config.project import Config

WIDTH = 110

HEADER = """\
# The configuration of ProteinMTP. Every key stands here with its default, which is the demo; a key that is
# left out has its default. Presets change some sections (workflow/presets/): snakemake --configfile DATA MODEL
# Made from proteinmtp/config by `proteinmtp config --write`. Numbers such as 1e-4 must be written 1.0e-4.
"""


def config_yaml() -> str:
    """Return the text of `config.yaml`: every key with a comment and its default."""
    return HEADER + "\n".join(_section_lines(Config(), 0)) + "\n"


def config_schema() -> str:
    """Return the JSON schema of the configuration."""
    return json.dumps(Config.model_json_schema(), indent=2, sort_keys=True) + "\n"


def conda_environment(lock: str, dependencies: Sequence[str]) -> str:
    """Return the conda environment file: the direct dependencies at the versions of the lock.

    Parameters:
        lock: text of `requirements.lock`.
        dependencies: requirement strings of `pyproject.toml`.

    Raises:
        UserError: if a dependency is not in the lock.
    """
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock, flags=re.MULTILINE))
    pins = {_canonical(name): version for name, version in pins.items()}
    lines = [
        "name: proteinmtp",
        "channels: [conda-forge]",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    for requirement in sorted(dependencies, key=str.lower):
        match = re.match(r"([A-Za-z0-9._-]+)(\[[^]]*\])?", requirement)
        if match is None or _canonical(match[1]) not in pins:
            raise UserError(f"{requirement} of pyproject.toml is not in requirements.lock")
        lines.append(f"    - {match[1]}{match[2] or ''}=={pins[_canonical(match[1])]}")
    return "\n".join(lines) + "\n"


def files(*, project: str, lock: str) -> dict[str, str]:
    """Return the text of each generated file of a checkout, by its path in it.

    Parameters:
        project: text of `pyproject.toml`.
        lock: text of `requirements.lock`, `requirements-gpu.lock` and `requirements-cluster.lock`.

    Raises:
        UserError: if a dependency is not in the lock.
    """
    wanted = tomllib.loads(project)["project"]
    extras = wanted["optional-dependencies"]
    return {
        "config.yaml": config_yaml(),
        "workflow/schema/config.schema.json": config_schema(),
        "envs/proteinmtp.yaml": conda_environment(lock, [*wanted["dependencies"], *extras["gpu"], *extras["s3"]]),
    }


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _section_lines(section: BaseModel, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if depth == 0:
            yield ""
        description = field.description
        if isinstance(value, BaseModel):
            yield from _comment(description or (type(value).__doc__ or "").strip().splitlines()[0], indent)
            yield f"{indent}{name}:"
            yield from _section_lines(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            yield from _comment(description or "", indent)
            yield f"{indent}{name}:"
            text = yaml.safe_dump(
                [item.model_dump(exclude_defaults=True) for item in value], sort_keys=False, width=WIDTH
            )
            yield textwrap.indent(text.rstrip(), indent + "  ")
        else:
            yield from _comment(description or "", indent)
            yield f"{indent}{name}: {_scalar(value)}"


def _comment(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _scalar(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip()
