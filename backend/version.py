"""The version of this program."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("ironbull")
except PackageNotFoundError:  # run from a source tree that is not installed
    VERSION = "0.1.0"
