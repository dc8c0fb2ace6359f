"""What the descriptor set says about every rpc: its route, who may call it, its comments.

Everything the gateway knows of the services is read here, from `build/kaigong.binpb`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from buf.validate import validate_pb2 as _validate  # noqa: F401  (registers the rules' options)
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from kaigong.access.v1 import access_pb2 as access
from kaigong.media.v1 import media_pb2

HTTP_BODY = ".google.api.HttpBody"
_VERBS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class ProtoMistake(SystemExit):
    """The protos say something that the gateway cannot carry out; the text names the rpc."""


@dataclass(frozen=True)
class Message:
    """One message type with the comments of its file."""

    name: str
    proto: descriptor_pb2.DescriptorProto
    comment: str
    field_comments: dict[str, str]

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]

    def field(self, name: str) -> descriptor_pb2.FieldDescriptorProto:
        return next(each for each in self.proto.field if each.name == name)


@dataclass(frozen=True)
class EnumType:
    name: str
    proto: descriptor_pb2.EnumDescriptorProto
    comment: str
    value_comments: dict[str, str]

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Rpc:
    """One rpc. `path` is empty when the gateway has no route for it."""

    package: str
    service: str
    name: str
    request: str
    response: str
    comment: str
    access: access.Access
    has_access: bool
    http_method: str = ""
    path: str = ""
    body: str = ""
    response_body: str = ""
    # What a file may be, for uploads and downloads; any type when the proto does not say.
    media_types: tuple[str, ...] = ("*/*",)

    @property
    def full_service(self) -> str:
        return f"{self.package}.{self.service}"

    @property
    def grpc_path(self) -> str:
        return f"/{self.full_service}/{self.name}"

    @property
    def cluster(self) -> str:
        """The service that serves it: `kaigong.<service>.v1`."""
        return self.package.split(".")[1]

    @property
    def is_public(self) -> bool:
        return bool(self.access.audience == access.AUDIENCE_PUBLIC)

    @property
    def is_peer(self) -> bool:
        return bool(self.access.audience == access.AUDIENCE_PEER)

    @property
    def is_command(self) -> bool:
        return bool(self.path) and self.http_method != "GET"

    @property
    def variables(self) -> list[str]:
        return _VARIABLE.findall(self.path)

    @property
    def has_verb(self) -> bool:
        return ":" in self.path.rpartition("/")[2]

    @cached_property
    def regex(self) -> str:
        """The path as RE2. A variable is one segment; a slash in a value travels as %2F."""
        parts = _VARIABLE.split(self.path)
        return "".join(re.escape(part) if i % 2 == 0 else "[^/]+" for i, part in enumerate(parts))


@dataclass(frozen=True)
class Protos:
    """The descriptor set, indexed."""

    rpcs: list[Rpc]
    messages: dict[str, Message]
    enums: dict[str, EnumType]
    service_comments: dict[str, str] = field(default_factory=dict)

    @property
    def routed(self) -> list[Rpc]:
        return [rpc for rpc in self.rpcs if rpc.path]

    def uploads(self, rpc: Rpc) -> bool:
        """Say whether the request's body is a file, not JSON."""
        if not rpc.body or rpc.body == "*":
            return False
        return self.messages[rpc.request].field(rpc.body).type_name == HTTP_BODY

    def downloads(self, rpc: Rpc) -> bool:
        return rpc.response == HTTP_BODY


def read(descriptors: Path) -> Protos:
    return of(descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()))


def of(descriptors: descriptor_pb2.FileDescriptorSet) -> Protos:
    """Index the set, and refuse what the gateway cannot route."""
    rpcs: list[Rpc] = []
    messages: dict[str, Message] = {}
    enums: dict[str, EnumType] = {}
    services: dict[str, str] = {}
    for file in descriptors.file:
        comments = {
            tuple(place.path): _tidy(place.leading_comments)
            for place in file.source_code_info.location
            if place.leading_comments
        }
        scope = f".{file.package}"
        for i, message in enumerate(file.message_type):
            _index_message(message, scope, (4, i), comments, messages, enums)
        for i, enum in enumerate(file.enum_type):
            _index_enum(enum, scope, (5, i), comments, enums)
        if file.package.startswith("kaigong."):
            for i, service in enumerate(file.service):
                services[f"{file.package}.{service.name}"] = comments.get((6, i), "")
                rpcs.extend(
                    _rpc(file.package, service.name, method, comments.get((6, i, 2, j), ""))
                    for j, method in enumerate(service.method)
                )
    protos = Protos(rpcs, messages, enums, services)
    for rpc in protos.routed:
        _refuse_what_cannot_be_routed(protos, rpc)
    return protos


