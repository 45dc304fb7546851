#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/log_line.h"

namespace dashi {

/// What `dashi serve` may be told. server_settings.cc gives each its name, its range and whether a
/// running server takes a new value.
struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5433;               ///< 0 takes any free one
  std::string unix_socket_directory = {};  ///< empty: no Unix socket
  std::string access_file = {};            ///< empty: AccessRules::Default
  std::string audit_log_file = {};         ///< empty: none
  /// Folders of the server in which statements may name files, separated by colons.
  std::string file_directories = {};
  // PEM files; empty: no TLS.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  int num_connections_max = 100;
  /// More of them that only roles with the right admin get.
  int num_reserved_connections = 3;
  /// Clients that are connected and not let in. For each more the one that waits longest is
  /// dropped.
  int num_unauthenticated_max = 64;
  int num_workers = 0;  ///< threads that run SQL; 0: two per core, at least 8
  /// From accepting a connection to letting the client in.
  std::chrono::milliseconds startup_deadline{10'000};
  /// Bytes on their way to one client before its query waits.
  std::size_t send_queue_bytes_max = std::size_t{4} << 20;
  /// A client that reads nothing for this long is dropped.
  std::chrono::milliseconds send_stalled_max{60'000};
  /// A client that keeps others from loading because its COPY sends nothing for this long is
  /// refused it.
  std::chrono::milliseconds copy_stalled_max{60'000};
  /// How long a request waits for a worker before it is refused.
  std::chrono::milliseconds queue_wait_max{30'000};
  // Probes and metrics over HTTP; port 0: none.
  std::string http_host = "127.0.0.1";
  std::uint16_t http_port = 0;
  /// Statements that take as long are counted as slow, and logged where slow_log_file is set; 0:
  /// none are.
  std::chrono::milliseconds slow_statement{1'000};
  std::string slow_log_file = {};
  /// Of sessions that begin: the default of the setting of this name; 0: no limit.
  std::size_t statement_memory_bytes_max = std::size_t{1} << 30;
  /// Of the server's log, the audit log and that of slow statements.
  LogFormat log_format = LogFormat::kText;
  /// Runs the schedules of the databases, unless they are open without writing.
  bool runs_schedules = true;
  /// How long running queries may go on, once the server is asked to stop, before it cancels them.
  std::chrono::milliseconds drain_time{10'000};
  // How the database is opened: see OpenOptions.
  bool read_only = false;
  bool follow = false;
  int num_threads = 0;
  std::size_t memory_bytes_max = std::size_t{512} << 20;
};

}  // namespace dashi
