"""What can be wrong with a split, in words for the person who asked for it."""


class SplitError(ValueError):
    """A split that cannot be made as the settings say."""


class LeakError(RuntimeError):
    """Chains that belong together were assigned to different subsets."""


class AccountingError(RuntimeError):
    """Files or chains were lost between two stages."""
