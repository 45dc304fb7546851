#include "tests/crash/release_child.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "tests/crash/label_churn.h"
#include "tests/crash/release_operator.h"
#include "tests/crash/reply_checker.h"

namespace dashi::crash {

namespace {

constexpr int kQueries = 64;
constexpr int kWordsPerQuery = 3;
constexpr int kStepsPerReport = 50;
constexpr std::uint64_t kFollowerMemoryBytes = std::uint64_t{64} << 20;

std::vector<std::string> MakeQueries() {
  Random random(2);
  std::vector<std::string> queries;
  queries.reserve(kQueries);
  for (int i = 0; i < kQueries; ++i) {
    queries.push_back(RandomText(&random, kWordsPerQuery));
  }
  return queries;
}

void SendCounts(CrashEventWriter* events, const std::map<std::string, std::uint64_t>& counts) {
  for (const auto& [name, count] : counts) {
    if (count > 0) {
      events->SendRow(name, std::to_string(count));
    }
  }
}

void SendCounts(CrashEventWriter* events, const ReplyCounts& counts) {
  SendCounts(events, {{"replies", counts.num_replies},
                      {"rows", counts.num_rows},
                      {"compared", counts.num_compared},
                      {"wanted", counts.num_wanted},
                      {"found", counts.num_found}});
}

// Tells what an open left, and which release serves.
Result<std::string> Inspect(Database* database, const std::string& directory,
                            CrashEventWriter* events) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> garbage, FindGarbage(directory));
  for (const std::string& line : garbage) {
    events->SendProblem(line);
  }
  CrashSession session(database, events, /*owner=*/0);
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> problems, session.Query("CHECK DATABASE"));
  for (const Row& problem : problems) {
    std::string text = "CHECK DATABASE:";
    for (const Value& value : problem) {
      text += " " + value.ToString();
    }
    events->SendProblem(text);
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> served,
                         session.Query("SELECT name FROM releases WHERE published"));
  return served.empty() ? std::string() : std::string(served[0][0].text());
}

// The texts that labels have before any of them changes.
void NoteTexts(Database* database, CrashEventWriter* events, TextHistory* history) {
  CrashSession session(database, events, /*owner=*/0);
  const auto labels = session.Query("SELECT id, text FROM labels");
  if (!labels.ok()) {
    events->SendProblem(labels.status().ToString());
    return;
  }
  for (const Row& label : labels.value()) {
    history->Note(std::string(label[0].text()), std::string(label[1].text()));
  }
}

// The same database as another process sees it that reads only and follows.
std::unique_ptr<Database> OpenFollower(const std::string& directory, CrashEventWriter* events) {
  OpenOptions options;
  options.create_if_missing = false;
  options.read_only = true;
  options.follow = true;
  options.memory_bytes_max = kFollowerMemoryBytes;
  auto opened = Database::Open(directory, options);
  if (!opened.ok()) {
    events->SendProblem("the database cannot be followed: " + opened.status().ToString());
    return nullptr;
  }
  return std::move(opened).value();
}

void Work(const CrashChildOptions& options, Database* database, CrashEventWriter* events,
          const std::string& served) {
  {
    CrashSession session(database, events, /*owner=*/0);
    AddTrainingRows(&session);
  }
  ServedLedger ledger(served);
  TruthBook truths(options.directory, MakeQueries());
  TextHistory history;
  NoteTexts(database, events, &history);
  ReleaseOperator releases(
      database, events, &ledger, &truths, options.seed,
      options.failpoint.starts_with("train.") || options.failpoint.starts_with("publish.collect"));
  const Stopwatch stopwatch;
  const auto stop = [&] {
    return stopwatch.Seconds() * 1000 >= static_cast<double>(options.work_ms);
  };
  while (ledger.Served().empty() && !stop()) {
    releases.Step();
  }
  SendCounts(events, releases.TakeCounts());
  const std::unique_ptr<Database> follower = OpenFollower(options.directory, events);
  std::vector<std::thread> threads;
  for (int asker = 0; asker <= options.num_writers; ++asker) {
    threads.emplace_back([&, asker] {
      const bool follows = asker == options.num_writers;
      if (follows && follower == nullptr) {
        return;
      }
      ReplyChecker checker(follows ? follower.get() : database, events, follows ? nullptr : &ledger,
                           &truths, &history,
                           options.seed + 1000 + static_cast<std::uint64_t>(asker));
      while (!stop()) {
        for (int step = 0; step < kStepsPerReport && !stop(); ++step) {
          checker.Step();
        }
        const ReplyCounts counts = checker.TakeCounts();
        SendCounts(events, counts);
        if (follows) {
          SendCounts(events, {{"replies of the follower", counts.num_replies}});
        }
      }
    });
  }
  threads.emplace_back([&] {
    LabelChurn churn(database, events, &history, options.seed,
                     options.failpoint.starts_with("relink."));
    while (!stop()) {
      churn.Step();
    }
  });
  while (!stop()) {
    releases.Step();
    SendCounts(events, releases.TakeCounts());
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace

int RunReleaseChild(const CrashChildOptions& options, CrashEventWriter* events) {
  OpenOptions open_options;
  open_options.memory_bytes_max = options.memory_bytes_max;
  auto opened = Database::Open(options.directory, open_options);
  if (!opened.ok()) {
    events->SendProblem("the database does not open: " + opened.status().ToString());
    return 1;
  }
  std::unique_ptr<Database> database = std::move(opened).value();
  events->Send({CrashEventKind::kOpened, 0, "", {}});
  const Result<std::string> served = Inspect(database.get(), options.directory, events);
  if (!served.ok()) {
    events->SendProblem("the database cannot be read: " + served.status().ToString());
    return 1;
  }
  events->Send({CrashEventKind::kDumped, 0, *served, {}});
  if (options.work_ms > 0) {
    Work(options, database.get(), events, *served);
  }
  events->Send({CrashEventKind::kClosing, 0, "", {}});
  database.reset();
  events->Send({CrashEventKind::kClosed, 0, "", {}});
  return 0;
}

}  // namespace dashi::crash
