"""Edit cases written by hand: a file, edits, and the exact text that must come out, or a refusal.

Here anchors are copied exactly; `_edit_cases_loose` holds those that models remember badly.
"""

from dataclasses import dataclass
from typing import Final

Pairs = tuple[tuple[str, str], ...]
BOM: Final = "\ufeff"


@dataclass(frozen=True)
class Case:
    """`after` None: the call must be refused and the file stay byte for byte."""

    name: str
    before: str
    edits: Pairs
    after: str | None


def to(name: str, before: str, search: str, replace: str, after: str) -> Case:
    """One edit that must be carried out."""
    return Case(name, before, ((search, replace),), after)


def refused(name: str, before: str, *edits: tuple[str, str]) -> Case:
    """Edits of which none may be carried out."""
    return Case(name, before, edits, None)


_PLAIN = (
    to("one word", "a KEY b\n", "KEY", "x", "a x b\n"),
    to("the whole file", "a\n", "a\n", "b\nc\n", "b\nc\n"),
    to("the first line", "a\nb\nc\n", "a\n", "A\n", "A\nb\nc\n"),
    to("a middle line", "a\nb\nc\n", "b", "B", "a\nB\nc\n"),
    to("the last line", "a\nb\nc\n", "c\n", "C\n", "a\nb\nC\n"),
    to("two lines", "a\nb\nc\nd\n", "b\nc", "x", "a\nx\nd\n"),
    to("a line is deleted", "a\nb\nc\n", "b\n", "", "a\nc\n"),
    to("the first line is deleted", "a\nb\n", "a\n", "", "b\n"),
    to("the last line is deleted", "a\nb\n", "b\n", "", "a\n"),
    to("everything is deleted", "a\nb\n", "a\nb\n", "", ""),
    to("a word is deleted", "let a = b;\n", "let ", "", "a = b;\n"),
    to("a line is put before", "a\nb\n", "b\n", "x\nb\n", "a\nx\nb\n"),
    to("a line is put behind", "a\nb\n", "a\n", "a\nx\n", "a\nx\nb\n"),
    to("an empty line is put in", "a\nb\n", "a\nb\n", "a\n\nb\n", "a\n\nb\n"),
    to("an empty line is taken out", "a\n\nb\n", "a\n\nb", "a\nb", "a\nb\n"),
    to(
        "from mid-line to mid-line",
        "one two\nthree four\n",
        "two\nthree",
        "2\n3",
        "one 2\n3 four\n",
    ),
    to(
        "only one of two alike, by context",
        "x = 1\ny\nx = 1\nz\n",
        "x = 1\nz",
        "x = 2\nz",
        "x = 1\ny\nx = 2\nz\n",
    ),
    to("a letter that is unique", "abc", "b", "B", "aBc"),
    to("capitals count", "Name name\n", "name", "x", "Name x\n"),
    to(
        "a closing brace by what precedes it",
        "f {\n}\ng {\n}\n",
        "g {\n}",
        "g {\n  x\n}",
        "f {\n}\ng {\n  x\n}\n",
    ),
    to("blanks at the end are replaced as given", "a  \nb\n", "a  \n", "a\n", "a\nb\n"),
    to("a tab is replaced by blanks", "\ta\n", "\ta", "  a", "  a\n"),
    to(
        "what looks like a group stays literal",
        "a KEY b",
        "KEY",
        r"\1 \g<0> $1 $& \\",
        r"a \1 \g<0> $1 $& \\ b",
    ),
    to("what looks like a pattern is found", "f(.*) [a-z]+ ^$\n", "(.*) [a-z]+ ^$", "x", "fx\n"),
    to("braces of a template stay", "<b>{{ a }}</b>\n", "{{ a }}", "{{ b }}", "<b>{{ b }}</b>\n"),
    to("quotes and backslashes stay", 'a = "x\\n";\n', '"x\\n"', "'y\\t'", "a = 'y\\t';\n"),
    to("a NUL-free control character stays", "a\x0cb\n", "b", "c", "a\x0cc\n"),
    to("a line separator stays", "a\u2028KEY\n", "KEY", "x", "a\u2028x\n"),
    to(
        "a replacement with the anchor in it",
        "call(a)\n",
        "call(a)",
        "wrap(call(a))",
        "wrap(call(a))\n",
    ),
    to("a replacement that stands elsewhere", "a\nb\n", "a", "b", "b\nb\n"),
    to(
        "a placeholder that was there stays",
        "// ... existing code ...\nx = 1\n",
        "x = 1",
        "x = 2",
        "// ... existing code ...\nx = 2\n",
    ),
    to("a spread is no placeholder", "<A />\n", "<A />", "<A {...props} />", "<A {...props} />\n"),
    to("one character of many", "x" * 500 + "y" + "x" * 500, "y", "z", "x" * 500 + "z" + "x" * 500),
    to(
        "a very long line",
        "a" * 9_000 + " KEY " + "b" * 9_000,
        "KEY",
        "k",
        "a" * 9_000 + " k " + "b" * 9_000,
    ),
)

