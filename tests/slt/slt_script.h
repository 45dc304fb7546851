#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"

namespace dashi::slt {

/// One step of a golden SQL file.
///
///   # comment
///   statement ok [TAG]              runs it; TAG, when given, is the command tag
///   statement error STATE [at L:C] [PART]
///                                   fails with this SQLSTATE, position and part of message or hint
///   query [rowsort]                 runs it and compares the rows below ----, one a line, values
///                                   separated by " | ", NULL for NULL, (empty) for '', reals as
///                                   %.6g
///   restart                         closes the database and opens it again
///   reconnect                       opens a new session
///   file NAME                       writes the lines up to the blank one to ${DIR}/NAME
///   release MODEL                   stores a release of untrained weights over the rows there are
///   onlyif embedded                 the next step is left out where a server answers
///
/// A blank line ends a step. ${DIR} stands for the test's folder, ${SOURCE} for the project's.
struct Step {
  enum class Kind { kOk, kError, kQuery, kRestart, kReconnect, kFile, kRelease };
  Kind kind = Kind::kOk;
  std::size_t line = 0;  ///< of the step in its file
  std::string argument;  ///< tag, SQLSTATE, file or model
  std::string position;  ///< "L:C" of an error, or empty
  std::string part;      ///< of an error's message or hint, or empty
  bool sort_rows = false;
  bool embedded_only = false;
  std::string body;  ///< SQL or the file's content
  std::vector<std::string> rows;
};

/// Errors: kInvalidArgument naming the line of a step that cannot be read.
Result<std::vector<Step>> ParseScript(const std::string& text);

}  // namespace dashi::slt
