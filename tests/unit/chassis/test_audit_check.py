"""The offline check of audit lines: whatever is done to a line, the first one that is wrong is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.audit_check import (
    FIELDS,
    GENESIS,
    check_heads,
    check_lines,
    digest_of,
    hash_of,
    main,
    statement_of,
)

Lines = list[dict[str, Any]]


def chained(count: int) -> Lines:
    previous, lines = GENESIS, []
    for number in range(1, count + 1):
        line: dict[str, Any] = {name: f"{name} {number}" for name in FIELDS}
        line |= {"id": number * 3, "detail": {"status": "签收", "number": number}}
        previous = hash_of(previous, digest_of(line))
        lines.append({**line, "link": number, "hash": previous.hex()})
    return lines


def witnessed(lines: Lines, link: int, key: Ed25519PrivateKey) -> dict[str, Any]:
    head = {
        "instance": "321181",
        "service": "warning_dispatch",
        "link": link,
        "hash": lines[link - 1]["hash"],
        "at": "2026-10-08T01:00:00Z",
        "witness": "321100",
        "witnessed_at": "2026-10-08T01:01:00Z",
    }
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signature = base64.b64encode(key.sign(statement_of(head))).decode()
    return {**head, "key_id": "k", "public_key": public.decode(), "signature": signature}


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def test_a_chain_that_nobody_touched_is_whole() -> None:
    assert check_lines(chained(5)) is None


@pytest.mark.parametrize("name", [*FIELDS, "hash"])
@pytest.mark.parametrize("link", [1, 3, 5])
def test_any_field_of_any_line_that_is_altered_names_the_line(name: str, link: int) -> None:
    lines = chained(5)
    line = lines[link - 1]
    altered: Any = {"detail": {**line["detail"], "status": "退回"}, "id": line["id"] + 1}.get(name)
    if altered is None:
        first = "0" if line[name][0] != "0" else "1"
        altered = first + line[name][1:]
    line[name] = altered

    trouble = check_lines(lines)

    assert trouble
    assert trouble.link == link


@pytest.mark.parametrize(
    ("harm", "link"),
    [
        pytest.param(lambda lines: lines.pop(2), 3, id="one is missing"),
        pytest.param(lambda lines: lines.insert(2, {**lines[1]}), 2, id="one is there twice"),
        pytest.param(lambda lines: lines.reverse(), 1, id="turned around"),
        pytest.param(lambda lines: lines.insert(1, lines.pop(3)), 2, id="one came forward"),
        pytest.param(lambda lines: lines.pop(0), 1, id="the first is missing"),
    ],
)
def test_what_is_missing_or_out_of_order_is_named(harm: Callable[[Lines], Any], link: int) -> None:
    lines = chained(5)
    harm(lines)

    trouble = check_lines(lines)

    assert trouble
    assert trouble.link == link


def test_a_chain_that_was_cut_shows_against_what_somebody_witnessed(key: Ed25519PrivateKey) -> None:
    lines = chained(5)
    head = witnessed(lines, 4, key)

    assert check_heads([head]) is None
    assert check_lines(lines, [head]) is None
    trouble = check_lines(lines[:3], [head])
    assert trouble
    assert (trouble.link, "321100" in trouble.en) == (4, True)


def test_a_past_that_was_rewritten_whole_shows_against_the_witness(key: Ed25519PrivateKey) -> None:
    head = witnessed(chained(5), 4, key)
    rewritten, previous = chained(5), GENESIS
    rewritten[1]["username"] = "somebody else"
    for line in rewritten:
        previous = hash_of(previous, digest_of(line))
        line["hash"] = previous.hex()

    assert check_lines(rewritten) is None
    trouble = check_lines(rewritten, [head])
    assert trouble
    assert trouble.link == 4


@pytest.mark.parametrize("name", ["hash", "link", "service", "witness", "witnessed_at"])
def test_a_witness_is_only_as_good_as_its_signature(name: str, key: Ed25519PrivateKey) -> None:
    head = witnessed(chained(5), 4, key)
    head[name] = 5 if name == "link" else f"{head[name]}0"

    assert check_heads([head])


def test_lines_about_something_else_are_known_by_their_digest_alone() -> None:
    lines = chained(6)
    hidden = [
        line
        if line["link"] in (3, 5)
        else {"link": line["link"], "hash": line["hash"], "digest": digest_of(line).hex()}
        for line in lines[2:]
    ]
    before = (2, bytes.fromhex(lines[1]["hash"]))

    assert check_lines(hidden, after=before, whole=False, digests=True) is None
    assert check_lines(hidden, after=before, whole=False), "who asks for lines takes no digest"
    hidden[1]["digest"] = "00" * 32
    trouble = check_lines(hidden, after=before, whole=False, digests=True)
    assert trouble
    assert trouble.link == 4


def test_the_command_reads_an_exported_file_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: Ed25519PrivateKey
) -> None:
    lines = chained(4)
    about = {"instance": "321181", "service": "warning_dispatch"}
    heads = tmp_path / "heads.json"
    heads.write_text(json.dumps([witnessed(lines, 4, key)]))
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    whole.write_text("\n".join(json.dumps(each) for each in (about, *lines)))
    cut.write_text("\n".join(json.dumps(each) for each in (about, *lines[:3])))

    assert main([str(whole), "--heads", str(heads)]) == 0
    assert main([str(whole), str(cut), "--heads", str(heads)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert "whole" in said[1]
    assert "link 4" in said[2]
