"""crowdkit: crowd counting from dot annotations, with parts of different papers that mix freely.

Importing this package is cheap: torch is imported when a component is.
"""

from crowdkit_core.registry import create, list_components, register

__version__ = "0.1.0"

__all__ = ["__version__", "create", "list_components", "register"]
