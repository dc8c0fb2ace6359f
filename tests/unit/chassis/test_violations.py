"""What no field may hold."""

from google.protobuf.struct_pb2 import Struct
from kaigong.identity.v1 import identity_pb2 as pb

from chassis.violations import unstorable


def test_a_nul_is_named_by_the_path_of_its_field() -> None:
    request = pb.CreateAccountRequest(username="a.b", name="a\0b", roles=["D1", "\0"])

    assert [each.field for each in unstorable(request)] == ["name", "roles[1]"]


def test_a_nul_is_found_in_maps_and_below() -> None:
    line = pb.ListAuditLinesResponse(lines=[pb.AuditLine(detail={"why": "\0"})])

    assert [each.field for each in unstorable(line)] == ["lines[0].detail['why']"]


def test_zero_bytes_that_are_no_text_are_left_alone() -> None:
    numbers = Struct()
    numbers.update({"zero": 1024.0})

    assert b"\0" in numbers.SerializeToString()
    assert unstorable(numbers) == []
