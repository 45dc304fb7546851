#include "sql/shell/result_writer.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/vector_codec.h"
#include "sql/shell/display_width.h"
#include "tests/shell/string_sink.h"

namespace dashi {
namespace {

const std::vector<Column> kColumns = {
    {"rank", ValueType::kInteger}, {"label", ValueType::kText}, {"score", ValueType::kNull}};

std::string Written(const WriterOptions& options, const std::vector<Column>& columns,
                    const std::vector<Row>& rows) {
  StringSink sink;
  const auto writer = MakeResultWriter(options, sink);
  EXPECT_TRUE(writer->Begin(columns).ok());
  for (const Row& row : rows) {
    EXPECT_TRUE(writer->Write(row).ok());
  }
  EXPECT_TRUE(writer->End().ok());
  return sink.text;
}

std::vector<Row> SomeRows() {
  return {{Value::Integer(1), Value::Text("日本"), Value::Real(0.5)},
          {Value::Integer(20), Value::Null(), Value::Null()}};
}

WriterOptions Format(OutputFormat format) {
  WriterOptions options;
  options.format = format;
  return options;
}

TEST(ResultWriterTest, FormatsHaveNames) {
  EXPECT_EQ(OutputFormatNamed("table"), OutputFormat::kTable);
  EXPECT_EQ(OutputFormatNamed("csv"), OutputFormat::kCsv);
  EXPECT_EQ(OutputFormatNamed("json"), OutputFormat::kJson);
  EXPECT_EQ(OutputFormatNamed("jsonl"), OutputFormat::kJsonLines);
  EXPECT_FALSE(OutputFormatNamed("xml"));
  EXPECT_FALSE(OutputFormatNamed(""));
  for (const std::string_view name : OutputFormatNames()) {
    ASSERT_TRUE(OutputFormatNamed(name)) << name;
    EXPECT_EQ(NameOf(*OutputFormatNamed(name)), name);
  }
  EXPECT_EQ(OutputFormatNamed("tsv"), OutputFormat::kTsv);
  EXPECT_EQ(OutputFormatNamed("markdown"), OutputFormat::kMarkdown);
  EXPECT_EQ(OutputFormatNamed("html"), OutputFormat::kHtml);
}

TEST(ResultWriterTest, WhatDoesNotFitIsExpanded) {
  std::vector<Column> columns;
  Row row;
  for (int i = 0; i < 9; ++i) {
    columns.push_back({"column " + std::to_string(i), ValueType::kText});
    row.push_back(Value::Text("a long value " + std::to_string(i)));
  }
  WriterOptions options;
  options.terminal_width = 80;
  options.buffered_rows_max = 2;
  const std::string expanded = Written(options, columns, {row, row, row});
  EXPECT_NE(expanded.find("-[ RECORD 3 ]-"), std::string::npos) << expanded;
  EXPECT_NE(expanded.find("column 8 | a long value 8\n"), std::string::npos) << expanded;
  EXPECT_EQ(expanded.find("rows)"), std::string::npos);
  options.terminal_width = 100;
  EXPECT_EQ(Written(options, columns, {row}).find("RECORD"), std::string::npos) << "it fits";
  options.terminal_width = 80;
  options.expanded = Expanded::kOff;
  EXPECT_EQ(Written(options, columns, {row}).find("RECORD"), std::string::npos);
  options.expanded = Expanded::kAuto;
  EXPECT_NE(Written(options, columns, {}).find("(0 rows)"), std::string::npos);
  options.terminal_width = 0;
  EXPECT_EQ(Written(options, columns, {row}).find("RECORD"), std::string::npos) << "no terminal";
  // 20 columns: the narrowest that anyone has.
  options.terminal_width = 20;
  EXPECT_NE(Written(options, kColumns, SomeRows()).find("-[ RECORD 2 ]-"), std::string::npos);
  EXPECT_NE(Written(options, {{"a", ValueType::kText}}, {{Value::Text(std::string(50, 'x'))}})
                .find(std::string(16, 'x') + "…\n"),
            std::string::npos);
}

TEST(ResultWriterTest, RealsLoseDigitsBeforeATableIsExpanded) {
  // What EVALUATE MODEL returns, on a terminal of 80 columns.
  const std::vector<Column> columns = {{"release", {}}, {"split", {}}, {"slice", {}},
                                       {"metric", {}},  {"k", {}},     {"value", {}},
                                       {"low", {}},     {"high", {}},  {"documents", {}}};
  const Row row = {Value::Text("wordnet@1"),
                   Value::Text("test"),
                   Value::Text("torso"),
                   Value::Text("nDCG"),
                   Value::Integer(5),
                   Value::Real(0.545462178451771),
                   Value::Real(0.53983956068649),
                   Value::Real(0.55158896813921),
                   Value::Integer(18938)};
  WriterOptions options;
  options.terminal_width = 80;
  const std::string table = Written(options, columns, {row});
  EXPECT_NE(table.find(" wordnet@1 | test  | torso | nDCG   | 5 | 0.545… | 0.539… | 0.551… |"),
            std::string::npos)
      << table;
  EXPECT_EQ(table.find("RECORD"), std::string::npos);
}

TEST(ResultWriterTest, TsvIsWhatCopyReads) {
  EXPECT_EQ(Written(Format(OutputFormat::kTsv), kColumns, SomeRows()),
            "rank\tlabel\tscore\n1\t日本\t0.5\n20\t\\N\t\\N\n");
  EXPECT_EQ(Written(Format(OutputFormat::kTsv), {{"a", ValueType::kText}},
                    {{Value::Text("\\N\t\n\r")}, {Value::Text("")}}),
            "a\n\\\\N\\t\\n\\r\n\n");
}

TEST(ResultWriterTest, MarkdownIsATable) {
  EXPECT_EQ(Written(Format(OutputFormat::kMarkdown), kColumns, SomeRows()),
            "| rank | label | score |\n"
            "|---:|---|---|\n"
            "| 1 | 日本 | 0.5 |\n"
            "| 20 | *NULL* | *NULL* |\n\n");
  EXPECT_EQ(Written(Format(OutputFormat::kMarkdown), {{"a|b", ValueType::kText}},
                    {{Value::Text("*x* | `y`\n<b> \\ \xff")}}),
            "| a\\|b |\n|---|\n"
            "| \\*x\\* \\| \\`y\\`<br>\\<b> \\\\ \xEF\xBF\xBD |\n\n");
}

TEST(ResultWriterTest, HtmlIsATable) {
  EXPECT_EQ(
      Written(Format(OutputFormat::kHtml), {{"a & b", ValueType::kText}, {"n", {}}},
              {{Value::Text("<i>\nx"), Value::Integer(1)}, {Value::Null(), Value::Bytes("\x01")}}),
      "<table>\n<thead>\n<tr><th>a &amp; b</th><th>n</th></tr>\n</thead>\n<tbody>\n"
      "<tr><td>&lt;i&gt;<br>x</td><td style=\"text-align: right\">1</td></tr>\n"
      "<tr><td><em>NULL</em></td><td>\\x01</td></tr>\n"
      "</tbody>\n</table>\n");
}

TEST(ResultWriterTest, TableAlignsNumbersAndWideCharacters) {
  EXPECT_EQ(Written({}, kColumns, SomeRows()),
            " rank | label | score\n"
            "------+-------+-------\n"
            "    1 | 日本  |   0.5\n"
            "   20 | NULL  |  NULL\n"
            "(2 rows)\n");
}

TEST(ResultWriterTest, TableWithoutRowsHasAHeader) {
  EXPECT_EQ(Written({}, {{"a", ValueType::kText}}, {}), " a\n---\n(0 rows)\n");
}

TEST(ResultWriterTest, TableBreaksLinesInCells) {
  EXPECT_EQ(Written({}, {{"a", ValueType::kText}, {"b", ValueType::kText}},
                    {{Value::Text("x\nyy"), Value::Text("z")}}),
            " a  | b\n"
            "----+---\n"
            " x +| z\n"
            " yy |\n"
            "(1 row)\n");
}

TEST(ResultWriterTest, TableShowsControlCharactersHarmlessly) {
  const std::string text =
      Written({}, {{"a", ValueType::kText}}, {{Value::Text("\x1b[31m\a\xE2\x80\xAE")}});
  EXPECT_NE(text.find("\\x1B[31m\\x07\\u202E"), std::string::npos) << text;
}

TEST(ResultWriterTest, TableCutsCellsToTheTerminalOnlyOnATerminal) {
  const std::vector<Row> rows = {
      {Value::Integer(1), Value::Text(std::string(300, 'x')), Value::Real(0.5)}};
  WriterOptions options;
  EXPECT_NE(Written(options, kColumns, rows).find(std::string(300, 'x')), std::string::npos);
  options.terminal_width = 60;
  std::istringstream lines(Written(options, kColumns, rows));
  std::string line;
  int num_lines = 0;
  while (std::getline(lines, line)) {
    EXPECT_LE(DisplayWidth(line), 60U) << line;
    ++num_lines;
  }
  EXPECT_EQ(num_lines, 4);
}

TEST(ResultWriterTest, TableStreamsAfterItsBuffer) {
  WriterOptions options;
  options.buffered_rows_max = 2;
  StringSink sink;
  const auto writer = MakeResultWriter(options, sink);
  ASSERT_TRUE(writer->Begin({{"a", ValueType::kInteger}}).ok());
  ASSERT_TRUE(writer->Write({Value::Integer(1)}).ok());
  EXPECT_EQ(sink.text, "");
  ASSERT_TRUE(writer->Write({Value::Integer(2)}).ok());
  EXPECT_EQ(sink.text, " a\n---\n 1\n 2\n");
  ASSERT_TRUE(writer->Write({Value::Integer(12345)}).ok());
  ASSERT_TRUE(writer->End().ok());
  EXPECT_EQ(sink.text, " a\n---\n 1\n 2\n 12345\n(3 rows)\n");
}

TEST(ResultWriterTest, ColorsOnlyWhenAsked) {
  WriterOptions options;
  EXPECT_EQ(Written(options, kColumns, SomeRows()).find('\x1b'), std::string::npos);
  options.color = true;
  EXPECT_NE(Written(options, kColumns, SomeRows()).find('\x1b'), std::string::npos);
}

TEST(ResultWriterTest, ExpandedShowsOneLineAValue) {
  WriterOptions options;
  options.expanded = Expanded::kOn;
  EXPECT_EQ(Written(options, kColumns, {SomeRows().front()}),
            "-[ RECORD 1 ]------\n"
            "rank  | 1\n"
            "label | 日本\n"
            "score | 0.5\n");
  EXPECT_EQ(Written(options, kColumns, {}), "(0 rows)\n");
}

TEST(ResultWriterTest, CsvHasAHeader) {
  EXPECT_EQ(Written(Format(OutputFormat::kCsv), kColumns, SomeRows()),
            "rank,label,score\n1,日本,0.5\n20,,\n");
  EXPECT_EQ(Written(Format(OutputFormat::kCsv), {{"a,b", ValueType::kText}}, {}), "\"a,b\"\n");
}

TEST(ResultWriterTest, JsonIsOneArray) {
  const auto parsed =
      nlohmann::json::parse(Written(Format(OutputFormat::kJson), kColumns, SomeRows()));
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[0]["rank"], 1);
  EXPECT_EQ(parsed[0]["label"], "日本");
  EXPECT_EQ(parsed[0]["score"], 0.5);
  EXPECT_TRUE(parsed[1]["label"].is_null());
  EXPECT_EQ(Written(Format(OutputFormat::kJson), kColumns, {}), "[]\n");
}

TEST(ResultWriterTest, JsonLinesAreObjects) {
  std::istringstream lines(Written(Format(OutputFormat::kJsonLines), kColumns, SomeRows()));
  std::string line;
  std::vector<nlohmann::json> objects;
  while (std::getline(lines, line)) {
    objects.push_back(nlohmann::json::parse(line));
  }
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[1]["rank"], 20);
}

