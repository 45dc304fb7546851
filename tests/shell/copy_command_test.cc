#include "sql/shell/copy_command.h"

#include <string>

#include <gtest/gtest.h>

namespace dashi {
namespace {

CopyCommand Parse(const std::string& text) {
  const Result<CopyCommand> command = ParseCopyCommand(text);
  EXPECT_TRUE(command.ok()) << text << ": " << command.status().ToString();
  return command.ok() ? *command : CopyCommand();
}

TEST(CopyCommandTest, FromIsTheStatement) {
  EXPECT_EQ(Parse("labels FROM labels.csv").statement, "COPY labels FROM 'labels.csv'");
  EXPECT_EQ(Parse("labels (id, text) from 'it''s.csv' with (format csv, header)").statement,
            "COPY labels (id, text) FROM 'it''s.csv' with (format csv, header)");
  EXPECT_EQ(Parse("labels(id) FROM a.csv (HEADER, DELIMITER ';')").statement,
            "COPY labels (id) FROM 'a.csv' WITH (HEADER, DELIMITER ';')");
  EXPECT_EQ(Parse("labels FROM a.csv csv header").statement,
            "COPY labels FROM 'a.csv' WITH csv header");
  EXPECT_FALSE(Parse("labels FROM a.csv").to_file);
}

TEST(CopyCommandTest, FromStandardInput) {
  EXPECT_EQ(Parse("labels from stdin (format csv)").statement,
            "COPY labels FROM STDIN WITH (format csv)");
  EXPECT_FALSE(Parse("labels from stdin").standard_input);
  EXPECT_TRUE(Parse("labels FROM PSTDIN").standard_input);
  EXPECT_EQ(Parse("labels FROM PSTDIN").statement, "COPY labels FROM STDIN");
  EXPECT_EQ(Parse("labels FROM 'stdin'").statement, "COPY labels FROM 'stdin'")
      << "quotes make it a file";
}

TEST(CopyCommandTest, AStatementThatReadsIsKnownByItsWords) {
  EXPECT_TRUE(IsCopyFromInput("COPY labels FROM STDIN"));
  EXPECT_TRUE(IsCopyFromInput("copy labels (id, \"from\") from stdin with (format csv)"));
  EXPECT_FALSE(IsCopyFromInput("COPY labels FROM 'stdin'"));
  EXPECT_FALSE(IsCopyFromInput("COPY (SELECT 1 FROM stdin) TO STDOUT"));
  EXPECT_FALSE(IsCopyFromInput("COPY labels TO STDOUT"));
  EXPECT_FALSE(IsCopyFromInput("SELECT copy FROM stdin"));
  EXPECT_FALSE(IsCopyFromInput("COPY labels FROM"));
  EXPECT_FALSE(IsCopyFromInput("COPY 'labels FROM STDIN"));
  EXPECT_FALSE(IsCopyFromInput(""));
}

TEST(CopyCommandTest, ToWritesRowsOfATableOrAQuery) {
  const CopyCommand table = Parse("labels TO out.jsonl");
  EXPECT_TRUE(table.to_file);
  EXPECT_EQ(table.statement, "SELECT * FROM labels");
  EXPECT_EQ(table.path, "out.jsonl");
  EXPECT_EQ(table.format, OutputFormat::kJsonLines);
  EXPECT_EQ(Parse("labels (id, text) TO 'a b.csv'").statement, "SELECT id, text FROM labels");
  const CopyCommand query =
      Parse("(SELECT id FROM labels WHERE text = ' to (' AND id <> 'x') to out html");
  EXPECT_EQ(query.statement, "SELECT id FROM labels WHERE text = ' to (' AND id <> 'x'");
  EXPECT_EQ(query.path, "out");
  EXPECT_EQ(query.format, OutputFormat::kHtml);
}

TEST(CopyCommandTest, TheNameOrTheOptionsTellTheFormat) {
  EXPECT_EQ(Parse("t TO a.md").format, OutputFormat::kMarkdown);
  EXPECT_EQ(Parse("t TO a.tsv").format, OutputFormat::kTsv);
  EXPECT_EQ(Parse("t TO a.csv WITH (FORMAT json)").format, OutputFormat::kJson);
  EXPECT_EQ(Parse("t TO a csv header").format, OutputFormat::kCsv);
  EXPECT_EQ(Parse("t TO a (format text)").format, OutputFormat::kTsv);
  EXPECT_EQ(Parse("t TO STDOUT").path, "");
  EXPECT_EQ(Parse("t TO STDOUT").format, OutputFormat::kTsv);
  EXPECT_EQ(Parse("t TO 'stdout' csv").path, "stdout") << "quotes make it a file";
}

TEST(CopyCommandTest, MistakesAreExplained) {
  const auto error = [](const std::string& text) {
    const Result<CopyCommand> command = ParseCopyCommand(text);
    EXPECT_FALSE(command.ok()) << text;
    return std::string(command.ok() ? "" : command.status().message());
  };
  EXPECT_NE(error("").find("FROM or TO"), std::string::npos);
  EXPECT_NE(error("labels").find("FROM or TO"), std::string::npos);
  EXPECT_NE(error("labels FROM").find("name of a file"), std::string::npos);
  EXPECT_NE(error("FROM x").find("FROM or TO"), std::string::npos);
  EXPECT_NE(error("labels FROM PROGRAM 'x'").find("no programs"), std::string::npos);
  EXPECT_NE(error("labels TO out").find("does not tell a format"), std::string::npos);
  EXPECT_NE(error("labels TO out.csv.gz").find("no compressed files"), std::string::npos);
  EXPECT_NE(error("labels TO out binary").find("'binary' is not a format"), std::string::npos);
  EXPECT_NE(error("labels TO 'out").find("not closed"), std::string::npos);
  EXPECT_NE(error("(SELECT 1 TO out.csv").find("not closed"), std::string::npos);
  EXPECT_NE(error("a b c TO out.csv").find("a table or a query"), std::string::npos);
}

}  // namespace
}  // namespace dashi
