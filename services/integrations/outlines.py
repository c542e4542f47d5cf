"""What stays of a botocore shape when only names and types are asked: small, and free of the model it came from.

An outline answers the questions that `shapes.py` asks of a shape. Definitions may name many services; their models
would fill everybody's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.model import ServiceModel, Shape

_MODELS: Final = 2


@dataclass(slots=True, eq=False)
class Outline:
    """The outline of one shape, with botocore's names for what it holds.

    Attributes:
        idempotent_members: of an operation's input: tokens that make a repeat harmless.
    """

    type_name: str
    members: dict[str, Outline] = field(default_factory=dict)
    required_members: tuple[str, ...] = ()
    serialization: Mapping[str, Any] = field(default_factory=dict)
    is_document_type: bool = False
    member: Outline | None = None
    value: Outline | None = None
    idempotent_members: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def input_outline(service: str, operation: str) -> Outline | None:
    """The outline of what an operation takes; None where it takes nothing. Reads the model of the service."""
    model = passing_model(service).operation_model(operation)
    if model.input_shape is None:
        return None
    outline = outline_of(model.input_shape)
    outline.idempotent_members = tuple(model.idempotent_members)
    return outline


@lru_cache(maxsize=_MODELS)
def passing_model(name: str) -> ServiceModel:
    """A model for a moment: a few are kept, because a definition asks for several actions of a service in a row."""
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel

    return ServiceModel(create_loader().load_service_model(name, "service-2", None), service_name=name)


def outline_of(shape: Shape) -> Outline:
    """The outline of a shape and of everything inside it."""
    return _outline(shape, {})


def flat(names: Iterable[str]) -> Outline:
    """The outline of an object whose members may be anything."""
    return Outline("structure", {name: Outline("string") for name in names})


def _outline(shape: Shape, made: dict[str, Outline]) -> Outline:
    """Structures may hold themselves, so that each is made once."""
    kind = shape.type_name
    if kind not in ("structure", "list", "map"):
        traits = {name: shape.serialization[name] for name in ("streaming",) if name in shape.serialization}
        return Outline(kind, serialization=traits)
    known = made.get(shape.name)
    if known is not None:
        return known
    outline = made[shape.name] = Outline(kind)
    if kind == "structure":
        outline.required_members = tuple(shape.required_members)
        outline.is_document_type = bool(shape.is_document_type)
        if "payload" in shape.serialization:
            outline.serialization = {"payload": shape.serialization["payload"]}
        outline.members = {name: _outline(inner, made) for name, inner in shape.members.items()}
    elif kind == "list":
        outline.member = _outline(shape.member, made)
    else:
        outline.value = _outline(shape.value, made)
    return outline