TEST(ResultWriterTest, JsonKeepsColumnsOfOneNameApart) {
  const auto parsed = nlohmann::json::parse(
      Written(Format(OutputFormat::kJson), {{"id", ValueType::kText}, {"id", ValueType::kText}},
              {{Value::Text("a"), Value::Text("b")}}));
  EXPECT_EQ(parsed[0]["id"], "a");
  EXPECT_EQ(parsed[0]["id_2"], "b");
}

TEST(ResultWriterTest, VectorsAreShownAsTheyAreWritten) {
  const std::vector<Column> columns = {{"id", ValueType::kText},
                                       {"emb", ValueType::kBlob, SqlType::kVector}};
  const std::vector<Row> rows = {
      {Value::Text("a"), Value::Bytes(VectorOfText("[1, -0.1]").value())},
      {Value::Text("b"), Value::Null()}};
  EXPECT_EQ(Written(Format(OutputFormat::kCsv), columns, rows), "id,emb\na,\"[1,-0.1]\"\nb,\n");
  EXPECT_EQ(Written(Format(OutputFormat::kTsv), columns, rows), "id\temb\na\t[1,-0.1]\nb\t\\N\n");
  EXPECT_EQ(Written(Format(OutputFormat::kJsonLines), columns, rows),
            "{\"id\": \"a\", \"emb\": [1,-0.1]}\n{\"id\": \"b\", \"emb\": null}\n");
  EXPECT_NE(Written(Format(OutputFormat::kTable), columns, rows).find(" a  | [1,-0.1]\n"),
            std::string::npos);
  EXPECT_NE(Written(Format(OutputFormat::kHtml), columns, rows).find("<td>[1,-0.1]</td>"),
            std::string::npos);
}

