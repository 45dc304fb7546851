// Kills a process that writes to a database, again and again, and asks whether everything that was
// acknowledged is there afterwards, and everything else wholly or not at all.
//
// A child process opens the database, tells all that it holds, and lets several writers and a
// trainer work at once (row_writer.h, model_trainer.h). It reports what each is about to commit
// before it does, and the acknowledgement after, through a pipe. This process kills it, at a
// random time or at a named failpoint, while it opens, works or closes; the next child then tells
// what is left, which an oracle outside the children compares with what it was told
// (crash_oracle.h says how strictly, and why that is right for writers that run side by side).
// Prints the seed; the same seed gives the same plan, though not the same moments. Exit status 1 on
// any violation, which keeps the database.

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/random.h"
#include "base/status.h"
#include "tests/crash/child_run.h"
#include "tests/crash/crash_oracle.h"
#include "tests/crash/kill_choice.h"
#include "tests/testing/run_folder.h"

namespace dashi::crash {
namespace {

namespace fs = std::filesystem;

// Commits that the memory limit may refuse: hardly any, and one in so many. Memory of releases that
// nobody uses is taken for whoever needs it. What can be refused with 16 MiB is a PUBLISH, which
// loads a release, while loads and transactions hold all that there is; and one of these while a
// release is in use, as it is when the background embeds or seals labels for it.
constexpr std::uint64_t kTooLargeMax = 1;
constexpr std::uint64_t kCommitsPerTooLarge = 10'000;
// How long a child may take to come to the failpoint that all wait for, on a machine that has other
// work to do.
constexpr std::int64_t kReachMicrosMax = 120'000'000;

// Points in what runs beside a database, such as a restore, and is killed by tests of its own.
bool IsInsideDatabase(std::string_view failpoint) {
  return !failpoint.starts_with("restore.") && !failpoint.starts_with("recover.") &&
         !failpoint.starts_with("relink.");  // Its models have too few labels: dashi_release_crash.
}

struct Options {
  std::uint64_t num_kills = 200;
  std::uint64_t seed = 1;
  int num_writers = 3;
  std::string directory;  ///< for databases; empty: a fresh temporary one
};

class CrashRun {
 public:
  explicit CrashRun(const Options& options) : options_(options), random_(options.seed) {
    for (const std::string& name : FailpointsInSources()) {
      if (IsInsideDatabase(name)) {
        failpoints_.emplace_back(name);
        visits_[name] = 0;
      }
    }
  }

  int Run() {
    directory_ = testing::MakeRunFolder(options_.directory, "crash");
    while (num_kills_ < options_.num_kills && ok()) {
      if (num_kills_ >= next_database_at_) {
        StartDatabase();
      }
      Execute(PlanKill());
      ReportProgress();
    }
    for (const std::string& name : failpoints_) {
      for (int attempt = 0; visits_[name] == 0 && attempt < kAttemptsPerFailpoint && ok();
           ++attempt) {
        ChildPlan plan = PlanFailpoint(name, 1);
        plan.delay_micros = kReachMicrosMax;
        Execute(plan);
      }
      if (visits_[name] == 0 && ok()) {
        violations_.push_back(fmt::format("the failpoint {} was never reached", name));
      }
    }
    EndDatabase();
    return Report();
  }

 private:
  bool ok() const { return violations_.empty() && oracle_.violations().empty(); }

  std::string Database() const { return fmt::format("{}/{}.db", directory_, num_databases_); }

  void StartDatabase() {
    EndDatabase();
    if (!ok()) {
      return;
    }
    std::error_code ignored;
    fs::remove_all(Database(), ignored);
    ++num_databases_;
    oracle_.Reset();
    next_database_at_ = num_kills_ + kKillsPerDatabase;
  }

  // Closes the database properly, and looks at it once more.
  void EndDatabase() {
    if (num_databases_ == 0) {
      return;
    }
    for (const std::int64_t work_ms : {100, 0}) {
      if (ok()) {
        ChildPlan plan;
        plan.child = NewChild(work_ms);
        Execute(plan);
      }
    }
  }

  CrashChildOptions NewChild(std::int64_t work_ms) {
    CrashChildOptions child;
    child.directory = Database();
    child.load_directory = directory_;
    child.seed = random_.Next();
    child.num_writers = options_.num_writers;
    child.work_ms = work_ms;
    // Small memtables are flushed and compacted all the time.
    constexpr std::array<std::uint64_t, 3> kMemoryMiB = {16, 64, 512};
    child.memory_bytes_max = kMemoryMiB[random_.Uniform(kMemoryMiB.size())] << 20U;
    return child;
  }

