"""Tables: text stays text, missing stays missing, and a bad line is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.errors import InputError, OutputError
from scartools.files import table
from scartools.files.table import Column

COLUMNS = {"participant_id": Column("Subject"), "mass_g": Column("LV mass", "g")}


def test_ids_keep_their_zeros_and_missing_is_none(tmp_path):
    table.write(tmp_path / "a.tsv", COLUMNS, [{"participant_id": "00123", "mass_g": math.nan}])
    assert (tmp_path / "a.tsv").read_text() == "participant_id\tmass_g\n00123\tn/a\n"
    assert table.read(tmp_path / "a.tsv").rows == ({"participant_id": "00123", "mass_g": None},)


def test_the_sidecar_describes_the_columns(tmp_path):
    from scartools.files.provenance import read_json

    table.write(tmp_path / "a.tsv", COLUMNS, [], facts={"Density": 1.05})
    facts = read_json(tmp_path / "a.json")
    assert facts["Columns"]["mass_g"] == {"Description": "LV mass", "Units": "g"}
    assert facts["Density"] == 1.05


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\t\r\n\0", exclude_categories=["Cs"])),
            st.one_of(st.none(), st.floats(allow_infinity=False)),
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "a.tsv"
    table.write(path, COLUMNS, [{"participant_id": text, "mass_g": value} for text, value in rows])
    found = table.read(path)
    assert len(found.rows) == len(rows)
    for row, (text, value) in enumerate(rows):
        assert found.rows[row]["participant_id"] == (None if text in ("", "n/a") else text)
        read = table.number(found, row, "mass_g")
        if value is None or math.isnan(value):
            assert math.isnan(read)
        else:
            assert read == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"a\tb\n1\n", "line 2 has 1 cells"),
        (b"a\ta\n1\t2\n", "twice"),
        (b"a\tb\n", "no rows"),
        (b"b\n1\n", "no column a"),
        (b"a\n\xff\n", "not UTF-8"),
        (b"a\n1\0\n", "NUL"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path, content, problem):
    (tmp_path / "a.tsv").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        table.read(tmp_path / "a.tsv", required=["a"])


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"\xef\xbb\xbfa\tb\r\n1\t2\r\n")
    assert table.read(tmp_path / "a.tsv").rows == ({"a": "1", "b": "2"},)


def test_a_number_that_is_none_is_named_with_line_and_column(tmp_path):
    (tmp_path / "a.tsv").write_text("a\n1,5\n")
    with pytest.raises(InputError, match="line 2, column a: '1,5'"):
        table.number(table.read(tmp_path / "a.tsv"), 0, "a")


def test_a_tab_in_a_cell_is_refused(tmp_path):
    with pytest.raises(OutputError, match="tab"):
        table.write(tmp_path / "a.tsv", COLUMNS, [{"participant_id": "a\tb", "mass_g": 1}])
    assert list(tmp_path.iterdir()) == []
