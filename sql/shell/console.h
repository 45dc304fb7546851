#pragma once

#include <cstddef>

#include "sql/shell/byte_sink.h"

namespace dashi {

/// Standard output and standard error, and which of them a person looks at.
struct Console {
  ByteSink& out;
  ByteSink& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color = false;  ///< on both, where they are terminals
};

struct TerminalSize {
  std::size_t num_columns = 80;
  std::size_t num_lines = 24;
};

/// Whether colours are wanted: the terminal is not a dumb one, and NO_COLOR is not set.
bool ColorsWanted();

/// Returns the size of the terminal behind standard output or standard error; 80 columns and 24
/// lines when unknown.
TerminalSize SizeOfTerminal();

/// Returns the columns of that terminal.
std::size_t TerminalWidth();

}  // namespace dashi
