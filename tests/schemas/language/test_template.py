"""The language of templates: small, and refused early."""

from __future__ import annotations

import pytest
from dicombake.schemas.language.template import (
    Place,
    TemplateError,
    check_template,
    is_template,
    parse,
    places,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("plain", ("plain",)),
        ("{stem}.dcm", (Place("", "stem", ""), ".dcm")),
        ("{index:04d}", (Place("", "index", "04d"),)),
        ("{vars.a_1}{env.HOME}", (Place("vars", "a_1", ""), Place("env", "HOME", ""))),
        ("{source.GantryAngle:.1f}", (Place("source", "GantryAngle", ".1f"),)),
        ("{source.30020011}", (Place("source", "30020011", ""),)),
        ("{source.0008103E}", (Place("source", "0008103E", ""),)),
        ("{{x}}", ("{", "x", "}")),
        ("{{{stem}}}", ("{", Place("", "stem", ""), "}")),
    ],
)
def test_pieces(text: str, pieces: tuple[str | Place, ...]) -> None:
    assert parse(text) == pieces


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "a single '{'"),
        ("a}", "a single '}'"),
        ("{}", "is no name"),
        ("{0}", "is no name"),
        ("{stem!r}", "is no name"),
        ("{a[0]}", "is no name"),
        ("{a.b.c}", "is no name"),
        ("{a b}", "is no name"),
        ("{stem.upper}", "only vars., env., source. and csv. have names inside"),
        ("{index:0100d}", "a width of more than 64"),
        ("{index:.65f}", "a width of more than 64"),
        ("{index:{width}}", "a single '{'"),
        ("{index:%Y}", "'%Y' is no format such as 04d or .1f"),
    ],
)
def test_what_is_no_template(text: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert what in str(caught.value)


@given(st.text(max_size=30))
def test_doubled_braces_are_the_braces_themselves(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert "".join(str(piece) for piece in parse(doubled)) == text
    assert places(doubled) == ()
    assert is_template(doubled) is ("{" in text or "}" in text)


@given(st.text(st.sampled_from("{}:.!ab0 []d")))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        pieces = parse(text)
    except TemplateError:
        return
    written = [
        f"{{{p}:{p.spec}}}" if isinstance(p, Place) else p.replace("{", "{{").replace("}", "}}")
        for p in pieces
    ]
    assert parse("".join(written)) == pieces


@pytest.mark.parametrize("value", [None, 5, "", "{"])
def test_the_type_takes_well_formed_text_only(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        check_template(value)
    assert check_template("{stem}") == "{stem}"
