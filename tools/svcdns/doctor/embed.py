#!/usr/bin/python3
"""embed.py OUTPUT FILE... -- writes the files of doc/recipes as strings of C: bind-options.conf as recipe_bind_options_conf
(recipe_texts.h)."""

import re
import sys
from pathlib import Path

ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n"}


def definition(path):
    name = re.sub(r"\W", "_", path.name)
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    literals = ['\t"' + "".join(ESCAPES.get(c, c) for c in line) + '"' for line in lines]
    return f"const char recipe_{name}[] =\n" + "\n".join(literals) + ";\n"


texts = [definition(Path(path)) for path in sys.argv[2:]]
Path(sys.argv[1]).write_text("\n".join(['#include "svcdns/doctor/recipe_texts.h"\n', *texts]), encoding="ascii")
