#include "sql/shell/result_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr mode_t kFileMode = 0666;  // less what umask takes away

Status SystemError(const std::string& what, const std::string& path, int error) {
  return Status::IoError(fmt::format("cannot {} {}: {}", what, path, std::strerror(error)))
      .WithSqlState("58P01");
}

// Whether a file with another name can take the place of what `path` names.
bool CanBeReplaced(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) != 0 ? errno == ENOENT : S_ISREG(status.st_mode);
}

}  // namespace

Result<std::unique_ptr<ResultFile>> ResultFile::OpenPipe(const std::string& command) {
  const std::size_t begin = command.find_first_not_of(" \t");
  if (begin == std::string::npos) {
    return Status::InvalidArgument("a command is missing behind |");
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<CommandPipe> pipe,
                         CommandPipe::Start(command.substr(begin)));
  std::unique_ptr<ResultFile> file(new ResultFile);
  file->sink_ = std::move(pipe);
  return file;
}

Result<std::unique_ptr<ResultFile>> ResultFile::Open(const std::string& target, Mode mode) {
  if (target.starts_with('|')) {
    return OpenPipe(target.substr(1));
  }
  std::unique_ptr<ResultFile> file(new ResultFile);
  const bool beside = mode == Mode::kWhole && CanBeReplaced(target);
  file->path_ = target;
  const std::string written =
      beside ? fmt::format("{}.dashi-partial-{}", target, ::getpid()) : target;
  file->file_descriptor_ =
      ::open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (file->file_descriptor_ < 0) {
    return SystemError("open", target, errno);
  }
  file->written_path_ = written;
  file->sink_ = std::make_unique<FileSink>(file->file_descriptor_, target);
  return file;
}

ResultFile::~ResultFile() {
  Close();
  if (written_path_ != path_) {
    ::unlink(written_path_.c_str());
  }
}

void ResultFile::Close() {
  if (file_descriptor_ >= 0) {
    ::close(std::exchange(file_descriptor_, -1));
  }
}

Status ResultFile::Commit() {
  DASHI_RETURN_IF_ERROR(sink_->Flush());
  sink_.reset();  // Waits for the end of a command.
  Close();
  if (written_path_ == path_) {
    return Status();
  }
  if (std::rename(written_path_.c_str(), path_.c_str()) != 0) {
    return SystemError("rename a file to", path_, errno);
  }
  written_path_ = path_;
  return Status();
}

}  // namespace dashi
