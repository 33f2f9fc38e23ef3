"""The edit engine finds the one place that was meant, or says why it cannot."""

import textwrap

import pytest

from agents.edits import Edit, EditFailed, Reason, apply_edits, has_placeholder

CARD = textwrap.dedent(
    """\
    export function Card({ title }: Props) {
      const [open, setOpen] = useState(false);
      return (
        <article className="card">
          <h2>{title}</h2>
          <button onClick={() => setOpen(!open)}>More</button>
        </article>
      );
    }
    """
)


def fails(text: str, *edits: Edit) -> EditFailed:
    with pytest.raises(EditFailed) as caught:
        apply_edits(text, edits)
    return caught.value


# --- exact -----------------------------------------------------------------------------------


def test_an_exact_anchor_is_replaced_and_the_rest_is_kept() -> None:
    edited = apply_edits(CARD, [Edit("useState(false)", "useState(true)")])
    assert edited == CARD.replace("useState(false)", "useState(true)")


def test_several_edits_apply_one_after_another() -> None:
    edits = [Edit("More", "Less"), Edit("Less</button>", "Fewer</button>")]
    assert "Fewer</button>" in apply_edits(CARD, edits)


def test_a_failing_edit_leaves_nothing_of_the_others() -> None:
    error = fails(CARD, Edit("More", "Less"), Edit("nowhere to be seen", "x"))
    assert (error.number, error.reason) == (2, "missing")
    assert str(error).startswith("Edit 2: ")


def test_deleting_a_line_leaves_no_empty_one() -> None:
    edited = apply_edits(CARD, [Edit("      <h2>{title}</h2>\n", "")])
    assert edited == CARD.replace("      <h2>{title}</h2>\n", "")


@pytest.mark.parametrize("replace", [r"\1 \g<0> $1 $& \\ \n", "$$", "'\"`${x}`", "é 𝕏 \u2028"])
def test_a_replacement_is_taken_literally(replace: str) -> None:
    assert apply_edits("a KEY b", [Edit("KEY", replace)]) == f"a {replace} b"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Edit("", "x"), "empty"),
        (Edit("More", "More"), "unchanged"),
        (Edit("open", "shut"), "ambiguous"),
        (Edit("aa", "b"), "missing"),
        (Edit("More", "// ... rest of the code ..."), "placeholder"),
        (Edit("   ", "x"), "ambiguous"),
    ],
)
def test_an_edit_that_cannot_be_meant_is_refused(edit: Edit, reason: Reason) -> None:
    assert fails(CARD, edit).reason == reason


def test_no_edits_at_all_are_refused() -> None:
    assert fails(CARD).reason == "empty"


def test_overlapping_occurrences_are_ambiguous() -> None:
    error = fails("aaa", Edit("aa", "b"))
    assert error.reason == "ambiguous"


def test_an_ambiguous_anchor_names_the_lines_of_its_candidates() -> None:
    error = fails("x = 1\ny = 2\nx = 1\n", Edit("x = 1", "x = 2"))
    assert "2 places, at lines 1, 3" in str(error)


def test_a_missing_anchor_shows_the_nearest_lines() -> None:
    error = fails(CARD, Edit("<button onClick={() => setOpened(!opened)}>More</button>", "x"))
    assert "6:       <button onClick={() => setOpen(!open)}>More</button>" in str(error)


def test_an_anchor_that_an_earlier_edit_removed_is_told_so() -> None:
    error = fails(CARD, Edit("<h2>{title}</h2>", "<h3 />"), Edit("{title}</h2>", "{name}</h2>"))
    assert "before the earlier edits" in str(error)


def test_an_edit_that_was_made_before_is_told_so() -> None:
    done = apply_edits(CARD, [Edit("useState(false)", "useState(true)")])
    error = fails(done, Edit("useState(false)", "useState(true)"))
    assert "already contains" in str(error)


# --- whitespace ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "search",
    [
        "  const [ open,setOpen ]  =  useState( false );",
        "const [open, setOpen] = useState(false);   ",
        "const\t[open,\tsetOpen] = useState(false) ;\n\n",
        "\n  const [open, setOpen] =useState(false);\n",
    ],
)
def test_blanks_inside_a_line_do_not_hide_it(search: str) -> None:
    replace = search.replace(search.strip(), "const open = 1;")
    edited = apply_edits(CARD, [Edit(search, replace)])
    assert edited == CARD.replace("const [open, setOpen] = useState(false);", "const open = 1;")


def test_a_loose_match_never_cuts_a_word() -> None:
    assert fails("  returned  (1)\n", Edit("turned (1)", "x")).reason == "missing"
    assert fails("a  bc (1)\n", Edit("a b (1)", "x")).reason == "missing"
    assert fails("ab(1)\n", Edit("a b(1)", "x")).reason == "missing"


def test_two_loose_matches_are_ambiguous() -> None:
    assert fails("f(a,  b)\nf( a,b )\n", Edit("f(a, b)", "g()")).reason == "ambiguous"


def test_an_exact_match_wins_over_loose_ones() -> None:
    assert apply_edits("f(a,  b)\nf(a, b)\n", [Edit("f(a, b)", "g()")]) == "f(a,  b)\ng()\n"


def test_a_match_with_the_right_indentation_wins_over_others() -> None:
    text = "  f(a,  b)\n    f(a, b )\n"
    assert apply_edits(text, [Edit("  f(a, b)\n", "  g()\n")]) == "  g()\n    f(a, b )\n"


def test_the_last_line_without_a_line_end_is_found() -> None:
    assert apply_edits("a\nlast", [Edit("last\n", "end\n")]) == "a\nend"


# --- indentation -----------------------------------------------------------------------------


