// The manual page and the completion files name what `dashi --help` names, no more and no less.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/command_line.h"
#include "server/config_file.h"
#include "server/server_settings.h"
#include "tests/server/command_process.h"

namespace dashi {
namespace {

using Strings = std::set<std::string>;

constexpr const char* kCommands[] = {"exec",  "shell",   "serve",        "import",
                                     "train", "eval",    "backup",       "restore",
                                     "check", "recover", "run-schedules"};

std::string Source(const std::string& path) {
  const std::filesystem::path file = std::filesystem::path(std::getenv("DASHI_SOURCE_DIR")) / path;
  std::stringstream content;
  content << std::ifstream(file).rdbuf();
  EXPECT_FALSE(content.str().empty()) << file;
  return content.str();
}

Strings OptionsIn(const std::string& text) {
  static const std::regex kOption("--[a-z][a-z-]*");
  Strings options;
  for (std::sregex_iterator at(text.begin(), text.end(), kOption), end; at != end; ++at) {
    options.insert(at->str());
  }
  return options;
}

// The options of a command, without those of the example.
Strings OptionsOf(const std::string& command) {
  const std::string help = ParseCommandLine({command, "--help"}).output;
  return OptionsIn(help.substr(0, help.rfind("Example")));
}

TEST(ManualTest, ThePageNamesEveryCommandAndOption) {
  std::string page = Source("server/dashi.1");
  page = std::regex_replace(page, std::regex("\\\\-"), "-");
  Strings known = {"--version"};
  for (const std::string command : kCommands) {
    EXPECT_NE(page.find(".BI " + command + " \""), std::string::npos) << command;
    const Strings options = OptionsOf(command);
    known.insert(options.begin(), options.end());
  }
  const Strings described = OptionsIn(page);
  for (const std::string& option : known) {
    EXPECT_TRUE(described.contains(option)) << option << " is missing";
  }
  for (const std::string& option : described) {
    EXPECT_TRUE(known.contains(option)) << option << " is no option";
  }
}

TEST(ManualTest, ThePageHasNoMistakes) {
  const std::string page =
      (std::filesystem::path(std::getenv("DASHI_SOURCE_DIR")) / "server/dashi.1").string();
  const CommandOutcome outcome =
      RunCommand({"/bin/sh", "-c",
                  "command -v groff > /dev/null || exit 77; groff -man -Tutf8 -ww '" + page + "'"},
                 "/");
  if (outcome.exit_status == 77) {
    GTEST_SKIP() << "groff is not installed";
  }
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("retrieval"), std::string::npos);
}

// docs/SERVER.md has one row a setting, as it is declared.
TEST(ManualTest, TheDocumentOfTheServerHasEverySetting) {
  const std::string document = Source("docs/SERVER.md");
  std::string rows = "|---|---|---|---|---|---|\n";
  for (const ServerSetting& setting : ServerSettings()) {
    const std::string value = ServerSettingText(setting, ServerOptions());
    rows += "| `" + std::string(setting.name) + "` | " + std::string(setting.type()) + " | " +
            (value.empty() ? "" : "`" + value + "`") + " | " + setting.allowed() + " | " +
            (setting.reloads ? "yes" : "no") + " | " + std::string(setting.description) + " |\n";
  }
  EXPECT_NE(document.find(rows + "\n"), std::string::npos) << rows;
  const std::size_t begin = document.find("# dashi.conf\n");
  ASSERT_NE(begin, std::string::npos);
  const auto lines =
      ParseConfigFile(document.substr(begin, document.find("```", begin) - begin), "example");
  ASSERT_TRUE(lines.ok()) << lines.status().ToString();
  for (const ConfigLine& line : *lines) {
    ServerOptions options;
    const auto setting = FindServerSetting(line.name);
    ASSERT_TRUE(setting.ok()) << line.name;
    EXPECT_TRUE(SetServerSetting(**setting, line.value, &options).ok()) << line.name;
  }
}

// Runs the completion for the words typed so far, the last of which is begun.
Strings BashOffers(const std::vector<std::string>& words) {
  std::string script = "source \"$DASHI_SOURCE_DIR/server/completion/dashi.bash\"\nCOMP_WORDS=(";
  for (const std::string& word : words) {
    script += "'" + word + "' ";
  }
  script += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
            "\n_dashi\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  const CommandOutcome outcome = RunCommand({"bash", "-c", script}, "/");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  Strings offered;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    offered.insert(line);
  }
  offered.erase("");
  return offered;
}

TEST(ManualTest, BashCompletesWhatHelpNames) {
  Strings commands(std::begin(kCommands), std::end(kCommands));
  commands.insert({"--help", "--version"});
  EXPECT_EQ(BashOffers({"dashi", ""}), commands);
  EXPECT_EQ(BashOffers({"dashi", "re"}), (Strings{"recover", "restore"}));
  for (const std::string command : kCommands) {
    EXPECT_EQ(BashOffers({"dashi", command, "--"}), OptionsOf(command)) << command;
  }
  EXPECT_EQ(BashOffers({"dashi", "exec", "x.db", "--format", "j"}), (Strings{"json", "jsonl"}));
  EXPECT_TRUE(BashOffers({"dashi", "import", "x.db", "doc"}).contains("documents"));
  EXPECT_TRUE(BashOffers({"dashi", "exec", "/us"}).contains("/usr"));
  EXPECT_EQ(BashOffers({"dashi", "exec", "x.db", "-c", "S"}), Strings{});
  EXPECT_EQ(BashOffers({"dashi", "nonsense", "-"}), Strings{});
}

TEST(ManualTest, ZshCompletesWhatHelpNames) {
  const std::string script = Source("server/completion/_dashi");
  EXPECT_TRUE(script.starts_with("#compdef dashi\n"));
  Strings known = {"--version"};
  for (const std::string command : kCommands) {
    EXPECT_NE(script.find("'" + command + ":"), std::string::npos) << command;
    EXPECT_NE(script.find("    " + command + ")\n"), std::string::npos) << command;
    const Strings options = OptionsOf(command);
    known.insert(options.begin(), options.end());
  }
  EXPECT_EQ(OptionsIn(script), known);
}

}  // namespace
}  // namespace dashi
