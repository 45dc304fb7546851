#!/usr/bin/env python3
"""Plants one violation of each rule of tools/tidy.py in a small tree and expects it to be found; a
clean tree must pass."""

import os
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")

CLEAN = {
    "include/dashi/status.h": "#pragma once\n\nnamespace dashi {\nclass Status {};\n}\n",
    "base/clock.h": "#pragma once\n\n#include <chrono>\n",
    "storage/rocksdb_store.h": "#pragma once\n\n#include <string>\n",
    "storage/rocksdb_store.cc": """\
#include "storage/rocksdb_store.h"

#include <unistd.h>
#include <vector>

#include <rocksdb/db.h>

#include "base/clock.h"
#include "dashi/status.h"

namespace dashi {
// A comment may say throw, std::mutex, rand() or "{"; so may a string.
const char* kText = "throw std::mutex { rand() /" "/ ";
const char kBrace = '{';
const int kMillion = 1'000'000;
// TODO(#12): say what is missing.
int Lifetime(int runtime(int)) { return runtime(3) + kMillion; }
}  // namespace dashi
""",
}


def function_of(num_lines):
    return "int F() {\n" + "  ++x;\n" * (num_lines - 2) + "}\n"


# (rule, path, text): the file that breaks exactly this rule.
PLANTED = [
    ("layer", "storage/a.cc", '#include "query/plan.h"\n'),
    ("layer", "include/dashi/a.h", '#pragma once\n#include "base/clock.h"\n'),
    ("layer", "index/a.cc", '#include "tests/testing/fake_clock.h"\n'),
    ("layer", "trainer/a.cc", '#include "trainer/torch/module.h"\n'),
    ("layer", "examples/a.cc", '#include "base/clock.h"\n'),
    ("include-path", "storage/a.cc", '#include "store.h"\n'),
    ("door", "query/a.cc", "#include <rocksdb/db.h>\n"),
    ("door", "storage/a.cc", "#include <rocksdb/db.h>\n"),
    ("door", "index/a.cc", "#include <faiss/Index.h>\n"),
    ("door", "trainer/a.cc", "#include <torch/torch.h>\n"),
    ("door", "trainer/a.cc", "#include <ATen/ATen.h>\n"),
    ("door", "trainer/a.cc", "#include <c10/core/Device.h>\n"),
    ("door", "query/a.cc", "#include <sqlite3.h>\n"),
    ("door", "sql/a.cc", "#include <boost/asio.hpp>\n"),
    ("door", "sql/a.cc", "#include <readline/readline.h>\n"),
    ("door", "query/a.cc", "#include <hwy/highway.h>\n"),
    ("vague-name", "base/string_util.cc", "int x;\n"),
    ("vague-name", "query/helpers/a.cc", "int x;\n"),
    ("vague-name", "query/a.cc", "class PlanHelper {};\n"),
    ("vague-name", "query/a.cc", "namespace common {}\n"),
    ("columns", "query/a.cc", "// " + "x" * 98 + "\n"),
    ("columns", "tools/a.py", "# " + "x" * 99 + "\n"),
    ("file-length", "query/a.cc", "int x;\n" * 1001),
    ("function-length", "query/a.cc", function_of(71)),
    ("function-length", "query/a.cc",
     "namespace a {\nclass B {\n public:\n  B() : c_{1}, d_(2) {\n" + "f();\n" * 70 + "}\n};\n}\n"),
    ("function-length", "query/a.cc",
     "#if A\nint F() {\n#else\nint F(int) {\n#endif\n" + "f();\n" * 70 + "}\n"),
    ("mutex", "query/a.cc", "std::mutex m;\n"),
    ("mutex", "query/a.cc", "std::lock_guard<Mutex> lock(m);\n"),
    ("throw", "query/a.cc", "void F() { throw 1; }\n"),
    ("clock", "query/a.cc", "auto t = std::chrono::system_clock::now();\n"),
    ("clock", "tests/a.cc", "std::this_thread::sleep_for(x);\n"),
    ("clock", "query/a.cc", "auto t = time(nullptr);\n"),
    ("random", "query/a.cc", "int r = rand();\n"),
    ("random", "query/a.cc", "std::random_device device;\n"),
    ("todo", "query/a.cc", "// TO" "DO: later\n"),
    ("todo", "tools/a.py", "# FIX" "ME\n"),
    ("nolint", "query/a.cc", "int x;  // NOLINT\n"),
    ("nolint", "query/a.cc", "int x;  // NOLINT(google-runtime-int)\n"),
    ("pragma-once", "query/a.h", "int x;\n"),
    ("include-order", "query/a.cc", "#include <fmt/format.h>\n#include <vector>\n"),
    ("include-order", "query/a.cc", '#include "base/clock.h"\n#include <vector>\n'),
    ("machine-path", "docs/a.md", "see /wo" "rk/main\n"),
    ("machine-path", "query/a.cc", "// see /ro" "ot/x\n"),
    ("unlisted", "query/forgotten.cc", "int x;\n"),
]

ACCEPTED = [
    ("server/dashi_main.cc", "#include <CLI/CLI.hpp>\n"),
    ("base/dashi_main.cc", '#include "server/listener.h"\n'),
    ("trainer/torch/a.cc", '#include <ATen/ATen.h>\n\n#include "trainer/encoder.h"\n'),
    ("tests/a.cc", "void F() { throw 1; }\n"),
    ("base/a.cc", "std::random_device d;  // tidy-allow(random): the one source of seeds\n"),
    ("query/a.cc", "int x;  // NOLINT(google-runtime-int): the format has it\n"),
    ("query/a.cc", function_of(70)),
    ("query/a.cc", "const int kTable[] = {\n" + "1,\n" * 80 + "};\n"),
    ("query/a.cc", "int F() { return x.time(1) + y->time(2) + runtime(3) + operand(4); }\n"),
    ("query/a.cc", 'const char* sql = R"sql(\n' + "{\n" * 80 + ')sql";\n'),
]


class TidyTest(unittest.TestCase):
    def tidy(self, files):
        """Returns what tidy.py finds in a tree of these files, and its exit status."""
        with tempfile.TemporaryDirectory() as root:
            named = [path for path in files if path != "query/forgotten.cc"]
            files = {**files, "CMakeLists.txt": "\n".join(named) + "\n"}
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as stream:
                    stream.write(text)
            done = subprocess.run([sys.executable, TIDY, "--root", root], text=True,
                                  capture_output=True, check=False)
            return done.stdout.splitlines(), done.returncode

    def test_accepts_a_clean_tree(self):
        self.assertEqual(self.tidy(CLEAN), ([], 0))

    def test_finds_each_planted_violation_and_nothing_else(self):
        for rule, path, text in PLANTED:
            with self.subTest(rule=rule, path=path, text=text[:60]):
                found, status = self.tidy({**CLEAN, path: text})
                self.assertEqual(status, 1)
                self.assertTrue(found)
                for line in found:
                    self.assertRegex(line, rf"^{path}:\d+: {rule}: \S")

    def test_accepts_what_the_rules_allow(self):
        for path, text in ACCEPTED:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(self.tidy({**CLEAN, path: text}), ([], 0))


if __name__ == "__main__":
    unittest.main()
