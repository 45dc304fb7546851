// A small HTTP service that answers "which labels fit this text?" from a database that another
// process writes, trains and publishes in.
//   query_service DIRECTORY MODEL PORT [DEADLINE_MS]        PORT 0: any that is free
//
//   GET /topk?q=TEXT&k=5 {"release":"ads@3","labels":[{"label":...,"text":...,"score":...},...]}
//   GET /health              {"release":"ads@3"}
//
// Each worker has a session of its own. A request has a deadline, for all of its statements. A
// release that is published is loaded before requests use it, so none of them waits for that.
// SIGTERM and SIGINT end the service when the requests that it has taken are answered.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "dashi/database.h"

namespace {

using dashi::Database;
using dashi::PreparedStatement;
using dashi::Result;
using dashi::Session;
using dashi::Status;
using dashi::StatusCode;
using dashi::Value;

constexpr int kWorkers = 4;
constexpr std::size_t kConnectionsWaitingMax = 64;
constexpr std::size_t kRequestBytesMax = 16 << 10;
constexpr int kClientSeconds = 5;
constexpr std::int64_t kLabelsMax = 100;

int stop_pipe[2] = {-1, -1};

void OnStop(int /*signal*/) {
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = write(stop_pipe[1], &byte, 1);
}

std::string JsonText(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      json += escape;
    } else {
      json += c;
    }
  }
  return json + "\"";
}

std::string UrlDecoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      decoded += static_cast<char>(code);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

/// The value of a parameter in `a=1&b=2`; "" when it is not there.
std::string Parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.substr(0, pair.find('=')) == name && pair.size() > name.size()) {
      return UrlDecoded(pair.substr(name.size() + 1));
    }
  }
  return "";
}

/// The release that requests use.
class ServedRelease {
 public:
  explicit ServedRelease(std::string model) : model_(std::move(model)) {}

  const std::string& model() const { return model_; }
  void Set(std::uint32_t number) {
    const std::lock_guard lock(mutex_);
    number_ = number;
  }
  /// 0: none was published yet.
  std::uint32_t Get() const {
    const std::lock_guard lock(mutex_);
    return number_;
  }
  std::string NameOf(std::uint32_t number) const {
    return number == 0 ? "" : model_ + "@" + std::to_string(number);
  }

 private:
  const std::string model_;
  mutable std::mutex mutex_;
  std::uint32_t number_ = 0;
};

struct Answer {
  int status = 200;
  std::string body;
};

Answer ErrorAnswer(int status, std::string_view message) {
  return {status, "{\"error\":" + JsonText(message) + "}"};
}

Answer ErrorAnswer(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return ErrorAnswer(400, status.message());
    case StatusCode::kDeadlineExceeded:
      return ErrorAnswer(504, status.message());
    case StatusCode::kNotFound:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kResourceExhausted:
      return ErrorAnswer(503, status.message());
    default:
      return ErrorAnswer(500, status.message());
  }
}

/// What one worker asks the database with.
class Asker {
 public:
  static Result<std::unique_ptr<Asker>> Make(Database& database, const ServedRelease& served) {
    auto session = database.NewSession();
    if (!session.ok()) {
      return session.status();
    }
    auto topk = (*session)->Prepare("SELECT label, text, score FROM topk($1, $2, $3)");
    if (!topk.ok()) {
      return topk.status();
    }
    return std::unique_ptr<Asker>(new Asker(std::move(*session), std::move(*topk), served));
  }

  Session& session() { return *session_; }

  /// Asks a release; `json` gets the labels as the members of an array.
  Status Ask(const std::string& text, std::int64_t k, std::uint32_t release, std::string* json) {
    const std::string options =
        "{\"model\":" + JsonText(served_.model()) + ",\"release\":" + std::to_string(release) + "}";
    const Value values[] = {Value::Text(text), Value::Integer(k), Value::Text(options)};
    auto rows = topk_.Execute(values);
    if (!rows.ok()) {
      return rows.status();
    }
    Result<bool> more = rows->Next(&row_);
    for (; more.ok() && *more; more = rows->Next(&row_)) {
      char score[32];
      std::snprintf(score, sizeof(score), "%.6f", row_[2].real());
      *json += (json->empty() ? "{\"label\":" : ",{\"label\":") + JsonText(row_[0].text()) +
               ",\"text\":" + JsonText(row_[1].text()) + ",\"score\":" + score + "}";
    }
    return more.status();
  }

