"""Base of all sections of the configuration."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

LARGEST = 10**10
"""Nothing that is counted or measured here is larger."""


class Section(BaseModel):
    """Strict types, no unknown keys, immutable; numbers are finite and of a size that can be meant."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_meant(cls, value: Any) -> Any:
        if isinstance(value, int | float) and abs(value) > LARGEST:
            raise ValueError(f"input should be at most {LARGEST:.0e}")
        return value


Option = bool | int | float | str
"""Value of an option of a part of one's own."""
