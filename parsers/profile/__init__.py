"""Protocols that are written down instead of programmed: a profile is a YAML file, here a plain mapping.

``compile_profile`` turns one that fits ``schemas/protocol.schema.json`` into a :class:`~parsers.protocol.ProtocolInfo`
and says everything that is wrong with it that a schema cannot see. Nothing of it does I/O.
"""

from parsers.profile.compile import compile_profile, describe_profile
from parsers.profile.problem import Problem, ProfileError

__all__ = ["Problem", "ProfileError", "compile_profile", "describe_profile"]