def _rpc(
    package: str, service: str, method: descriptor_pb2.MethodDescriptorProto, comment: str
) -> Rpc:
    options: Any = method.options
    rule = options.Extensions[annotations_pb2.http]
    verb = next((each for each in _VERBS if getattr(rule, each)), "")
    if rule.additional_bindings or rule.HasField("custom"):
        raise ProtoMistake(f"{package}.{service}.{method.name}: one plain route per rpc, please")
    return Rpc(
        package=package,
        service=service,
        name=method.name,
        request=method.input_type,
        response=method.output_type,
        comment=comment,
        access=options.Extensions[access.access],
        has_access=options.HasExtension(access.access),
        http_method=verb.upper(),
        path=getattr(rule, verb) if verb else "",
        body=rule.body,
        response_body=rule.response_body,
        media_types=tuple(options.Extensions[media_pb2.types]) or ("*/*",),
    )


def _refuse_what_cannot_be_routed(protos: Protos, rpc: Rpc) -> None:
    where = f"{rpc.full_service}.{rpc.name} ({rpc.http_method} {rpc.path})"
    if not rpc.path.startswith("/v1/"):
        raise ProtoMistake(f"{where}: routes begin with /v1/")
    if "{" in _VARIABLE.sub("", rpc.path):
        raise ProtoMistake(f"{where}: a variable is one plain field, {{snake_case}}")
    known = {each.name for each in protos.messages[rpc.request].proto.field}
    for name in [*rpc.variables, *([rpc.body] if rpc.body not in {"", "*"} else [])]:
        if name not in known:
            raise ProtoMistake(f"{where}: the request has no field {name}")
    if rpc.is_peer:
        raise ProtoMistake(f"{where}: an rpc for peers has no route")


def _index_message(
    message: descriptor_pb2.DescriptorProto,
    scope: str,
    place: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
    messages: dict[str, Message],
    enums: dict[str, EnumType],
) -> None:
    name = f"{scope}.{message.name}"
    messages[name] = Message(
        name,
        message,
        comments.get(place, ""),
        {each.name: comments.get((*place, 2, i), "") for i, each in enumerate(message.field)},
    )
    for i, nested in enumerate(message.nested_type):
        _index_message(nested, name, (*place, 3, i), comments, messages, enums)
    for i, enum in enumerate(message.enum_type):
        _index_enum(enum, name, (*place, 4, i), comments, enums)


def _index_enum(
    enum: descriptor_pb2.EnumDescriptorProto,
    scope: str,
    place: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
    enums: dict[str, EnumType],
) -> None:
    enums[f"{scope}.{enum.name}"] = EnumType(
        f"{scope}.{enum.name}",
        enum,
        comments.get(place, ""),
        {each.name: comments.get((*place, 2, i), "") for i, each in enumerate(enum.value)},
    )


def _tidy(comment: str) -> str:
    """Return the comment without its margin; paragraphs stay apart, lines of one are joined."""
    paragraphs = re.split(r"\n\s*\n", comment.strip())
    return "\n\n".join(" ".join(line.strip() for line in each.splitlines()) for each in paragraphs)


def by_shape(rpcs: list[Rpc]) -> Iterator[tuple[tuple[str, ...], list[Rpc]]]:
    """Yield (the methods of a path, the rpcs of all such paths); what must match first comes first.

    A path with a custom verb stands before one that ends in a variable, since the variable
    would take the verb for a part of its value; a literal end stands before a variable for
    the same reason.
    """
    shapes: dict[str, list[Rpc]] = {}
    for rpc in rpcs:
        shapes.setdefault(rpc.regex, []).append(rpc)
    groups: dict[tuple[int, tuple[str, ...]], list[Rpc]] = {}
    for sharing in shapes.values():
        methods = tuple(sorted(rpc.http_method for rpc in sharing))
        groups.setdefault((_rank(sharing[0]), methods), []).extend(sharing)
    for (_, methods), members in sorted(groups.items(), key=lambda item: item[0]):
        yield methods, members


def _rank(rpc: Rpc) -> int:
    if rpc.has_verb:
        return 0
    return 2 if rpc.path.endswith("}") else 1