  Answer TopK(std::string_view query) {
    std::int64_t k = 5;
    const std::string count = Parameter(query, "k");
    const char* const end = count.data() + count.size();
    if (!count.empty() &&
        (std::from_chars(count.data(), end, k).ptr != end || k < 1 || k > kLabelsMax)) {
      return ErrorAnswer(400, "k must be a number from 1 to 100");
    }
    const std::string text = Parameter(query, "q");
    const std::uint32_t release = served_.Get();
    if (text.empty() || release == 0) {
      return text.empty() ? ErrorAnswer(400, "q is missing")
                          : ErrorAnswer(503, "no release is published");
    }
    std::string labels;
    const Status status = Ask(text, k, release, &labels);
    return status.ok() ? Answer{200, "{\"release\":" + JsonText(served_.NameOf(release)) +
                                         ",\"labels\":[" + labels + "]}"}
                       : ErrorAnswer(status);
  }

 private:
  Asker(std::unique_ptr<Session> session, PreparedStatement topk, const ServedRelease& served)
      : session_(std::move(session)), topk_(std::move(topk)), served_(served) {}

  std::unique_ptr<Session> session_;
  PreparedStatement topk_;
  dashi::Row row_;
  const ServedRelease& served_;
};

/// Connections that wait for a worker.
class ConnectionQueue {
 public:
  bool Push(int connection) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == kConnectionsWaitingMax) {
      return false;
    }
    waiting_.push_back(connection);
    changed_.notify_one();
    return true;
  }
  /// Returns -1 when the queue is closed and empty.
  int Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return -1;
    }
    const int connection = waiting_.front();
    waiting_.pop_front();
    return connection;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> waiting_;
  bool closed_ = false;
};

void Send(int connection, const Answer& answer) {
  const std::string response =
      "HTTP/1.1 " + std::to_string(answer.status) + (answer.status == 200 ? " OK" : " Error") +
      "\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(answer.body.size()) + "\r\nConnection: close\r\n\r\n" + answer.body;
  for (std::size_t sent = 0; sent < response.size();) {
    const ssize_t size =
        send(connection, response.data() + sent, response.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) {
      return;  // The client is gone.
    }
    sent += static_cast<std::size_t>(size);
  }
}

/// Reads the head of a request and returns its target; "" when there is none.
std::string ReadTarget(int connection) {
  std::string head;
  char bytes[4096];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t size = recv(connection, bytes, sizeof(bytes), 0);
    if (size <= 0 || head.size() + static_cast<std::size_t>(size) > kRequestBytesMax) {
      return "";
    }
    head.append(bytes, static_cast<std::size_t>(size));
  }
  const std::size_t end = head.find(" HTTP/1.");
  return head.rfind("GET ", 0) == 0 && end != std::string::npos ? head.substr(4, end - 4) : "";
}

class Service {
 public:
  Service(Database& database, std::string model, std::chrono::milliseconds deadline)
      : database_(database), served_(std::move(model)), deadline_(deadline) {}

  /// Subscribes first and looks then, so that no release comes unseen in between.
  Status Start() {
    auto warmer = Asker::Make(database_, served_);
    if (!warmer.ok()) {
      return warmer.status();
    }
    warmer_ = std::move(*warmer);
    auto subscription = database_.SubscribeToReleases([this](const dashi::ReleaseEvent& event) {
      if (event.model == served_.model() && event.change != dashi::ReleaseChange::kDropped) {
        const std::lock_guard lock(warm_mutex_);
        Serve(event.release);
      }
    });
    if (!subscription.ok()) {
      return subscription.status();
    }
    subscription_ = std::move(*subscription);
    if (Status status = ServeFirst(); !status.ok()) {
      return status;
    }
    for (int i = 0; i < kWorkers; ++i) {
      auto asker = Asker::Make(database_, served_);
      if (!asker.ok()) {
        return asker.status();
      }
      workers_.emplace_back(
          [this, asker = std::shared_ptr<Asker>(std::move(*asker))] { Work(*asker); });
    }
    return Status();
  }

