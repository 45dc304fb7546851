#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sql/shell/result_writer.h"
#include "sql/shell/script_input.h"

namespace dashi {

/// What the words after `dashi` ask for.
struct CommandLine {
  enum class Action {
    kPrint,
    kExec,
    kShell,
    kServe,
    kRecover,
    kCheck,
    kListBackups,
    kRestore,
    kRunSchedules
  };

  Action action = Action::kPrint;
  // kPrint: --help, --version or a mistake.
  std::string output;  ///< for standard output
  std::string error;   ///< for standard error
  int exit_status = 0;
  // The others.
  std::string directory;
  std::string backup_directory;     ///< kListBackups, kRestore
  std::uint64_t backup_number = 0;  ///< kRestore
  bool create_if_missing = false;
  bool read_only = false;
  bool follow = false;
  int num_threads = 0;
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;
  OutputFormat format = OutputFormat::kTable;
  std::vector<ScriptInput> inputs;              ///< kExec; standard input when empty
  std::vector<std::string> served_directories;  ///< kServe
  // kServe, whose settings are those of server_settings.h.
  std::string config_file;  ///< empty: none
  bool check_config = false;
  std::vector<std::pair<std::string, std::string>> settings;  ///< names and values given as flags
  std::string recover_to;                                     ///< kRecover: the directory to make
  bool accept_loss = false;                                   ///< kRecover
  bool once = false;                                          ///< kRunSchedules
};

/// Understands the command line. `arguments` leaves out the name of the program.
CommandLine ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace dashi
