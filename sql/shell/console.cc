#include "sql/shell/console.h"

#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dashi {

bool ColorsWanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

TerminalSize SizeOfTerminal() {
  TerminalSize found;
  for (const int file_descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size = {};
    if (::ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
      found.num_columns = size.ws_col;
      found.num_lines = size.ws_row > 0 ? size.ws_row : found.num_lines;
      return found;
    }
  }
  return found;
}

std::size_t TerminalWidth() { return SizeOfTerminal().num_columns; }

}  // namespace dashi
