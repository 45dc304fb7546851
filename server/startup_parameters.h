#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "server/wire_decoder.h"

namespace dashi {

/// What a client asked for in its startup message.
struct StartupParameters {
  std::string user;
  std::string database;
  std::string application_name;
  bool is_superuser = true;  ///< known once it has logged in
  /// Names of protocol options (`_pq_.x`) that are unknown here.
  std::vector<std::string> unknown_protocol_options;
  /// Settings to be made in the session: `SET name = 'value'`.
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Sorts out the parameters of a startup message.
///
/// Errors: 28000 without a user; 22023 for a client_encoding other than UTF-8; 0A000 for
///         replication; 42601 for `options` that cannot be read.
Result<StartupParameters> ReadStartupParameters(const StartupMessage& message);

/// Returns the SET statements of `parameters.settings`.
std::vector<std::string> SettingStatements(const StartupParameters& parameters);

/// Returns the reports (ParameterStatus) that a client receives once it is let in.
std::vector<std::pair<std::string, std::string>> ReportedParameters(
    const StartupParameters& parameters);

/// Returns those of the reports that are settings which a client may change.
std::vector<std::pair<std::string, std::string>> SettingReports(
    const StartupParameters& parameters);

}  // namespace dashi