  void Take(int connection) {
    const timeval limit = {kClientSeconds, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (!queue_.Push(connection)) {
      Send(connection, ErrorAnswer(503, "too many requests wait"));
      close(connection);
    }
  }

  /// Answers what was taken, and ends the workers.
  void Stop() {
    subscription_.Cancel();
    queue_.Close();
    for (std::thread& worker : workers_) {
      worker.join();
    }
    workers_.clear();
  }
  std::uint64_t num_requests() const { return num_requests_; }

 private:
  /// Serves what is published already. What is published meanwhile waits for it.
  Status ServeFirst() {
    const std::lock_guard lock(warm_mutex_);
    const Value model[] = {Value::Text(served_.model())};
    auto rows = warmer_->session().Execute(
        "SELECT number FROM releases WHERE model = $1 AND published", model);
    dashi::Row row;
    const Result<bool> found = rows.ok() ? rows->Next(&row) : rows.status();
    if (found.ok() && *found) {
      Serve(static_cast<std::uint32_t>(row[0].integer()));
    }
    return found.status();
  }

  /// Loads a release, then lets requests use it. Under warm_mutex_.
  void Serve(std::uint32_t release) {
    std::string ignored;
    const Status status = warmer_->Ask("warm", 1, release, &ignored);
    if (!status.ok()) {
      std::fprintf(stderr, "cannot serve %s: %s\n", served_.NameOf(release).c_str(),
                   status.ToString().c_str());
      return;
    }
    served_.Set(release);
    std::printf("serving %s\n", served_.NameOf(release).c_str());
    std::fflush(stdout);
  }

  void Work(Asker& asker) {
    for (int connection = queue_.Pop(); connection >= 0; connection = queue_.Pop()) {
      const std::string target = ReadTarget(connection);
      asker.session().SetTimeLimit(deadline_);
      Send(connection, AnswerTo(target, asker));
      close(connection);
      ++num_requests_;
    }
  }

  Answer AnswerTo(std::string_view target, Asker& asker) {
    const std::string_view path = target.substr(0, target.find('?'));
    const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
    if (path == "/topk") {
      return asker.TopK(query);
    }
    if (path == "/health") {
      return {200, "{\"release\":" + JsonText(served_.NameOf(served_.Get())) + "}"};
    }
    return target.empty() ? ErrorAnswer(400, "want GET") : ErrorAnswer(404, "no such page");
  }

  Database& database_;
  ServedRelease served_;
  const std::chrono::milliseconds deadline_;
  std::mutex warm_mutex_;
  std::unique_ptr<Asker> warmer_;
  ConnectionQueue queue_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint64_t> num_requests_{0};
  dashi::Subscription subscription_;  // Last: its callback uses what stands before it.
};

/// Listens on the loopback interface. Returns -1 when that fails.
int Listen(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || bind(listener, generic, size) != 0 || listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, generic, &size) != 0) {
    std::fprintf(stderr, "cannot listen: %s\n", std::strerror(errno));
    return -1;
  }
  std::printf("listening on 127.0.0.1:%d\n", static_cast<int>(ntohs(address.sin_port)));
  std::fflush(stdout);
  return listener;
}

void AcceptUntilStopped(int listener, Service& service) {
  pollfd waited[] = {{listener, POLLIN, 0}, {stop_pipe[0], POLLIN, 0}};
  for (;;) {
    if (poll(waited, 2, -1) < 0 && errno != EINTR) {
      return;
    }
    if (waited[1].revents != 0) {
      return;
    }
    if ((waited[0].revents & POLLIN) != 0) {
      if (const int connection = accept(listener, nullptr, nullptr); connection >= 0) {
        service.Take(connection);
      }
    }
    waited[0].revents = 0;
  }
}

int Run(const std::string& directory, const std::string& model, std::uint16_t port,
        std::chrono::milliseconds deadline) {
  dashi::OpenOptions options;
  options.create_if_missing = false;
  options.read_only = true;
  options.follow = true;
  auto database = Database::Open(directory, options);
  if (!database.ok()) {
    std::fprintf(stderr, "%s\n", database.status().ToString().c_str());
    return 1;
  }
  Service service(**database, model, deadline);
  const Status started = service.Start();
  const int listener = started.ok() ? Listen(port) : -1;
  if (listener >= 0) {
    AcceptUntilStopped(listener, service);
    close(listener);
  } else if (!started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
  }
  service.Stop();
  std::printf("stopped after %llu requests\n",
              static_cast<unsigned long long>(service.num_requests()));
  return listener >= 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: query_service DIRECTORY MODEL PORT [DEADLINE_MS]\n");
    return 2;
  }
  if (pipe(stop_pipe) != 0) {
    std::perror("pipe");
    return 1;
  }
  struct sigaction action {};
  action.sa_handler = OnStop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const std::chrono::milliseconds deadline(argc == 5 ? std::atol(argv[4]) : 500);
  return Run(argv[1], argv[2], static_cast<std::uint16_t>(std::atoi(argv[3])), deadline);
}