_ENDS = (
    to("no line end, last word", "a\nlast", "last", "end", "a\nend"),
    to("no line end, none is made", "a\nb", "a", "A", "A\nb"),
    to("no line end, one is made", "a\nb", "b", "b\n", "a\nb\n"),
    to("no line end, a line is added", "a", "a", "a\nb", "a\nb"),
    to("the last line end is taken away", "a\nb\n", "b\n", "b", "a\nb"),
    to("only line ends", "a\n\n\nb\n", "\n\n\n", "\n", "a\nb\n"),
    to("two empty lines at the end stay", "a\n\n\n", "a", "b", "b\n\n\n"),
    to("CRLF, one word", "a\r\nb\r\nc\r\n", "b", "B", "a\r\nB\r\nc\r\n"),
    to("CRLF, lines by LF", "a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\nz\n", "x\r\ny\r\nz\r\nc\r\n"),
    to("CRLF, lines by CRLF", "a\r\nb\r\nc\r\n", "a\r\nb\r\n", "x\r\ny\r\n", "x\r\ny\r\nc\r\n"),
    to("CRLF, a line is deleted", "a\r\nb\r\nc\r\n", "b\n", "", "a\r\nc\r\n"),
    to("CRLF, a line is added", "a\r\nb\r\n", "a", "a\nx", "a\r\nx\r\nb\r\n"),
    to("CRLF, no line end", "a\r\nb", "b", "c\nd", "a\r\nc\r\nd"),
    to("CRLF, first line", "a\r\nb\r\n", "a\n", "A\n", "A\r\nb\r\n"),
    to("CRLF, last line", "a\r\nb\r\n", "b\n", "B\n", "a\r\nB\r\n"),
    to("CRLF, everything", "a\r\nb\r\n", "a\nb\n", "c\n", "c\r\n"),
    to(
        "CRLF, indented", "a {\r\n  b\r\n}\r\n", "  b\n", "  b\n  c\n", "a {\r\n  b\r\n  c\r\n}\r\n"
    ),
    to("CRLF wanted of a Unix file", "a\nb\n", "a\r\nb", "x\r\ny", "x\ny\n"),
    to("one CRLF in a Unix file stays", "a\nb\r\nc\nd\n", "c", "1\n2", "a\nb\r\n1\n2\nd\n"),
    to("one LF in a CRLF file stays", "a\r\nb\nc\r\nd\r\n", "c", "1\n2", "a\r\nb\n1\r\n2\r\nd\r\n"),
    to(
        "mixed, lines that stay keep their ends",
        "a\r\nb\nc\r\nd\n",
        "a\nb\nc\n",
        "a\nB\nc\n",
        "a\r\nB\nc\r\nd\n",
    ),
    to("a lone CR is a character", "a\rb\nc\n", "c", "d", "a\rb\nd\n"),
    to("a BOM stays", BOM + "a\nb\n", "b", "c", BOM + "a\nc\n"),
    to("a BOM stays before the first line", BOM + "a\nb\n", "a\n", "x\n", BOM + "x\nb\n"),
    to("a BOM and CRLF stay", BOM + "a\r\nb\r\n", "a\nb\n", "x\ny\n", BOM + "x\r\ny\r\n"),
    to("a BOM copied along stays one", BOM + "a\nb\n", BOM + "a\n", BOM + "x\n", BOM + "x\nb\n"),
    to(
        "a BOM is no part of a shifted line",
        BOM + "a;\n  b;\n",
        "  a;\n    b;",
        "  x;\n    b;",
        BOM + "x;\n  b;\n",
    ),
    refused("a BOM alone", BOM + "a\n", (BOM, "")),
    refused("an empty file has nothing to find", "", ("a", "b")),
    refused("an empty anchor in an empty file", "", ("", "b")),
    refused("a file of line ends", "\n\n\n", ("\n", "x")),
)