def test_a_shifted_anchor_is_found_and_the_replacement_is_shifted_back() -> None:
    edit = Edit(
        '<article className="card">\n  <h2>{title}</h2>\n',
        '<article className="card">\n  <header>\n    <h2>{title}</h2>\n  </header>\n',
    )
    assert apply_edits(CARD, [edit]) == CARD.replace(
        "      <h2>{title}</h2>\n",
        "      <header>\n        <h2>{title}</h2>\n      </header>\n",
    )


def test_spaces_become_the_files_tabs() -> None:
    text = "function f() {\n\tif (a) {\n\t\tgo();\n\t}\n}\n"
    edit = Edit("  if (a) {\n    go();\n  }", "  if (a) {\n    if (b) {\n      go();\n    }\n  }")
    assert apply_edits(text, [edit]) == (
        "function f() {\n\tif (a) {\n\t\tif (b) {\n\t\t\tgo();\n\t\t}\n\t}\n}\n"
    )


def test_a_flat_anchor_is_placed_by_the_lines_it_keeps() -> None:
    edit = Edit(
        "return (\n<article className='card'>".replace("'", '"'),
        "return (\n<article className='card wide'>".replace("'", '"'),
    )
    assert apply_edits(CARD, [edit]) == CARD.replace('"card"', '"card wide"')


def test_a_half_flat_anchor_is_placed_by_the_lines_it_keeps() -> None:
    edit = Edit(
        'return (\n<article className="card">\n  <h2>{title}</h2>',
        'return wrap(\n<article className="wide">\n  <h2>{title}</h2>',
    )
    expected = CARD.replace("return (", "return wrap(").replace('"card"', '"wide"')
    assert apply_edits(CARD, [edit]) == expected


def test_a_one_line_anchor_takes_its_children_along() -> None:
    text = "<ul>\n    <li>One</li>\n</ul>\n"
    edit = Edit("\t<li>One</li>", "\t<li>\n\t\tOne\n\t</li>")
    assert apply_edits(text, [edit]) == "<ul>\n    <li>\n        One\n    </li>\n</ul>\n"


def test_a_fragment_in_mid_line_is_replaced_alone() -> None:
    text = "x = [\n    first, { a: 1,\n      b: 2 }, last,\n]\n"
    edit = Edit("{ a: 1,\nb: 2 }", "{ a: 1,\nb: 3 }")
    assert apply_edits(text, [edit]) == text.replace("b: 2", "b: 3")


def test_an_edit_may_change_the_indentation_alone() -> None:
    assert apply_edits("  a;\n", [Edit("    a;\n", "      a;\n")]) == "    a;\n"


# --- line ends -------------------------------------------------------------------------------


def test_a_file_with_crlf_keeps_its_line_ends() -> None:
    edited = apply_edits("a\r\nb\r\nc\r\n", [Edit("a\nb\n", "x\ny\nz\n")])
    assert edited == "x\r\ny\r\nz\r\nc\r\n"


def test_a_lone_crlf_in_a_unix_file_is_kept() -> None:
    assert apply_edits("a\nb\r\nc\nd\n", [Edit("c", "1\n2")]) == "a\nb\r\n1\n2\nd\n"


# --- placeholders ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        *("// ... existing code ...", "// rest unchanged", "/* … rest of the file … */"),
        *("{/* ... */}", "# remaining code", "// ...", "{/* rest of the component */}"),
        *("<!-- ... rest of template ... -->", "// ... rest of your code here", "/* ... */"),
        *("// Rest of the code remains the same", "// existing imports", "/* existing styles */"),
        *("// (rest of the file unchanged)", "... rest of the code ...", "// same as before"),
        *("[rest of file unchanged]", "// other methods unchanged", "// remaining implementation"),
        *("const a = 1; // ... rest unchanged", " * ... rest of the file ...", "// your code here"),
        *("# ... (rest of the code stays the same)", "// … unchanged …", "foo({ // ..."),
        *(
            "// code omitted for brevity",
            "// previous code",
            "// the rest of the file stays the same",
        ),
    ],
)
def test_a_stand_in_for_code_is_a_placeholder(line: str) -> None:
    assert has_placeholder(f"import a from 'a';\n  {line}\nexport {{ a }};\n")


@pytest.mark.parametrize(
    "line",
    [
        *("{...props}", "...props,", "  ...rest", "<Button {...rest} />", "[...rest, item]"),
        *("const s = '// ... existing code ...';", "'...'", "// Loading...", "<p>Loading ...</p>"),
        *("// the rest of the items keep their order", "#rest {", "...existing,", "  …", "  ..."),
        *("// returns the remaining time", "<span>…</span>", "* { box-sizing: border-box }"),
        *("const u = 'https://x/... rest of the file';", "// other code paths use this", "(rest)"),
        *("// Same as the server's limit", "// Existing user", "# Bike shop", "// all items"),
        *("{/* Content */}", "// state", "/* ---------- Hooks ---------- */", "// previous page"),
        *("{/* Remaining items */}", "// Original content", "// existing items", "// TODO: more"),
        *("const { a, ...rest } = props;", "export { type Props, ...others };", "{/* Header */}"),
    ],
)
def test_honest_text_is_no_placeholder(line: str) -> None:
    assert not has_placeholder(f"import a from 'a';\n  {line}\nexport {{ a }};\n")


def test_code_shown_in_a_template_literal_is_no_placeholder() -> None:
    assert not has_placeholder("const sample = `\n// ... existing code ...\n`;\n")
    assert has_placeholder("const sample = `x`;\n// ... existing code ...\n")


def test_a_placeholder_that_the_file_has_already_may_stay() -> None:
    text = "// ... existing code ...\nx = 1\n"
    edited = apply_edits(text, [Edit(text, text.replace("1", "2"))])
    assert edited == text.replace("1", "2")
