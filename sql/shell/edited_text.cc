#include "sql/shell/edited_text.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/shell/byte_sink.h"
#include "sql/shell/command_pipe.h"

namespace dashi {

namespace {

std::string Editor() {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') {
      return value;
    }
  }
  return "vi";
}

// 'it'\''s': one word for /bin/sh
std::string ShellWord(const std::string& text) {
  std::string word = "'";
  for (const char byte : text) {
    word += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
  }
  return word + "'";
}

Status WriteFile(int file_descriptor, const std::string& path, const std::string& text) {
  FileSink sink(file_descriptor, path);
  DASHI_RETURN_IF_ERROR(sink.Write(text + "\n"));
  return sink.Flush();
}

}  // namespace

Result<std::string> EditFile(const std::string& path) {
  const std::string command = Editor() + " " + ShellWord(path);
  DASHI_ASSIGN_OR_RETURN(const int exit_status, RunInForeground(command));
  if (exit_status != 0) {
    return Status::IoError(fmt::format("the editor ended with status {}: {}", exit_status, command))
        .WithHint("VISUAL and EDITOR name the editor.");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Status::IoError("cannot read " + path + ": " + std::strerror(errno))
        .WithSqlState("58P01");
  }
  std::stringstream content;
  content << file.rdbuf();
  std::string text = content.str();
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

Result<std::string> EditText(const std::string& text) {
  const char* folder = std::getenv("TMPDIR");
  std::string path =
      std::string(folder == nullptr || *folder == '\0' ? "/tmp" : folder) + "/dashi.XXXXXX.sql";
  constexpr int kSuffixBytes = 4;
  const int file_descriptor = ::mkostemps(path.data(), kSuffixBytes, O_CLOEXEC);
  if (file_descriptor < 0) {
    return Status::IoError("cannot make " + path + ": " + std::strerror(errno))
        .WithSqlState("58P01");
  }
  const Status written = WriteFile(file_descriptor, path, text);
  ::close(file_descriptor);
  Result<std::string> edited = written.ok() ? EditFile(path) : Result<std::string>(written);
  ::unlink(path.c_str());
  return edited;
}

}  // namespace dashi