TEST(ResultWriterTest, AnAbandonedArrayIsNoJson) {
  StringSink sink;
  const auto writer = MakeResultWriter(Format(OutputFormat::kJson), sink);
  ASSERT_TRUE(writer->Begin(kColumns).ok());
  ASSERT_TRUE(writer->Write(SomeRows().front()).ok());
  ASSERT_TRUE(writer->Abandon().ok());
  EXPECT_FALSE(nlohmann::json::accept(sink.text));
}

TEST(ResultWriterTest, AnAbandonedTableShowsItsRows) {
  StringSink sink;
  const auto writer = MakeResultWriter({}, sink);
  ASSERT_TRUE(writer->Begin({{"a", ValueType::kInteger}}).ok());
  ASSERT_TRUE(writer->Write({Value::Integer(1)}).ok());
  ASSERT_TRUE(writer->Abandon().ok());
  EXPECT_EQ(sink.text, " a\n---\n 1\n");
}

TEST(ResultWriterTest, ReportsASinkThatFails) {
  for (const OutputFormat format :
       {OutputFormat::kTable, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kJsonLines}) {
    StringSink sink;
    sink.status = Status::IoError("disk full");
    const auto writer = MakeResultWriter(Format(format), sink);
    const Status begun = writer->Begin(kColumns);
    const Status wrote = writer->Write(SomeRows().front());
    const Status ended = writer->End();
    EXPECT_FALSE(begun.ok() && wrote.ok() && ended.ok());
  }
}

}  // namespace
}  // namespace dashi
