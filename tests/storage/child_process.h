#pragma once

#include <map>
#include <string>

namespace dashi::storage {

/// Runs one test of this very program, which may be a disabled one, in a process of its own.
struct ChildOutcome {
  int exit_status = -1;  ///< when it ended by itself
  int signal = 0;        ///< when a signal ended it
  std::string output;    ///< stdout and stderr
};
ChildOutcome RunTestInChild(const std::string& test,
                            const std::map<std::string, std::string>& environment);

}  // namespace dashi::storage
