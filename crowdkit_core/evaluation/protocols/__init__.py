"""Protocols by which benchmarks judge found points, by name."""

from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.protocols.nwpu import NWPUProtocol
from crowdkit_core.evaluation.protocols.protocol import (
    Protocol,
    ProtocolScores,
    protocol_scores,
    shares,
)
from crowdkit_core.evaluation.protocols.qnrf import QNRFProtocol
from crowdkit_core.evaluation.protocols.shanghaitech import ShanghaiTechProtocol
from crowdkit_core.spelling import did_you_mean

PROTOCOLS: dict[str, Protocol] = {
    each.name: each for each in (NWPUProtocol(), ShanghaiTechProtocol(), QNRFProtocol())
}

__all__ = [
    "PROTOCOLS",
    "NWPUProtocol",
    "Protocol",
    "ProtocolScores",
    "QNRFProtocol",
    "ShanghaiTechProtocol",
    "asked_protocol",
    "protocol_scores",
    "shares",
]


def asked_protocol(protocol: str | Protocol | None) -> Protocol | None:
    """A protocol by name or as it is; None for none.

    Raises:
        UsageError: There is none of this name; suggests near ones.
    """
    if not isinstance(protocol, str):
        return protocol
    if protocol not in PROTOCOLS:
        near = did_you_mean(protocol, list(PROTOCOLS))
        raise UsageError(
            f"protocol {protocol!r} is unknown", hint=near or f"there are: {', '.join(PROTOCOLS)}"
        )
    return PROTOCOLS[protocol]
