"""The nulls of the project: one module is one null; `proteinmtp.predictors.null` says what it must be."""

from typing import TYPE_CHECKING

from proteinmtp.base import plugins

if TYPE_CHECKING:
    from proteinmtp.predictors.null import NullBase


def load(name: str) -> "NullBase":
    """Return a null: a module of this package, or one from elsewhere by its dotted name.

    Raises:
        PartError: if there is no such module, or it is not what its contract asks for.
    """
    # Here, because a configuration looks up names in this package, and needs no torch for that.
    from proteinmtp.predictors.null import NullBase

    part = plugins.load(__name__, name, "Null", NullBase)
    return part()
