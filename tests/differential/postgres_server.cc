#include "tests/differential/postgres_server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <postgresql/libpq-fe.h>

#include "base/status.h"

namespace dashi::differential {

namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;
constexpr const char* kReady = "ready to accept connections";
// Types of PostgreSQL's catalogue.
constexpr Oid kBool = 16;
constexpr Oid kNumbers[] = {20, 21, 23, 700, 701, 1700};
constexpr Oid kTimestamps[] = {1114, 1184};

/// The folder of initdb and postgres: the newest version, or what DASHI_POSTGRES_BIN names.
std::string FindBinaries() {
  const char* given = std::getenv("DASHI_POSTGRES_BIN");
  if (given != nullptr) {
    return given;
  }
  std::string found;
  std::error_code error;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string folder = version.path() / "bin";
    if (fs::exists(folder + "/initdb") && folder > found) {
      found = folder;
    }
  }
  return found;
}

/// Runs a program, as nobody where this process is root's; what it writes goes to `out`. It ends
/// when this process does.
pid_t Spawn(const std::vector<std::string>& arguments, int out) {
  std::vector<char*> raw;
  raw.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) {
    raw.push_back(const_cast<char*>(argument.c_str()));
  }
  raw.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    const bool root = ::geteuid() == 0;
    if (root && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
      ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    ::execv(raw.front(), raw.data());
    ::_exit(127);
  }
  return child;
}

std::string TimestampText(const std::string& text) {
  std::string shown = text.substr(0, text.find('+'));
  const std::size_t point = shown.find('.');
  std::string fraction = point == std::string::npos ? "" : shown.substr(point + 1);
  fraction.resize(6, '0');
  return shown.substr(0, point) + "." + fraction + "+00";
}

std::string CellText(const PGresult* result, int row, int column, int digits) {
  if (PQgetisnull(result, row, column) != 0) {
    return "NULL";
  }
  const std::string text = PQgetvalue(result, row, column);
  const Oid type = PQftype(result, column);
  if (type == kBool) {
    return text == "t" ? "1" : "0";
  }
  if (std::find(std::begin(kNumbers), std::end(kNumbers), type) != std::end(kNumbers)) {
    return NumberText(std::strtod(text.c_str(), nullptr), digits);
  }
  const bool time =
      std::find(std::begin(kTimestamps), std::end(kTimestamps), type) != std::end(kTimestamps);
  return "'" + (time ? TimestampText(text) : text) + "'";
}

SqlType TypeOf(Oid oid) {
  switch (oid) {
    case 16:
      return SqlType::kBoolean;
    case 20:
    case 21:
    case 23:
      return SqlType::kInteger;
    case 700:
    case 701:
    case 1700:
      return SqlType::kReal;
    case 17:
      return SqlType::kBytes;
    case 1082:
      return SqlType::kDate;
    case 1083:
      return SqlType::kTime;
    case 1114:
    case 1184:
      return SqlType::kTimestamp;
    case 1186:
      return SqlType::kInterval;
    default:
      return SqlType::kText;
  }
}

}  // namespace

Result<std::unique_ptr<PostgresServer>> PostgresServer::Start() {
  const std::string binaries = FindBinaries();
  if (binaries.empty()) {
    return Status::Unavailable(
        "PostgreSQL is not installed: ./run setup installs it, or set DASHI_POSTGRES_BIN");
  }
  auto server = std::unique_ptr<PostgresServer>(new PostgresServer());
  DASHI_RETURN_IF_ERROR(server->MakeFolder());
  DASHI_RETURN_IF_ERROR(server->Launch(binaries));
  DASHI_RETURN_IF_ERROR(server->Connect());
  return server;
}

PostgresServer::~PostgresServer() {
  PQfinish(connection_);
  if (server_ > 0) {
    ::kill(server_, SIGQUIT);
    ::waitpid(server_, nullptr, 0);
  }
  if (log_ >= 0) {
    ::close(log_);
  }
  if (!folder_.empty()) {
    std::error_code error;
    fs::remove_all(folder_, error);
  }
}

// In /tmp, since the name of a Unix socket has at most 107 bytes.
Status PostgresServer::MakeFolder() {
  std::string name = "/tmp/dashi-postgres-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return Status::Internal("no folder for PostgreSQL: " + std::string(std::strerror(errno)));
  }
  folder_ = name;
  if (::geteuid() == 0 && ::chown(name.c_str(), kNobody, kNobody) != 0) {
    return Status::Internal("the folder cannot be given to nobody");
  }
  return Status();
}

Status PostgresServer::Launch(const std::string& binaries) {
  const std::string data = folder_ + "/data";
  const std::string log = folder_ + "/initdb.log";
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const pid_t initdb = Spawn({binaries + "/initdb", "-D", data, "-U", "dashi", "-A", "trust",
                              "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"},
                             file);
  ::close(file);
  int status = 0;
  ::waitpid(initdb, &status, 0);
  if (status != 0) {
    return Status::Internal("initdb of PostgreSQL failed with status " + std::to_string(status));
  }
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return Status::Internal("no pipe");
  }
  log_ = pipe_ends[0];
  // Of its messages only those of the server itself: nobody reads more of the pipe.
  server_ = Spawn(
      {binaries + "/postgres", "-D", data, "-k", folder_, "-F", "-c", "listen_addresses=", "-c",
       "timezone=UTC", "-c", "log_min_messages=log", "-c", "log_min_error_statement=panic", "-c",
       "log_checkpoints=off", "-c", "logging_collector=off"},
      pipe_ends[1]);
  ::close(pipe_ends[1]);
  std::string said;
  char buffer[4096];
  while (said.find(kReady) == std::string::npos) {
    const ssize_t size = ::read(log_, buffer, sizeof(buffer));
    if (size <= 0) {
      return Status::Internal("PostgreSQL does not start: " + said);
    }
    said.append(buffer, static_cast<std::size_t>(size));
  }
  return Status();
}

Status PostgresServer::Connect() {
  connection_ = PQconnectdb(("host=" + folder_ + " user=dashi dbname=postgres").c_str());
  if (PQstatus(connection_) != CONNECTION_OK) {
    return Status::Internal("no connection to PostgreSQL: " +
                            std::string(PQerrorMessage(connection_)));
  }
  return Status();
}

std::string PostgresServer::Version() const {
  return std::to_string(PQserverVersion(connection_) / 10000);
}

Answer PostgresServer::AnswerOf(const std::string& sql, int digits) {
  Answer answer;
  PGresult* result = PQexec(connection_, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK) {
    for (int column = 0; column < PQnfields(result); ++column) {
      answer.types.push_back(TypeOf(PQftype(result, column)));
    }
    for (int row = 0; row < PQntuples(result); ++row) {
      std::string text;
      for (int column = 0; column < PQnfields(result); ++column) {
        AppendValue(&text, CellText(result, row, column, digits));
      }
      answer.rows.push_back(std::move(text));
    }
  } else if (status != PGRES_COMMAND_OK) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    answer.sqlstate = state == nullptr ? "?" : state;
    answer.message = PQresultErrorMessage(result);
  }
  PQclear(result);
  return answer;
}

}  // namespace dashi::differential
