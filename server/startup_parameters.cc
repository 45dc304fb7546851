#include "server/startup_parameters.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "base/status.h"
#include "dashi/database.h"
#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char byte) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  });
  return out;
}

// "UTF8", "utf-8", "'utf-8'" and "unicode" are one encoding.
bool IsUtf8Name(std::string_view name) {
  std::string letters;
  for (const char byte : Lower(name)) {
    if (std::isalnum(static_cast<unsigned char>(byte)) != 0) {
      letters += byte;
    }
  }
  return letters == "utf8" || letters == "unicode";
}

Status AddSetting(const std::string& name, const std::string& value,
                  StartupParameters* parameters) {
  const std::string key = Lower(name);
  if (key == "client_encoding") {
    return IsUtf8Name(value)
               ? Status()
               : Status::InvalidArgument(
                     fmt::format("client_encoding is not supported: got {}, want UTF8", value))
                     .WithSqlState("22023");
  }
  std::string kept = value;
  if (key == "application_name") {
    // As PostgreSQL does: the name is echoed to whoever asks.
    std::replace_if(
        kept.begin(), kept.end(), [](char byte) { return byte < 0x20 || byte > 0x7E; }, '?');
    parameters->application_name = kept;
  }
  parameters->settings.emplace_back(name, kept);
  return Status();
}

// `options` is a command line: -c name=value -c name=value, or --name=value. A backslash keeps the
// next character as it is.
std::vector<std::string> OptionWords(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size();
    if (!escaped && std::isspace(static_cast<unsigned char>(text[i])) != 0) {
      in_word = false;
      continue;
    }
    if (!in_word) {
      words.emplace_back();
      in_word = true;
    }
    words.back() += escaped ? text[++i] : text[i];
  }
  return words;
}

Status ReadOptions(std::string_view text, StartupParameters* parameters) {
  const std::vector<std::string> words = OptionWords(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string assignment;
    if (words[i] == "-c" && i + 1 < words.size()) {
      assignment = words[++i];
    } else if (words[i].starts_with("-c") || words[i].starts_with("--")) {
      assignment = words[i].substr(2);
    }
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::InvalidArgument(
                 fmt::format("invalid command-line argument for server process: {}", words[i]))
          .WithSqlState("42601");
    }
    DASHI_RETURN_IF_ERROR(
        AddSetting(assignment.substr(0, equals), assignment.substr(equals + 1), parameters));
  }
  return Status();
}

Status ReadParameter(const std::string& name, const std::string& value,
                     StartupParameters* parameters) {
  if (name == "user") {
    parameters->user = value;
  } else if (name == "database") {
    parameters->database = value;
  } else if (name == "options") {
    return ReadOptions(value, parameters);
  } else if (name == "replication") {
    const std::string wanted = Lower(value);
    if (wanted != "false" && wanted != "off" && wanted != "no" && wanted != "0") {
      return Status::Unimplemented("replication connections are not supported");
    }
  } else if (name.starts_with("_pq_.")) {
    parameters->unknown_protocol_options.push_back(name);
  } else {
    return AddSetting(name, value, parameters);
  }
  return Status();
}

// Names of settings may have a dot: topk.ef
std::string SettingName(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) {
    return QuotedIdentifier(name);
  }
  return QuotedIdentifier(name.substr(0, dot)) + "." + QuotedIdentifier(name.substr(dot + 1));
}

}  // namespace

Result<StartupParameters> ReadStartupParameters(const StartupMessage& message) {
  StartupParameters parameters;
  for (const auto& [name, value] : message.parameters) {
    DASHI_RETURN_IF_ERROR(ReadParameter(name, value, &parameters));
  }
  if (parameters.user.empty()) {
    return Status::InvalidArgument("no PostgreSQL user name specified in startup packet")
        .WithSqlState("28000");
  }
  if (parameters.database.empty()) {
    parameters.database = parameters.user;
  }
  return parameters;
}

std::vector<std::string> SettingStatements(const StartupParameters& parameters) {
  std::vector<std::string> statements;
  for (const auto& [name, value] : parameters.settings) {
    statements.push_back(fmt::format("SET {} = {}", SettingName(name), QuotedText(value)));
  }
  return statements;
}

std::vector<std::pair<std::string, std::string>> ReportedParameters(
    const StartupParameters& parameters) {
  return {{"application_name", parameters.application_name},
          {"client_encoding", "UTF8"},
          {"DateStyle", "ISO, MDY"},
          {"default_transaction_read_only", "off"},
          {"in_hot_standby", "off"},
          {"integer_datetimes", "on"},
          {"IntervalStyle", "postgres"},
          {"is_superuser", parameters.is_superuser ? "on" : "off"},
          {"server_encoding", "UTF8"},
          {"server_version", "15.0"},
          {"session_authorization", parameters.user},
          {"standard_conforming_strings", "on"},
          {"TimeZone", "UTC"},
          {"dashi_version", std::string(Version())}};
}

std::vector<std::pair<std::string, std::string>> SettingReports(
    const StartupParameters& parameters) {
  static constexpr std::array<std::string_view, 7> kSettings = {"application_name",
                                                                "client_encoding",
                                                                "DateStyle",
                                                                "default_transaction_read_only",
                                                                "IntervalStyle",
                                                                "TimeZone",
                                                                "standard_conforming_strings"};
  std::vector<std::pair<std::string, std::string>> reports = ReportedParameters(parameters);
  std::erase_if(reports, [](const auto& report) {
    return std::find(kSettings.begin(), kSettings.end(), report.first) == kSettings.end();
  });
  return reports;
}

}  // namespace dashi
