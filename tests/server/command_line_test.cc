#include "server/command_line.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/server_settings.h"

namespace dashi {
namespace {

using Strings = std::vector<std::string>;
using Action = CommandLine::Action;

Strings Inputs(const CommandLine& command_line) {
  Strings inputs;
  for (const ScriptInput& input : command_line.inputs) {
    inputs.push_back((input.kind == ScriptInput::Kind::kFile ? "file " : "") + input.value);
  }
  return inputs;
}

TEST(CommandLineTest, ExecKeepsTheOrderOfItsInputs) {
  const auto line = ParseCommandLine(
      {"exec", "w.db", "-c", "A", "-f", "b.sql", "-c", "C; D", "--file", "-", "--command", "-1"});
  ASSERT_EQ(line.action, Action::kExec) << line.error;
  EXPECT_EQ(line.directory, "w.db");
  EXPECT_TRUE(line.create_if_missing);
  EXPECT_EQ(line.format, OutputFormat::kTable);
  EXPECT_EQ(Inputs(line), (Strings{"A", "file b.sql", "C; D", "file -", "-1"}));
}

TEST(CommandLineTest, TheMemoryLimitTakesASize) {
  EXPECT_EQ(ParseCommandLine({"exec", "w.db", "-c", "A"}).memory_bytes_max, 512U << 20U);
  EXPECT_EQ(ParseCommandLine({"train", "w.db", "m", "--memory-limit", "2GB"}).memory_bytes_max,
            std::uint64_t{2} << 30U);
  EXPECT_EQ(ParseCommandLine({"shell", "w.db", "--memory-limit", "64MB"}).memory_bytes_max,
            64U << 20U);
  for (const char* wrong : {"1MB", "many", "-5"}) {
    EXPECT_FALSE(ParseCommandLine({"exec", "w.db", "--memory-limit", wrong}).error.empty())
        << wrong;
  }
}

TEST(CommandLineTest, ExecTakesSqlThatLooksLikeAnOption) {
  for (const std::string sql : {"-- comment", "--format", "-c", "-f", "", "[1]", "a=b"}) {
    const auto line = ParseCommandLine({"exec", "w.db", "-c", sql});
    ASSERT_EQ(line.action, Action::kExec) << sql << ": " << line.error;
    EXPECT_EQ(Inputs(line), Strings{sql});
  }
}

TEST(CommandLineTest, ExecWithoutInputsReadsStandardInput) {
  const auto line = ParseCommandLine({"exec", "w.db", "--format", "jsonl", "--read-only"});
  ASSERT_EQ(line.action, Action::kExec);
  EXPECT_TRUE(line.inputs.empty());
  EXPECT_EQ(line.format, OutputFormat::kJsonLines);
  for (const std::string_view format : OutputFormatNames()) {
    EXPECT_EQ(NameOf(ParseCommandLine({"exec", "w.db", "--format", std::string(format)}).format),
              format);
  }
  EXPECT_TRUE(line.read_only);
  EXPECT_FALSE(line.create_if_missing);
}

TEST(CommandLineTest, FollowingIsReadingOnly) {
  for (const char* command : {"exec", "shell"}) {
    const auto line = ParseCommandLine({command, "w.db", "--follow"});
    EXPECT_TRUE(line.read_only && line.follow) << line.error;
    EXPECT_FALSE(line.create_if_missing);
    const auto reading = ParseCommandLine({command, "w.db", "--read-only"});
    EXPECT_TRUE(reading.read_only && !reading.follow) << reading.error;
  }
}

TEST(CommandLineTest, OptionsMayStandBeforeTheDirectory) {
  const auto line = ParseCommandLine({"exec", "--format", "csv", "-c", "SELECT 1", "w.db"});
  ASSERT_EQ(line.action, Action::kExec) << line.error;
  EXPECT_EQ(line.directory, "w.db");
  EXPECT_EQ(Inputs(line), Strings{"SELECT 1"});
}

TEST(CommandLineTest, ServeTakesEverySettingOfTheServer) {
  using Settings = std::vector<std::pair<std::string, std::string>>;
  auto line = ParseCommandLine({"serve", "w.db"});
  ASSERT_EQ(line.action, Action::kServe);
  EXPECT_EQ(line.settings, Settings());
  EXPECT_EQ(line.config_file, "");
  EXPECT_FALSE(line.check_config);
  line = ParseCommandLine({"serve", "--read-only", "w.db", "--port", "0", "--config", "d.conf",
                           "--check-config", "--follow=false"});
  ASSERT_EQ(line.action, Action::kServe) << line.error;
  EXPECT_EQ(line.served_directories.front(), "w.db");
  EXPECT_EQ(line.config_file, "d.conf");
  EXPECT_TRUE(line.check_config);
  using SettingMap = std::map<std::string, std::string>;
  const SettingMap given_settings(line.settings.begin(), line.settings.end());
  const SettingMap wanted = {{"follow", "off"}, {"port", "0"}, {"read_only", "on"}};
  EXPECT_EQ(given_settings, wanted);
  const std::string help = ParseCommandLine({"serve", "--help"}).output;
  for (const ServerSetting& setting : ServerSettings()) {
    EXPECT_NE(help.find(setting.flag() + " "), std::string::npos) << setting.name;
    const std::string standard = ServerSettingText(setting, ServerOptions());
    const std::string value = standard.empty() ? "x" : standard;
    const auto given = ParseCommandLine({"serve", "w.db", setting.flag() + "=" + value});
    EXPECT_EQ(given.settings, (Settings{{std::string(setting.name), value}}))
        << setting.name << given.error;
  }
}

TEST(CommandLineTest, ImportIsACopy) {
  EXPECT_EQ(
      Inputs(
          ParseCommandLine({"import", "w.db", "documents", "it's.jsonl.gz", "--ignore-unknown"})),
      Strings{"COPY documents FROM 'it''s.jsonl.gz' WITH (FORMAT jsonl, unknown = 'ignore')"});
  EXPECT_EQ(Inputs(ParseCommandLine(
                {"import", "w.db", "relevance", "r.tsv.zst", "--columns", "document,la bel"})),
            Strings{"COPY relevance (document, \"la bel\") FROM 'r.tsv.zst' WITH (FORMAT tsv)"});
  EXPECT_EQ(Inputs(ParseCommandLine(
                {"import", "w.db", "documents", "trn.json.gz", "--file-format", "xc"})),
            Strings{"COPY documents FROM 'trn.json.gz' WITH (FORMAT xc)"});
  EXPECT_EQ(Inputs(ParseCommandLine({"import", "w.db", "labels", "l.csv", "--header", "--delimiter",
                                     ";", "--on-conflict", "replace", "--rejects", "bad.txt"})),
            Strings{"COPY labels FROM 'l.csv' WITH (FORMAT csv, header = on, delimiter = ';', "
                    "on_conflict = 'replace', rejects = 'bad.txt')"});
  EXPECT_EQ(Inputs(ParseCommandLine(
                {"import", "w.db", "clicks", "c.tsv", "--graph", "it's", "--split", "test"})),
            Strings{"COPY clicks FROM 'c.tsv' WITH (FORMAT tsv, split = 'test', graph = 'it''s')"});
  const auto line = ParseCommandLine({"import", "w.db", "documents", "data.bin"});
  EXPECT_EQ(line.exit_status, 1);
  EXPECT_NE(line.error.find("--file-format"), std::string::npos);
}

TEST(CommandLineTest, TrainAndEvalAreStatements) {
  auto line = ParseCommandLine({"train", "w.db", "m"});
  EXPECT_EQ(Inputs(line), Strings{"TRAIN MODEL m"});
  EXPECT_FALSE(line.create_if_missing);
  line = ParseCommandLine({"train", "w.db", "m", "--with", "epochs = 3, seed = 7"});
  EXPECT_EQ(Inputs(line), Strings{"TRAIN MODEL m WITH (epochs = 3, seed = 7)"});
  line = ParseCommandLine(
      {"eval", "w.db", "m", "--slices", "head,torso,tail", "--with", "filter = 'none'"});
  EXPECT_EQ(Inputs(line), Strings{"EVALUATE MODEL m ON 'test' WITH (k = '1,3,5', slices = "
                                  "'head,torso,tail', filter = 'none')"});
  line = ParseCommandLine({"eval", "w.db", "my model@2", "--k", "1", "--format", "csv"});
  EXPECT_EQ(Inputs(line), Strings{"EVALUATE MODEL \"my model\"@2 ON 'test' WITH (k = '1')"});
  EXPECT_EQ(line.format, OutputFormat::kCsv);
}

TEST(CommandLineTest, VersionAndHelpArePrinted) {
  auto line = ParseCommandLine({"--version"});
  EXPECT_EQ(line.action, Action::kPrint);
  EXPECT_EQ(line.exit_status, 0);
  EXPECT_TRUE(line.output.starts_with("dashi 0.")) << line.output;
  line = ParseCommandLine({"--help"});
  EXPECT_EQ(line.exit_status, 0);
  for (const char* command : {"exec", "shell", "serve", "import", "train", "eval", "backup",
                              "restore", "check", "recover", "run-schedules"}) {
    EXPECT_NE(line.output.find(command), std::string::npos) << command;
    const auto help = ParseCommandLine({command, "--help"});
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_EQ(help.action, Action::kPrint);
    EXPECT_NE(help.output.find(":\n  dashi "), std::string::npos) << help.output;
    const bool is_restore = std::string_view(command) == "restore";
    EXPECT_NE(help.output.find(is_restore ? "BACKUPS" : "DIR"), std::string::npos) << command;
  }
}

TEST(CommandLineTest, HelpIsACommandToo) {
  EXPECT_EQ(ParseCommandLine({"help"}).output, ParseCommandLine({"--help"}).output);
  EXPECT_EQ(ParseCommandLine({"help", "exec"}).output, ParseCommandLine({"exec", "--help"}).output);
  EXPECT_NE(ParseCommandLine({"help", "exce"}).error.find("Did you mean 'exec'?"),
            std::string::npos);
}

TEST(CommandLineTest, MistakesAreExplained) {
  const auto error = [](const Strings& arguments) {
    const auto line = ParseCommandLine(arguments);
    EXPECT_EQ(line.action, Action::kPrint);
    EXPECT_EQ(line.exit_status, 1);
    EXPECT_EQ(line.output, "");
    return line.error;
  };
  EXPECT_EQ(error({"exce", "w.db"}), "dashi: 'exce' is not a command. Did you mean 'exec'?\n");
  EXPECT_EQ(error({"xyzzy"}), "dashi: 'xyzzy' is not a command; see dashi --help\n");
  EXPECT_NE(error({}).find("dashi exec"), std::string::npos);
  EXPECT_NE(error({"exec"}).find("DIR"), std::string::npos);
  EXPECT_NE(error({"exec"}).find("See dashi exec --help."), std::string::npos);
  EXPECT_NE(error({"exec", "w.db", "--format", "xml"}).find("xml"), std::string::npos);
  EXPECT_NE(error({"exec", "w.db", "--colour"}).find("--colour"), std::string::npos);
  EXPECT_NE(error({"exec", "w.db", "SELECT 1"}).find("SELECT 1"), std::string::npos);
  EXPECT_NE(error({"serve", "w.db", "--port", "70000"}).find("70000"), std::string::npos);
  EXPECT_NE(error({"serve", "w.db", "--port", "-1"}).find("port"), std::string::npos);
  EXPECT_NE(error({"--verison"}).find("--verison"), std::string::npos);
}

}  // namespace
}  // namespace dashi