_UNICODE = (
    to("accents", "café = 1\n", "café", "thé", "thé = 1\n"),
    to("behind what takes four bytes", "𝕏😀 KEY\n", "KEY", "k", "𝕏😀 k\n"),
    to("an emoji of several parts", "👩‍👩‍👧 a\n", "👩‍👩‍👧", "👨‍👦", "👨‍👦 a\n"),
    to("right to left", "שלום עולם\n", "עולם", "x", "שלום x\n"),
    to("Chinese without blanks", "標題是看板\n", "看板", "日曆", "標題是日曆\n"),
    to("Cyrillic is not Latin", "а a\n", "a", "b", "а b\n"),
    to("a no-break space is kept around", "a\u00a0b c\n", "c", "d", "a\u00a0b d\n"),
    to("zero width stays", "a\u200bb KEY\n", "KEY", "x", "a\u200bb x\n"),
    to("a long dash", "a — b\n", "—", "–", "a – b\n"),
    to("quotes of typographers", "“a” 'a'\n", "“a”", "„a“", "„a“ 'a'\n"),
    to(
        "CRLF behind wide characters",
        "😀\r\n😀 b\r\nc\r\n",
        "b",
        "x\ny",
        "😀\r\n😀 x\r\ny\r\nc\r\n",
    ),
    refused("a composed é is not a decomposed one", "cafe\u0301 = 1\n", ("café", "x")),
    refused("a look-alike letter", "раураl = 1\n", ("paypal", "x")),
    refused("straight quotes are not curly ones", "“a”\n", ('"a"', "x")),
    refused("ß is not ss", "straße\n", ("strasse", "x")),
    refused("capitals are not small letters", "TITLE\n", ("title", "x")),
)

_REPEATED = (
    refused("a line that stands twice", "a\nb\na\n", ("a\n", "x\n")),
    refused("a word that stands twice", "open(open)\n", ("open", "shut")),
    refused("three times", "x\nx\nx\n", ("x\n", "y\n")),
    refused("overlapping itself", "aaa\n", ("aa", "b")),
    refused("overlapping itself over lines", "a\nb\na\nb\na\n", ("a\nb\na\n", "x\n")),
    refused("a brace among many", "f {\n}\ng {\n}\n", ("}\n", "};\n")),
    refused("a blank", "a b c\n", (" ", "_")),
    refused("a letter of a word and another", "bab\n", ("b", "c")),
    refused(
        "two alike blocks", "<li>\n  a\n</li>\n<li>\n  a\n</li>\n", ("<li>\n  a\n</li>", "<li />")
    ),
    refused("twice, CRLF", "a\r\nb\r\na\r\nb\r\n", ("a\nb\n", "x\n")),
    refused("twice, with mixed ends", "a\r\nb\na\nb\n", ("a\nb\n", "x\n")),
    refused("twice within a line", "<b>x</b><b>x</b>\n", ("<b>x</b>", "<i>x</i>")),
    refused("a prefix of another line", "import a\nimport ab\n", ("import a", "import b")),
    refused(
        "an import that stands in a comment too",
        "import x\n// import x\n",
        ("import x", "import y"),
    ),
)

