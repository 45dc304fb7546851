// Imports a format of the application's own, row by row, in transactions.
//   custom_import DIRECTORY FILE [FIRST_LINE]
//
// FILE is `-` for standard input, and has a line for each row, with tabs between the fields:
//   label     ID  TEXT
//   document  ID  TEXT  [LABEL,LABEL...]     labels stand before the documents that name them
// Empty lines and lines that begin with # are passed over. A row that is there already is replaced,
// so an import may be repeated. Every 1,000 lines are one transaction. The first bad line ends the
// import, and so does Ctrl-C: what was committed stays, and the line to go on with is printed.
//
// For JSON lines, CSV and TSV, COPY is shorter and faster: it loads a file as a whole.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "dashi/database.h"

namespace {

using dashi::PreparedStatement;
using dashi::Session;
using dashi::Status;
using dashi::Value;

constexpr std::uint64_t kLinesPerTransaction = 1000;
constexpr int kExitInterrupted = 130;

volatile std::sig_atomic_t interrupted = 0;

void OnInterrupt(int /*signal*/) { interrupted = 1; }

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

/// The lines of a file, counted. It looks for Ctrl-C while it waits for bytes.
class LineReader {
 public:
  explicit LineReader(int file) : file_(file) {
    struct stat info {};
    if (fstat(file_, &info) == 0 && S_ISREG(info.st_mode)) {
      size_ = static_cast<std::uint64_t>(info.st_size);
    }
  }

  /// Reads the next line, which stays there until the next call. Returns false at the end, and when
  /// Ctrl-C came.
  dashi::Result<bool> Next(std::string_view* line) {
    std::size_t end = buffer_.find('\n', begin_);
    while (end == std::string::npos) {
      dashi::Result<bool> more = Fill();
      if (!more.ok() || (!*more && (buffer_.empty() || interrupted != 0))) {
        return more;
      }
      end = *more ? buffer_.find('\n') : buffer_.size();
    }
    *line = std::string_view(buffer_).substr(begin_, end - begin_);
    const std::size_t next = std::min(buffer_.size(), end + 1);
    ++number_;
    bytes_ += next - begin_;
    begin_ = next;
    if (!line->empty() && line->back() == '\r') {
      line->remove_suffix(1);
    }
    return true;
  }
  std::uint64_t number() const { return number_; }
  void ShowProgress() const {
    if (size_ > 0) {
      std::fprintf(stderr, "\rline %llu, %.0f %%", static_cast<unsigned long long>(number_),
                   100.0 * static_cast<double>(bytes_) / static_cast<double>(size_));
    } else {
      std::fprintf(stderr, "\rline %llu", static_cast<unsigned long long>(number_));
    }
  }

 private:
  /// Reads more bytes behind those that are left. Returns false at the end, and when Ctrl-C came.
  dashi::Result<bool> Fill() {
    constexpr std::size_t kBytesAtOnce = 1 << 16;
    constexpr int kLookAgainMs = 100;
    pollfd waited = {file_, POLLIN, 0};
    while (poll(&waited, 1, kLookAgainMs) <= 0) {
      if (interrupted != 0) {
        return false;
      }
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    const std::size_t size = buffer_.size();
    buffer_.resize(size + kBytesAtOnce);
    const ssize_t length = read(file_, buffer_.data() + size, kBytesAtOnce);
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(0, length)));
    if (length < 0) {
      return Status::IoError(std::string("cannot read: ") + std::strerror(errno));
    }
    return length > 0;
  }

  const int file_;
  std::string buffer_;
  std::size_t begin_ = 0;  // Of what was not returned yet.
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t size_ = 0;  // 0: not known
};

/// Writes rows with statements that were parsed once.
class RowWriter {
 public:
  static dashi::Result<RowWriter> Make(Session& session) {
    const char* const sql[] = {
        "INSERT INTO labels (id, text) VALUES ($1, $2) "
        "ON CONFLICT (id) DO UPDATE SET text = excluded.text",
        "INSERT INTO documents (id, text) VALUES ($1, $2) "
        "ON CONFLICT (id) DO UPDATE SET text = excluded.text",
        "INSERT OR REPLACE INTO relevance (document, label) VALUES ($1, $2)"};
    std::vector<PreparedStatement> statements;
    for (const char* text : sql) {
      auto prepared = session.Prepare(text);
      if (!prepared.ok()) {
        return prepared.status();
      }
      statements.push_back(std::move(*prepared));
    }
    return RowWriter(std::move(statements));
  }

