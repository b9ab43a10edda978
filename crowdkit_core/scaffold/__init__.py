"""Write new plugin packages from templates."""

from crowdkit_core.scaffold.writer import SCAFFOLD_KINDS, write_plugin

__all__ = ["SCAFFOLD_KINDS", "write_plugin"]