_ORDER = (
    Case("two apart", "a\nb\nc\n", (("a", "A"), ("c", "C")), "A\nb\nC\n"),
    Case("two apart, from the end", "a\nb\nc\n", (("c", "C"), ("a", "A")), "A\nb\nC\n"),
    Case("two that touch", "ab\n", (("a", "x"), ("b", "y")), "xy\n"),
    Case("two lines that touch", "a\nb\n", (("a\n", "x\n"), ("b\n", "y\n")), "x\ny\n"),
    Case(
        "two lines that touch, CRLF", "a\r\nb\r\n", (("a\n", "x\n"), ("b\n", "y\n")), "x\r\ny\r\n"
    ),
    Case("the second in what the first made", "a\n", (("a", "bc"), ("c", "d")), "bd\n"),
    Case("a chain", "a\n", (("a", "b"), ("b", "c"), ("c", "d")), "d\n"),
    Case("a swap by a third name", "x = y\n", (("x", "t"), ("y", "x"), ("t", "y")), "y = x\n"),
    Case("there and back", "a\nb\n", (("a", "c"), ("c", "a")), "a\nb\n"),
    Case("the first makes the second unique", "a a2\n", (("a2", "b"), ("a", "c")), "c b\n"),
    Case(
        "a deletion makes the second unique", "x\ny\nx\n", (("y\nx\n", "y\n"), ("x", "z")), "z\ny\n"
    ),
    Case(
        "an insertion moves the second",
        "a\nb\n",
        (("a", "1\n2\n3\na"), ("b", "c")),
        "1\n2\n3\na\nc\n",
    ),
    Case(
        "ten in a row",
        "0123456789\n",
        tuple((str(n), chr(97 + n)) for n in range(10)),
        "abcdefghij\n",
    ),
    refused("the first takes away the second's anchor", "a b\n", ("a b", "c"), ("b", "d")),
    refused("they overlap in part", "a b c\n", ("a b", "x"), ("b c", "y")),
    refused("they overlap in lines", "a\nb\nc\n", ("a\nb\n", "x\n"), ("b\nc\n", "y\n")),
    refused("one lies within the other", "f(a, b)\n", ("f(a, b)", "g()"), ("a, b", "c")),
    refused("the first makes the second ambiguous", "a\nb\n", ("a", "b"), ("b", "c")),
    refused("the same twice", "a\n", ("a", "b"), ("a", "b")),
    refused("the second is missing", "a\nb\n", ("a", "A"), ("zzz", "x")),
    refused(
        "the last of many is missing", "a b c\n", ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")
    ),
    refused("the second is empty", "a\nb\n", ("a", "A"), ("", "x")),
    refused("the second changes nothing", "a\nb\n", ("a", "A"), ("b", "b")),
    refused(
        "the second holds a placeholder", "a\nb\n", ("a", "A"), ("b", "// ... rest of the code")
    ),
)

_SENSELESS = (
    refused("no edits", "a\n"),
    refused("an empty anchor", "a\n", ("", "x")),
    refused("an anchor of one line end in a long file", "a\nb\nc\n", ("\n", "")),
    refused("nothing changes", "a\n", ("a", "a")),
    refused("nothing changes but line ends", "a\r\nb\r\n", ("a\nb", "a\r\nb")),
    refused("it is not there", "a\nb\n", ("c", "d")),
    refused("half of it is there", "alpha beta\n", ("alpha gamma", "x")),
    refused("the lines are there in another order", "a1\nb2\n", ("b2\na1", "x")),
    refused("a line between is left out", "a1\nb2\nc3\n", ("a1\nc3", "x")),
    refused("a line too many", "a1\nb2\n", ("a1\nx9\nb2", "x")),
    refused("dots for what stands between", "a1\nb2\nc3\n", ("a1\n...\nc3", "x")),
    refused("line numbers were copied along", "aa\nbb\n", ("1: aa\n2: bb", "x")),
    refused("a diff instead of text", "aa\nbb\n", ("-aa\n+cc", "x")),
    refused("an anchor longer than the file", "a\n", ("a\n" * 50, "b")),
    refused("a pattern is no anchor", "abc123\n", (r"abc\d+", "x")),
    refused("a wildcard is no anchor", "abc\n", ("a*", "x")),
    *(
        refused(f"a placeholder: {text}", "f() {\n  a();\n}\n", ("  a();", text))
        for text in (
            "  // ... existing code ...",
            "  // rest unchanged",
            "  /* ... */",
            "  // your code here",
            "  {/* rest of the component */}",
            "  <!-- ... rest of template ... -->",
            "  a();\n  // ... other methods unchanged",
            "  # remaining code",
        )
    ),
)

EXACT: Final = (*_PLAIN, *_ENDS, *_UNICODE, *_REPEATED, *_ORDER, *_SENSELESS)