  Status Write(std::string_view line) {
    if (line.empty() || line.front() == '#') {
      return Status();
    }
    const std::vector<std::string_view> fields = Split(line, '\t');
    if (fields[0] == "label" && fields.size() == 3) {
      return Run(0, fields[1], fields[2]);
    }
    if (fields[0] != "document" || fields.size() < 3 || fields.size() > 4) {
      return Status::InvalidArgument("want label, ID, TEXT or document, ID, TEXT, LABELS");
    }
    if (Status status = Run(1, fields[1], fields[2]); !status.ok()) {
      return status;
    }
    if (fields.size() == 4 && !fields[3].empty()) {
      for (const std::string_view label : Split(fields[3], ',')) {
        if (Status status = Run(2, fields[1], label); !status.ok()) {
          return status;
        }
      }
    }
    return Status();
  }

 private:
  explicit RowWriter(std::vector<PreparedStatement> statements)
      : statements_(std::move(statements)) {}

  Status Run(std::size_t statement, std::string_view first, std::string_view second) {
    const Value values[] = {Value::Text(std::string(first)), Value::Text(std::string(second))};
    return statements_[statement].Execute(values).status();
  }

  std::vector<PreparedStatement> statements_;
};

Status Execute(Session& session, const char* sql) { return session.Execute(sql).status(); }

// Returns how the import ended; *committed is the last line whose transaction is in the database.
Status Import(Session& session, LineReader& lines, std::uint64_t first_line,
              std::uint64_t* committed) {
  auto writer = RowWriter::Make(session);
  Status status = writer.ok() ? Execute(session, "BEGIN") : writer.status();
  std::string_view line;
  while (status.ok()) {
    const dashi::Result<bool> more = lines.Next(&line);
    if (!more.ok() || !*more) {
      status = more.status();
      break;
    }
    status = lines.number() >= first_line ? writer->Write(line) : Status();
    if (status.ok() && lines.number() % kLinesPerTransaction == 0) {
      status = Execute(session, "COMMIT");
      *committed = status.ok() ? lines.number() : *committed;
      status = status.ok() ? Execute(session, "BEGIN") : status;
      lines.ShowProgress();
    }
  }
  if (status.ok() && interrupted != 0) {
    status = Status::Cancelled("interrupted");
  }
  status = status.ok() ? Execute(session, "COMMIT") : status;
  if (status.ok()) {
    *committed = lines.number();
  } else if (session.in_transaction()) {
    session.SetCancelCheck(nullptr);
    Execute(session, "ROLLBACK").IgnoreError("the end of the session rolls back as well");
  }
  lines.ShowProgress();
  std::fputs("\n", stderr);
  return status;
}

int Run(const std::string& directory, const std::string& path, std::uint64_t first_line) {
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::strerror(errno));
    return 1;
  }
  auto database = dashi::Database::Open(directory);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().ToString().c_str());
    return 1;
  }
  // Ctrl-C ends the statement that runs.
  (*session)->SetCancelCheck([] { return interrupted != 0; });
  LineReader lines(file);
  std::uint64_t committed = 0;
  const Status status = Import(**session, lines, first_line, &committed);
  close(file);
  std::printf("imported up to line %llu\n", static_cast<unsigned long long>(committed));
  if (status.ok()) {
    return 0;
  }
  std::fprintf(stderr, "%s:%llu: %s\n", path.c_str(),
               static_cast<unsigned long long>(lines.number()), status.ToString().c_str());
  const unsigned long long next = committed + 1;
  std::fprintf(stderr, "go on with line %llu\n", next);
  return status.code() == dashi::StatusCode::kCancelled ? kExitInterrupted : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: custom_import DIRECTORY FILE [FIRST_LINE]\n");
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
  return Run(argv[1], argv[2], argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 1);
}
