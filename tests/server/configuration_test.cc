#include "server/configuration.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "server/config_file.h"
#include "server/server_settings.h"

namespace dashi {
namespace {

using std::chrono::milliseconds;

class ConfigurationTest : public ::testing::Test {
 protected:
  ConfigurationTest()
      : path_(std::filesystem::path(::testing::TempDir()) /
              ("configuration_test_" + std::to_string(::getpid()) + ".conf")) {}
  ~ConfigurationTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& text) { std::ofstream(path_) << text; }

  Result<Configuration> Load() {
    ConfigurationSources sources;
    sources.file = std::filesystem::exists(path_) ? path_.string() : "";
    sources.flags = flags_;
    sources.environment = [this](const std::string& name) {
      const auto variable = environment_.find(name);
      return variable == environment_.end() ? std::nullopt : std::optional(variable->second);
    };
    return LoadConfiguration(sources);
  }

  // The message without the path of the file.
  std::string Mistake(const std::string& text) {
    Write(text);
    const Status status = Load().status();
    EXPECT_EQ(status.sqlstate(), "22023") << text;
    const std::string message(status.message());
    EXPECT_TRUE(message.starts_with(path_.string())) << message;
    return message.substr(std::min(path_.string().size(), message.size()));
  }

  std::filesystem::path path_;
  std::map<std::string, std::string> environment_;
  std::vector<std::pair<std::string, std::string>> flags_;
};

TEST_F(ConfigurationTest, WithoutSourcesThereAreTheDefaults) {
  const auto configuration = Load();
  ASSERT_TRUE(configuration.ok());
  EXPECT_EQ(configuration->options.host, "127.0.0.1");
  EXPECT_EQ(configuration->options.port, 5433);
  EXPECT_EQ(configuration->options.num_connections_max, 100);
  EXPECT_EQ(configuration->options.memory_bytes_max, std::size_t{512} << 20);
  EXPECT_TRUE(configuration->origins.empty());
}

TEST_F(ConfigurationTest, FlagsWinOverTheEnvironmentAndThatOverTheFile) {
  Write("# the shop\nport = 1\nmax_connections=2 # few\n  threads = '3'\nhost = '::1'\n\r\n");
  environment_ = {{"DASHI_MAX_CONNECTIONS", "20"}, {"DASHI_THREADS", "30"}, {"PORT", "7"}};
  flags_ = {{"threads", "300"}};
  const auto configuration = Load();
  ASSERT_TRUE(configuration.ok()) << configuration.status().ToString();
  EXPECT_EQ(configuration->options.port, 1);
  EXPECT_EQ(configuration->options.host, "::1");
  EXPECT_EQ(configuration->options.num_connections_max, 20);
  EXPECT_EQ(configuration->options.num_threads, 300);
  EXPECT_EQ(configuration->origins.at("port"), path_.string() + ":2");
  EXPECT_EQ(configuration->origins.at("max_connections"), "DASHI_MAX_CONNECTIONS");
  EXPECT_EQ(configuration->origins.at("threads"), "--threads");
}

TEST_F(ConfigurationTest, MistakesNameTheirLine) {
  EXPECT_EQ(Mistake("\nport 5\n"), ":2: want name = value");
  EXPECT_EQ(Mistake("= 5"), ":1: want name = value");
  EXPECT_EQ(Mistake("port = # none"), ":1: port has no value");
  EXPECT_EQ(Mistake("host = 'x"), ":1: a quoted value does not end in its line");
  EXPECT_EQ(Mistake("port = 5 6"), ":1: too much behind the value of port");
  EXPECT_EQ(Mistake("port = 5\nport = 6\n"), ":2: port is set already in line 1");
  EXPECT_EQ(Mistake("port = 65536"), ":1: invalid value for port: \"65536\"");
  EXPECT_EQ(Mistake("port = -1"), ":1: invalid value for port: \"-1\"");
  EXPECT_EQ(Mistake("port = 5x"), ":1: invalid value for port: \"5x\"");
  EXPECT_EQ(Mistake("memory_limit = 1MB"), ":1: invalid value for memory_limit: \"1MB\"");
  EXPECT_EQ(Mistake("memory_limit = 99999999999TB"),
            ":1: invalid value for memory_limit: \"99999999999TB\"");
  EXPECT_EQ(Mistake("read_only = maybe"), ":1: invalid value for read_only: \"maybe\"");
  EXPECT_EQ(Mistake("send_timeout = 1ms"), ":1: invalid value for send_timeout: \"1ms\"");
  Write("prot = 5");
  const Status unknown = Load().status();
  EXPECT_EQ(unknown.message(), path_.string() + ":1: unknown setting: prot");
  EXPECT_EQ(unknown.hint(), "Did you mean port?");
  Write(std::string((1 << 20) + 1, '\n'));
  EXPECT_EQ(Load().status().code(), StatusCode::kInvalidArgument);
  std::filesystem::remove(path_);
  environment_ = {{"DASHI_PORT", "x"}};
  EXPECT_EQ(Load().status().message(), "DASHI_PORT: invalid value for port: \"x\"");
  ConfigurationSources sources;
  sources.file = "/nowhere/dashi.conf";
  EXPECT_EQ(LoadConfiguration(sources).status().code(), StatusCode::kNotFound);
  sources.file = "/";
  EXPECT_EQ(LoadConfiguration(sources).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ConfigurationTest, WhatIsPrintedIsAFileOfTheSameSettings) {
  Write(
      "host = ::1\nmemory_limit = 1GB\nauthentication_timeout = 1500ms\nread_only = yes\n"
      "shutdown_timeout = 0\n");
  const auto configuration = Load();
  ASSERT_TRUE(configuration.ok()) << configuration.status().ToString();
  const std::string printed = FormatConfiguration(*configuration);
  EXPECT_NE(printed.find("memory_limit = 1GB  # " + path_.string() + ":2\n"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find("port = 5433  # default\n"), std::string::npos) << printed;
  Write(printed);
  const auto again = Load();
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  for (const ServerSetting& setting : ServerSettings()) {
    EXPECT_EQ(ServerSettingText(setting, again->options),
              ServerSettingText(setting, configuration->options))
        << setting.name;
  }
  EXPECT_EQ(QuotedConfigValue("it's # here"), "'it''s # here'");
  EXPECT_EQ(ParseConfigFile("host = 'it''s # here'", "f")->front().value, "it's # here");
  EXPECT_EQ(QuotedConfigValue(""), "''");
}

TEST_F(ConfigurationTest, ARunningServerTakesWhatItCan) {
  Write("port = 1\nsend_timeout = 5s\n");
  const auto running = Load();
  Write("port = 2\nsend_timeout = 2min\nthreads = 4\n");
  const auto loaded = Load();
  ASSERT_TRUE(running.ok() && loaded.ok());
  const ConfigurationChange change = ChangeOf(*running, *loaded);
  EXPECT_EQ(change.changed, std::vector<std::string>{"send_timeout"});
  EXPECT_EQ(change.need_restart, (std::vector<std::string>{"port", "threads"}));
  EXPECT_EQ(change.next.options.port, 1);
  EXPECT_EQ(change.next.options.num_threads, 0);
  EXPECT_EQ(change.next.options.send_stalled_max, milliseconds(120'000));
  EXPECT_EQ(change.next.origins.at("port"), path_.string() + ":1");
  EXPECT_FALSE(change.next.origins.contains("threads"));
}

TEST_F(ConfigurationTest, TheTableIsInOrderAndItsDefaultsAreAllowed) {
  std::string_view last;
  for (const ServerSetting& setting : ServerSettings()) {
    EXPECT_LT(last, setting.name);
    last = setting.name;
    ServerOptions options;
    EXPECT_TRUE(SetServerSetting(setting, ServerSettingText(setting, options), &options).ok())
        << setting.name;
    EXPECT_FALSE(setting.description.empty()) << setting.name;
  }
}

}  // namespace
}  // namespace dashi
