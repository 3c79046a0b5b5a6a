# The configuration, checked before any job.
from snakemake.utils import min_version

from proteinmtp.base.errors import ConfigError, UserError, one_line
from proteinmtp.base.yaml_file import read_yaml
from proteinmtp.predictors import catalogue

min_version("9.24")

# The configuration of the checkout, or of the folder where snakemake is started if nothing else is given; started from
# a folder without one, everything has its default.
OWN_CONFIG = Path("config.yaml").is_file() and (Path(HOUSE).samefile(".") or not workflow.overwrite_configfiles)
CONFIG_FILES = [
    *(["config.yaml"] if OWN_CONFIG else []),
    *workflow.overwrite_configfiles,
]

# Snakemake would take of two keys the last, and names no file where it cannot read one.
with one_line():
    for path in [] if workflow.modifier.skip_configfile else CONFIG_FILES:
        read_yaml(Path(path))

if OWN_CONFIG:

    configfile: "config.yaml"


with one_line():
    try:
        CONFIG = catalogue.parse_config(config)
        catalogue.check_backbones(CONFIG)
        catalogue.check_results(Path(CONFIG.results), Path(HOUSE))
    except ConfigError as error:
        files = ", ".join(map(str, CONFIG_FILES)) or "of the command line"
        raise ConfigError(f"the configuration {files} has a mistake:\n{error}")

# As a module, what the other workflow asks for stays its target.
IS_TARGET = workflow.default_target is None


def placed(path):
    """Return a path where the `prefix` of a `module:` puts it; of what is in storage, where it lies on this machine."""
    return str(workflow.modifier.path_modifier.modify(path))
