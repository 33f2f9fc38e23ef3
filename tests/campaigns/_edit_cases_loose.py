"""Edit cases whose anchors are remembered badly: other blanks, other indentation, or ambiguous so."""

from typing import Final

from tests.campaigns._edit_cases import BOM, Case, refused, to

_CARD = """\
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
_TABBED = "function f() {\n\tif (a) {\n\t\tgo();\n\t}\n\tend();\n}\n"
_VUE = '<template>\n  <ul>\n    <li v-for="a in b" :key="a">{{ a }}</li>\n  </ul>\n</template>\n'
_CSS = ":root {\n    --primary: #123456;\n    --muted: #999999;\n}\n"
_YAML = "a:\n  b:\n    - one\n    - two\n  c: 3\n"

_BLANKS = (
    to(
        "blanks within a line",
        _CARD,
        "const [ open,setOpen ]  =  useState( false );",
        "const open = 1;",
        _CARD.replace("const [open, setOpen] = useState(false);", "const open = 1;"),
    ),
    to("blanks at the end of the anchor", "  a b;\n", "  a  b;   ", "  c;", "  c;\n"),
    to("blanks at the end of the line", "a b;   \nc\n", "a  b;\nc", "x\ny", "x\ny\n"),
    to("blanks at the end of several lines", "a;  \nb;\t\nc;\n", "a;\nb;\nc;\n", "x;\n", "x;\n"),
    to("tabs within a line", "a\t=\t1\n", "a = 1", "a = 2", "a = 2\n"),
    to("an empty line before the anchor", "a b\nc\n", "\na  b", "\nx", "x\nc\n"),
    to("an empty line behind the anchor", "a b\nc\n", "a  b\n\n", "x\n\n", "x\nc\n"),
    to("blanks in an empty line of the file", "a\n  \nb\n", "a\n\nb", "a\n\nc", "a\n\nc\n"),
    to("blanks in an empty line of the anchor", "a\n\nb\n", "a\n   \nb", "a\n\nc", "a\n\nc\n"),
    to("a line end that the file lacks", "a\nlast", "last\n", "end\n", "a\nend"),
    to("blanks around an arrow", "x=>y\n", "x => y", "x => z", "x => z\n"),
    to("blanks in a call", "f( a , b )\n", "f(a, b)", "g(a)", "g(a)\n"),
    to("blanks in JSX", "<A  b={ c }  />\n", "<A b={c} />", "<A />", "<A />\n"),
    to(
        "blanks in CSS",
        _CSS,
        "--primary:#123456;",
        "--primary: #16a34a;",
        _CSS.replace("#123456", "#16a34a"),
    ),
    to("blanks in CRLF", "a  =  1\r\nb\r\n", "a = 1\n", "a = 2\n", "a = 2\r\nb\r\n"),
    to("blanks behind a BOM", BOM + "x\na  =  1\n", "a = 1", "a = 2", BOM + "x\na = 2\n"),
    to(
        "the exact one wins over a loose one",
        "f(a,  b)\nf(a, b)\n",
        "f(a, b)",
        "g()",
        "f(a,  b)\ng()\n",
    ),
    to(
        "the indented one wins",
        "  f(a,  b)\n    f(a, b )\n",
        "  f(a, b)\n",
        "  g()\n",
        "  g()\n    f(a, b )\n",
    ),
    to("a no-break space counts as a blank", "a\u00a0= 1\n", "a = 1", "a = 2", "a = 2\n"),
    refused("two loose ones", "f(a,  b)\nf( a,b )\n", ("f(a, b)", "g()")),
    refused("two loose blocks", "a  1\nb\nx\na   1\nb\n", ("a 1\nb", "x")),
    refused("a word is not cut in front", "  returned  (1)\n", ("turned (1)", "x")),
    refused("a word is not cut behind", "a  bc (1)\n", ("a b (1)", "x")),
    refused("a blank does not vanish between words", "ab(1)\n", ("a b(1)", "x")),
    refused("a blank does not appear in a word", "a b(1)\n", ("ab(1)", "x")),
    refused("a line end is no blank", "a\nb\n", ("a b", "x")),
    refused("a blank is no line end", "a b\n", ("a\nb", "x")),
    refused("an empty line is not skipped", "a1\n\nb1\n", ("a1\nb1", "x")),
    refused("an empty line is not made up", "a1\nb1\n", ("a1\n\nb1", "x")),
    refused("only blanks", "a b\n\tc\n  d\n", ("    ", "x")),
    refused("only blanks and line ends", "a\n\n  \nb\n", ("   \n \n", "x")),
)

_INDENTS = (
    to(
        "a shifted block",
        _CARD,
        '<article className="card">\n  <h2>{title}</h2>\n',
        '<article className="wide">\n  <h2>{title}</h2>\n',
        _CARD.replace('"card"', '"wide"'),
    ),
    to(
        "a shifted block gets a child",
        _CARD,
        "<h2>{title}</h2>\n<button onClick={() => setOpen(!open)}>More</button>",
        "<h2>{title}</h2>\n<p>new</p>\n<button onClick={() => setOpen(!open)}>More</button>",
        _CARD.replace("</h2>\n", "</h2>\n      <p>new</p>\n"),
    ),
    to(
        "a shifted line becomes three",
        _CARD,
        "  <h2>{title}</h2>",
        "  <header>\n    <h2>{title}</h2>\n  </header>",
        _CARD.replace(
            "      <h2>{title}</h2>\n",
            "      <header>\n        <h2>{title}</h2>\n      </header>\n",
        ),
    ),
    to(
        "a line that lost half its indentation takes the next along",
        "{\n        a;\n    b;\n}\n",
        "      a;\n    b;",
        "      a;\n      c;\n    b;",
        "{\n        a;\n        c;\n    b;\n}\n",
    ),
    to(
        "a block that was too deep",
        "a {\n  b;\n  c;\n}\n",
        "      b;\n      c;",
        "      b;\n      d;",
        "a {\n  b;\n  d;\n}\n",
    ),
    to(
        "spaces for tabs",
        _TABBED,
        "  if (a) {\n    go();\n  }",
        "  if (b) {\n    go();\n  }",
        _TABBED.replace("(a)", "(b)"),
    ),
    to(
        "spaces for tabs, deeper",
        _TABBED,
        "  if (a) {\n    go();\n  }",
        "  if (a) {\n    if (b) {\n      go();\n    }\n  }",
        "function f() {\n\tif (a) {\n\t\tif (b) {\n\t\t\tgo();\n\t\t}\n\t}\n\tend();\n}\n",
    ),
    to(
        "four spaces for tabs",
        _TABBED,
        "    if (a) {\n        go();\n    }",
        "    if (a) {\n        stop();\n    }",
        _TABBED.replace("go()", "stop()"),
    ),
    to(
        "tabs for spaces",
        _VUE,
        '\t<ul>\n\t\t<li v-for="a in b" :key="a">{{ a }}</li>\n\t</ul>',
        '\t<ol>\n\t\t<li v-for="a in b" :key="a">{{ a }}</li>\n\t</ol>',
        _VUE.replace("ul>", "ol>"),
    ),
    to(
        "two spaces for four",
        _CSS,
        ":root {\n  --primary: #123456;\n",
        ":root {\n  --primary: #16a34a;\n",
        _CSS.replace("#123456", "#16a34a"),
    ),
    to(
        "two spaces for four, a line more",
        _CSS,
        ":root {\n  --primary: #123456;\n",
        ":root {\n  --primary: #123456;\n  --new: 1;\n",
        _CSS.replace("#123456;\n", "#123456;\n    --new: 1;\n"),
    ),
    to(
        "flat",
        "a {\n  b {\n    c;\n  }\n}\n",
        "b {\nc;\n}",
        "b {\nd;\n}",
        "a {\n  b {\n    d;\n  }\n}\n",
    ),
    to("lists in YAML", _YAML, "- one\n- two", "- one\n- three", _YAML.replace("two", "three")),
    to(
        "lists in YAML get a third",
        _YAML,
        "- one\n- two",
        "- one\n- two\n- three",
        _YAML.replace("two\n", "two\n    - three\n"),
    ),
    to(
        "shifted in CRLF",
        "a {\r\n  b;\r\n  c;\r\n}\r\n",
        "b;\nc;\n",
        "b;\nd;\n",
        "a {\r\n  b;\r\n  d;\r\n}\r\n",
    ),
    to(
        "shifted, tabs in CRLF",
        "a {\r\n\tb;\r\n\tc;\r\n}\r\n",
        "  b;\n  c;\n",
        "  b;\n  d;\n",
        "a {\r\n\tb;\r\n\td;\r\n}\r\n",
    ),
    to(
        "shifted without a last line end",
        "a {\n    b;\n    c;",
        "b;\nc;",
        "b;\nd;",
        "a {\n    b;\n    d;",
    ),
    to(
        "shifted at the start of the file",
        "  a;\n  b;\nc;\n",
        "a;\nb;",
        "a;\nd;",
        "  a;\n  d;\nc;\n",
    ),
    to(
        "shifted, with wide characters",
        "f {\n    a('é😀');\n    b;\n}\n",
        "  a('é😀');\n  b;",
        "  a('ü');\n  b;",
        "f {\n    a('ü');\n    b;\n}\n",
    ),
    to(
        "a fragment in mid-line",
        "x = [\n    first, { a: 1,\n      b: 2 }, last,\n]\n",
        "{ a: 1,\nb: 2 }",
        "{ a: 1,\nb: 3 }",
        "x = [\n    first, { a: 1,\n      b: 3 }, last,\n]\n",
    ),
    to("only the indentation changes", "  a;\n", "    a;\n", "      a;\n", "    a;\n"),
    to("a deletion of shifted lines", "a {\n    b;\n    c;\n}\n", "  b;\n  c;\n", "", "a {\n}\n"),
    Case(
        "two shifted edits",
        _CARD,
        (
            ("<h2>{title}</h2>\n<button", "<h2>{title}</h2>\n<b />\n<button"),
            ("return (\n<article", "return (\n<section"),
        ),
        _CARD.replace("</h2>\n", "</h2>\n      <b />\n").replace("<article", "<section"),
    ),
    refused("two shifted ones", "  a;\n  b;\nx;\n    a;\n    b;\n", ("      a;\n      b;", "c;")),
    refused("a shifted one that only looks alike", "  aa;\n  b;\n", ("    a;\n    b;", "c;")),
    refused("a shifted one with a line between", "  a1;\n\n  b1;\n", ("    a1;\n    b1;", "c;")),
    refused(
        "twice at other depths",
        "if (a) {\n  go();\n}\nif (b) {\n    go();\n}\n",
        ("\tgo();\n", "\tstop();\n"),
    ),
    refused(
        "a shifted anchor and a missing one", "  a;\n  b;\n", ("a;\nb;", "a;\nc;"), ("zz", "y")
    ),
    refused("a shifted placeholder", "  a;\n  b;\n", ("a;\nb;", "a;\n// rest unchanged")),
)

LOOSE: Final = (*_BLANKS, *_INDENTS)
