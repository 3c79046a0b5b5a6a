"""Base of all sections of the configuration."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Strict types, no unknown keys, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Option = bool | int | float | str
"""Value of an option of a part of one's own."""
