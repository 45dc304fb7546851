#include "tests/crash/crash_child.h"

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "tests/crash/backup_maker.h"
#include "tests/crash/crash_dump.h"
#include "tests/crash/model_trainer.h"
#include "tests/crash/row_writer.h"
#include "tests/crash/schema_writer.h"

namespace dashi::crash {

namespace {

Rows RowsOf(const Rows& rows, int owner) {
  Rows own;
  for (const auto& [key, value] : rows) {
    if (OwnerOf(key) == owner) {
      own.emplace(key, value);
    }
  }
  return own;
}

void Work(const CrashChildOptions& options, Database* database, CrashEventWriter* events,
          const Rows& rows) {
  {
    CrashSession session(database, events, kSharedOwner);
    session.MustRun(
        fmt::format("CREATE GRAPH IF NOT EXISTS {} FROM documents TO labels", kClickGraph));
  }
  const Stopwatch stopwatch;
  const std::function<bool()> stop = [&] {
    return stopwatch.Seconds() * 1000 >= static_cast<double>(options.work_ms);
  };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(options.num_writers) + 3);
  for (int writer = 0; writer < options.num_writers; ++writer) {
    threads.emplace_back([&, writer] {
      const RowWriter::Options writer_options{
          .writer = writer,
          .seed = options.seed + static_cast<std::uint64_t>(writer) * 1000,
          .load_directory = options.load_directory,
          .loads_large_first = writer == 0 && options.failpoint.starts_with("load."),
          .stages_first = writer == 0 && options.failpoint.starts_with("load.")};
      RowWriter(database, events, writer_options, RowsOf(rows, writer)).Run(stop);
    });
  }
  threads.emplace_back([&] {
    const ModelTrainer::Options trainer_options{
        .seed = options.seed + 999,
        .trains = options.seed % 4 == 0,
        .trains_first =
            options.failpoint.starts_with("train.") || options.failpoint.starts_with("publish.") ||
            options.failpoint.starts_with("refresh.") || options.failpoint.starts_with("seal.")};
    ModelTrainer(database, events, trainer_options, RowsOf(rows, kTrainerOwner)).Run(stop);
  });
  threads.emplace_back([&] {
    const SchemaWriter::Options schema_options{
        .seed = options.seed + 998, .indexes_first = options.failpoint.starts_with("index.")};
    SchemaWriter(database, events, schema_options, RowsOf(rows, kSchemaOwner)).Run(stop);
  });
  if (options.failpoint.starts_with("backup.") || options.failpoint.starts_with("restore.") ||
      options.seed % 4 == 1) {
    threads.emplace_back([&] { BackupMaker(database, events, options.load_directory).Run(stop); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace

int RunCrashChild(const CrashChildOptions& options, CrashEventWriter* events) {
  OpenOptions open_options;
  open_options.memory_bytes_max = options.memory_bytes_max;
  auto opened = Database::Open(options.directory, open_options);
  if (!opened.ok()) {
    events->SendProblem("the database does not open: " + opened.status().ToString());
    return 1;
  }
  std::unique_ptr<Database> database = std::move(opened).value();
  events->Send({CrashEventKind::kOpened, 0, "", {}});
  Rows rows;
  {
    CrashSession session(database.get(), events, kSharedOwner);
    auto dumped = DumpDatabase(session, options.directory);
    if (!dumped.ok()) {
      events->SendProblem("the database cannot be read: " + dumped.status().ToString());
      return 1;
    }
    rows = std::move(dumped).value();
  }
  for (const auto& [key, value] : rows) {
    events->SendRow(key, value);
  }
  events->Send({CrashEventKind::kDumped, 0, "", {}});
  if (options.work_ms > 0) {
    Work(options, database.get(), events, rows);
  }
  events->Send({CrashEventKind::kClosing, 0, "", {}});
  database.reset();
  events->Send({CrashEventKind::kClosed, 0, "", {}});
  return 0;
}

}  // namespace dashi::crash