  ChildPlan PlanKill() {
    const std::uint64_t choice = random_.Uniform(100);
    if (choice < 12) {
      const std::string_view name = failpoints_[next_failpoint_++ % failpoints_.size()];
      return PlanFailpoint(name, random_.Uniform(2) + 1);
    }
    ChildPlan plan;
    if (last_failpoint_.starts_with("load.") && choice < 50) {
      // The load that was cut off is finished while the database opens: die there again.
      plan.failpoint = choice < 25 ? "load.chunk" : choice < 35 ? "load.ingested" : "load.applied";
    }
    if (choice < 35) {
      plan.child = NewChild(/*work_ms=*/60'000);
      plan.phase = KillPhase::kOpening;
      plan.delay_micros = static_cast<std::int64_t>(random_.Uniform(80'000));
    } else if (choice < 90) {
      plan.child = NewChild(/*work_ms=*/60'000);
      plan.phase = KillPhase::kWorking;
      plan.delay_micros = RandomMicros(1, choice < 85 ? 300'000 : 1'500'000, &random_);
    } else {
      plan.child = NewChild(static_cast<std::int64_t>(random_.Uniform(80) + 1));
      plan.phase = KillPhase::kClosing;
      plan.delay_micros = RandomMicros(1, 20'000, &random_);
    }
    return plan;
  }

  ChildPlan PlanFailpoint(std::string_view name, std::uint64_t passes) {
    ChildPlan plan;
    plan.child = NewChild(/*work_ms=*/kReachMicrosMax / 1000);
    plan.child.failpoint = name;
    plan.failpoint = fmt::format("{}:{}", name, passes);
    plan.phase = KillPhase::kWorking;
    plan.delay_micros = 10'000'000;
    return plan;
  }

  void Execute(const ChildPlan& plan) {
    oracle_.Restart();
    const ChildOutcome outcome = RunChild(plan, directory_ + "/children.log",
                                          [&](const CrashEvent& event) { oracle_.OnEvent(event); });
    last_failpoint_.clear();
    if (outcome.at_failpoint) {
      last_failpoint_ = plan.failpoint.substr(0, plan.failpoint.find(':'));
      ++visits_[last_failpoint_];
    }
    if (outcome.killed || outcome.at_failpoint) {
      ++num_kills_;
      ++(outcome.at_failpoint                ? num_at_failpoint_
         : outcome.open_seconds < 0          ? num_opening_
         : plan.phase == KillPhase::kClosing ? num_closing_
                                             : num_working_);
    }
    if (outcome.open_seconds >= 0) {
      ++num_restarts_;
      longest_restart_ = std::max(longest_restart_, outcome.open_seconds);
    }
    if (outcome.hung) {
      violations_.emplace_back("a child did not get on for three minutes");
    }
    if (!outcome.trouble.empty()) {
      violations_.push_back(outcome.trouble);
    }
  }

  void ReportProgress() const {
    if (num_kills_ % 100 == 0) {
      std::cerr << fmt::format("crash: {} kills, {} commits\n", num_kills_,
                               oracle_.num_acknowledged());
    }
  }

  int Report() {
    std::cout << fmt::format(
        "crash: seed {}\n"
        "  kills                {} ({} opening, {} working, {} closing, {} at failpoints)\n"
        "  databases            {}\n"
        "  restarts             {}, the longest {:.3f} s\n"
        "  acknowledged commits {} checked, {} lost, {} half visible\n"
        "  conflicts (40001)    {}, and {} refused by the memory limit (53200)\n"
        "  failpoints          ",
        options_.seed, num_kills_, num_opening_, num_working_, num_closing_, num_at_failpoint_,
        num_databases_, num_restarts_, longest_restart_, oracle_.num_checked(), oracle_.num_lost(),
        oracle_.num_half_visible(), oracle_.num_conflicts(), oracle_.too_large().size());
    for (const auto& [name, visits] : visits_) {
      std::cout << " " << name << " " << visits;
    }
    std::cout << "\n";
    for (const std::string& refused : oracle_.too_large()) {
      std::cout << "  refused: " << refused << "\n";
    }
    if (oracle_.too_large().size() >
        kTooLargeMax + oracle_.num_acknowledged() / kCommitsPerTooLarge) {
      violations_.emplace_back("too many commits were refused by the memory limit");
    }
    violations_.insert(violations_.end(), oracle_.violations().begin(), oracle_.violations().end());
    for (const std::string& violation : violations_) {
      std::cout << "VIOLATION: " << violation << "\n";
    }
    if (!violations_.empty()) {
      std::cout << fmt::format("seed {}; the database is kept: {}\n", options_.seed, Database());
      return 1;
    }
    testing::RemoveRunFolder(directory_);
    return 0;
  }

  const Options options_;
  Random random_;
  std::string directory_;
  CrashOracle oracle_;
  std::vector<std::string> violations_;
  std::vector<std::string> failpoints_;
  std::map<std::string, int, std::less<>> visits_;
  std::string last_failpoint_;
  std::size_t next_failpoint_ = 0;
  std::uint64_t next_database_at_ = 0;
  int num_databases_ = 0;
  std::uint64_t num_kills_ = 0;
  std::uint64_t num_opening_ = 0;
  std::uint64_t num_working_ = 0;
  std::uint64_t num_closing_ = 0;
  std::uint64_t num_at_failpoint_ = 0;
  std::uint64_t num_restarts_ = 0;
  double longest_restart_ = 0;
};

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--child") {
    CrashEventWriter events(kEventDescriptor);
    return RunCrashChild(ParseChildArguments(argc, argv), &events);
  }
  Options options;
  CLI::App app("Kills a process that writes to a database, and checks what it left.", "crash");
  app.add_option("--kills", options.num_kills, "How many times")->capture_default_str();
  app.add_option("--seed", options.seed, "What all is chosen by")->capture_default_str();
  app.add_option("--writers", options.num_writers, "Threads that write rows")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--directory", options.directory, "Where the databases go");
  CLI11_PARSE(app, argc, argv);
  return CrashRun(options).Run();
}

}  // namespace
}  // namespace dashi::crash

int main(int argc, char** argv) { return dashi::crash::Main(argc, argv); }
