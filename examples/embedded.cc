// A tour of dashi inside a program: open, write, read, train, ask, be told. Nothing here throws.
//   embedded [DIRECTORY]
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "dashi/database.h"

namespace {

using dashi::Database;
using dashi::Result;
using dashi::Row;
using dashi::Session;
using dashi::Status;
using dashi::Value;

// Runs statements for which no rows are wanted.
Status Run(Session& session, const std::string& script) {
  return session.ExecuteScript(script, nullptr);
}

// A statement that is parsed once runs with many values; a transaction is all or nothing.
Status Write(Session& session) {
  Status status =
      Run(session,
          "ALTER TABLE labels ADD COLUMN price REAL; BEGIN;"
          "INSERT INTO labels (id, text, price) VALUES ('L1', 'sport earphones', 29.5), "
          "('L2', 'noise cancelling headphones', 249), ('L3', 'phone cases', NULL)");
  auto document = session.Prepare("INSERT INTO documents (id, text) VALUES ($1, $2)");
  auto pair = session.Prepare("INSERT INTO relevance (document, label) VALUES ($1, $2)");
  if (!status.ok() || !document.ok() || !pair.ok()) {
    return !status.ok() ? status : !document.ok() ? document.status() : pair.status();
  }
  const char* const texts[][2] = {
      {"wireless earbuds for running", "L1"}, {"earphones for the gym", "L1"},
      {"headphones for long flights", "L2"},  {"quiet headphones for the office", "L2"},
      {"a cover for my phone", "L3"},         {"leather phone cover", "L3"}};
  int number = 0;
  for (const auto& [text, label] : texts) {
    const Value id = Value::Text("d" + std::to_string(++number));
    const Value row[] = {id, Value::Text(text)};
    const Value link[] = {id, Value::Text(label)};
    status = document->Execute(row).status();
    status = status.ok() ? pair->Execute(link).status() : status;
    if (!status.ok()) {
      return status;  // The session's end would roll back.
    }
  }
  return Run(session, "COMMIT");
}

// Rows come as they are pulled. Values have types, and NULL is one of them.
Status Read(Session& session) {
  auto rows = session.Execute("SELECT id, text, price FROM labels ORDER BY id");
  if (!rows.ok()) {
    return rows.status();
  }
  const std::size_t price = dashi::FindColumn(rows->columns(), "price").value();
  Row row;
  Result<bool> more = rows->Next(&row);
  for (; more.ok() && *more; more = rows->Next(&row)) {
    const std::string shown = row[price].is_null() ? "no price" : std::to_string(row[price].real());
    std::printf("%s: %s, %s\n", row[0].ToString().c_str(), row[1].ToString().c_str(),
                shown.c_str());
  }
  return more.status();
}

// Errors are values: a code for programs, an SQLSTATE as PostgreSQL has it, a place, a hint.
void ShowAnError(Session& session) {
  const Status status = session.Execute("SELECT id FROM label").status();
  std::printf("%s at column %zu: %s\n", std::string(status.sqlstate()).c_str(),
              status.position() ? status.position()->column : 0,
              std::string(status.message()).c_str());
}

// What runs too long ends: by another thread, or by a limit of time.
Status Interrupt(Session& session) {
  const std::string endless =
      "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) "
      "SELECT count(*) FROM n WHERE x < 0";
  session.SetTimeLimit(std::chrono::milliseconds(20));
  const auto run = [&] {
    auto rows = session.Execute(endless);
    Row row;
    return rows.ok() ? rows->Next(&row).status() : rows.status();
  };
  std::printf("with a limit: %s\n", run().ToString().c_str());
  session.SetTimeLimit(std::nullopt);
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {  // One that comes before the statement would be forgotten.
      session.Cancel();
      std::this_thread::yield();
    }
  });
  const Status cancelled = run();
  done = true;
  other.join();
  std::printf("with Cancel: %s\n", cancelled.ToString().c_str());
  return cancelled.code() == dashi::StatusCode::kCancelled ? Status() : cancelled;
}

/// Waits for a release to be published, as a cache or a service would.
class ReleaseWatch {
 public:
  void Note(const dashi::ReleaseEvent& event) {
    const std::lock_guard lock(mutex_);
    name_ = event.model + "@" + std::to_string(event.release);
    changed_.notify_all();
  }
  std::string Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !name_.empty(); });
    return name_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string name_;
};

// Trains a model on the pairs, publishes the release, and is told of it.
Status Train(Database& database, Session& session) {
  ReleaseWatch watch;
  auto subscription =
      database.SubscribeToReleases([&](const dashi::ReleaseEvent& event) { watch.Note(event); });
  if (!subscription.ok()) {
    return subscription.status();
  }
  session.SetProgressCallback([](const dashi::Progress& progress) {
    std::fprintf(stderr, "%s, %s: %llu of %llu %s\n", progress.operation.c_str(),
                 progress.phase.c_str(), static_cast<unsigned long long>(progress.done),
                 static_cast<unsigned long long>(progress.total), progress.unit.c_str());
  });
  Status status = Run(session,
                      "CREATE MODEL gear USING ngame WITH (epochs = 5); TRAIN MODEL gear; "
                      "PUBLISH gear@1");
  session.SetProgressCallback(nullptr);
  if (status.ok()) {
    std::printf("serves now: %s\n", watch.Wait().c_str());
  }
  return status;
}

// [README]
dashi::Status Ask(const std::string& directory, const std::string& text) {
  auto database = dashi::Database::Open(directory);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  if (!session.ok()) {
    return session.status();
  }
  auto topk = (*session)->Prepare("SELECT label, text, score FROM topk($1, 2)");
  const dashi::Value values[] = {dashi::Value::Text(text)};
  auto rows = topk.ok() ? topk->Execute(values) : topk.status();
  if (!rows.ok()) {
    return rows.status();
  }
  dashi::Row row;
  auto more = rows->Next(&row);
  for (; more.ok() && *more; more = rows->Next(&row)) {  // rows come as they are pulled
    std::printf("%s %s %.3f\n", row[0].ToString().c_str(), row[1].ToString().c_str(),
                row[2].real());
  }
  return more.status();
}
// [/README]

Status Tour(const std::string& directory) {
  dashi::OpenOptions options;
  options.memory_bytes_max = std::uint64_t{256} << 20;
  auto database = Database::Open(directory, options);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  Status status = session.ok() ? Write(**session) : session.status();
  status = status.ok() ? Read(**session) : status;
  if (status.ok()) {
    ShowAnError(**session);
    status = Interrupt(**session);
  }
  return status.ok() ? Train(**database, **session) : status;
}

}  // namespace

int main(int argc, char** argv) {
  std::string directory = argc > 1 ? argv[1] : "";
  if (directory.empty()) {
    directory = (std::filesystem::temp_directory_path() / "dashi_embedded_example").string();
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  Status status = Tour(directory);
  // Only training needs the module with LibTorch, which may have been left out.
  if (status.message().find("libdashi_torch.so") != std::string_view::npos) {
    std::fprintf(stderr, "not trained: %s\n", status.ToString().c_str());
    return 0;
  }
  status = status.ok() ? Ask(directory, "headphones for a train") : status;
  std::fputs(status.ok() ? "" : (status.ToString() + "\n").c_str(), stderr);
  return status.ok() ? 0 : 1;
}
