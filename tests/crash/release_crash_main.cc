// Kills a process that publishes releases while it is queried, again and again, and asks whether
// every reply came from one release, which served then, and said what that release says.
//
// A child process (release_child.h) trains, publishes, reverts and drops releases of one model,
// commits rows all the time, and checks each reply itself (reply_checker.h). It reports what it is
// about to have served before it does, and the acknowledgement after. This process kills it, at a
// random time or at a failpoint, and holds the release that the next child finds to what it was
// told: that from before the statement that was cut off, or that from after it, and nothing else.
// Nothing that nobody keeps may be left after an open, and CHECK DATABASE must find nothing.
// Prints the seed; the same seed gives the same plan, though not the same moments. Exit status 1 on
// any violation, which keeps the database.

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "tests/crash/child_run.h"
#include "tests/crash/kill_choice.h"
#include "tests/crash/release_child.h"
#include "tests/testing/run_folder.h"

namespace dashi::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kReachMicrosMax = 60'000'000;
// A graph that is walked with a beam of 16 finds most of the best; a mix of two finds few.
constexpr double kRecallMin = 0.5;

struct Options {
  std::uint64_t num_kills = 100;
  std::uint64_t num_replies = 0;
  std::uint64_t num_publishes = 0;
  std::uint64_t seed = 1;
  int num_askers = 2;
  std::int64_t work_ms_max = 4000;
  bool all_failpoints = true;
  std::string directory;
};

// Points on the way from rows to a release that serves.
bool IsOnTheWay(std::string_view failpoint) {
  return failpoint.starts_with("train.") || failpoint.starts_with("publish.") ||
         failpoint.starts_with("refresh.") || failpoint.starts_with("relink.");
}

class ReleaseCrashRun {
 public:
  explicit ReleaseCrashRun(const Options& options) : options_(options), random_(options.seed) {
    for (const std::string& name : FailpointsInSources()) {
      if (IsOnTheWay(name)) {
        failpoints_.emplace_back(name);
        visits_[name] = 0;
      }
    }
  }

  int Run() {
    directory_ = testing::MakeRunFolder(options_.directory, "release-crash");
    while (!Enough() && violations_.empty()) {
      if (num_kills_ >= next_database_at_) {
        StartDatabase();
      }
      Execute(PlanKill());
      ReportProgress();
    }
    for (const std::string& name : failpoints_) {
      for (int attempt = 0; options_.all_failpoints && visits_[name] == 0 && violations_.empty();
           ++attempt) {
        if (attempt == kAttemptsPerFailpoint) {
          violations_.push_back(fmt::format("the failpoint {} was never reached", name));
        } else {
          Execute(PlanFailpoint(name, 1));
        }
      }
    }
    EndDatabase();
    if (counts_["found"] <
        static_cast<std::uint64_t>(kRecallMin * static_cast<double>(counts_["wanted"]))) {
      violations_.push_back("the graphs find too little");
    }
    return Report();
  }

 private:
  bool Enough() {
    return num_kills_ >= options_.num_kills && counts_["replies"] >= options_.num_replies &&
           counts_["publishes"] >= options_.num_publishes;
  }

  std::string Database() const { return fmt::format("{}/{}.db", directory_, num_databases_); }

  void StartDatabase() {
    EndDatabase();
    std::error_code ignored;
    if (violations_.empty()) {
      fs::remove_all(Database(), ignored);
    }
    ++num_databases_;
    served_.clear();
    under_way_.reset();
    next_database_at_ = num_kills_ + kKillsPerDatabase;
  }

  // Looks at the database once more, and closes it properly.
  void EndDatabase() {
    if (num_databases_ > 0 && violations_.empty()) {
      ChildPlan plan;
      plan.child = NewChild(0);
      Execute(plan);
    }
  }

  CrashChildOptions NewChild(std::int64_t work_ms) {
    CrashChildOptions child;
    child.directory = Database();
    child.load_directory = directory_;
    child.seed = random_.Next();
    child.num_writers = options_.num_askers;
    child.work_ms = work_ms;
    constexpr std::array<std::uint64_t, 2> kMemoryMiB = {64, 512};
    child.memory_bytes_max = kMemoryMiB[random_.Uniform(kMemoryMiB.size())] << 20U;
    return child;
  }

  ChildPlan PlanKill() {
    const std::uint64_t choice = random_.Uniform(100);
    if (choice < 30) {
      return PlanFailpoint(failpoints_[next_failpoint_++ % failpoints_.size()],
                           random_.Uniform(2) + 1);
    }
    ChildPlan plan;
    plan.child = NewChild(/*work_ms=*/600'000);
    if (choice < 38) {
      plan.phase = KillPhase::kOpening;
      plan.delay_micros = static_cast<std::int64_t>(random_.Uniform(150'000));
    } else {
      plan.phase = KillPhase::kWorking;
      plan.delay_micros =
          RandomMicros(20'000, 1000.0 * static_cast<double>(options_.work_ms_max), &random_);
    }
    return plan;
  }

  ChildPlan PlanFailpoint(std::string_view name, std::uint64_t passes) {
    ChildPlan plan;
    plan.child = NewChild(/*work_ms=*/600'000);
    plan.child.failpoint = name;
    plan.failpoint = fmt::format("{}:{}", name, passes);
    plan.phase = KillPhase::kWorking;
    plan.delay_micros = kReachMicrosMax;
    return plan;
  }

  void OnEvent(const CrashEvent& event) {
    switch (event.kind) {
      case CrashEventKind::kDumped:
        CheckServed(event.text);
        break;
      case CrashEventKind::kProblem:
        violations_.push_back(event.text);
        break;
      case CrashEventKind::kIntent:
        under_way_ = event.changes.at("served");
        break;
      case CrashEventKind::kAcknowledged:
        served_ = *under_way_;
        under_way_.reset();
        break;
      case CrashEventKind::kRefused:
        under_way_.reset();
        ++num_refused_;
        break;
      case CrashEventKind::kRow:
        for (const auto& [name, count] : event.changes) {
          counts_[name] += std::stoull(*count);
        }
        break;
      default:
        break;
    }
  }

  void CheckServed(const std::string& found) {
    ++num_inspected_;
    const bool after = under_way_ && found == *under_way_;
    if (found != served_ && !after) {
      violations_.push_back(fmt::format("'{}' serves, and before the kill '{}' did{}", found,
                                        served_, under_way_ ? ", or '" + *under_way_ + "'" : ""));
    }
    if (last_failpoint_ == "publish.commit" && after && found != served_) {
      violations_.push_back("a publication was seen that was not committed: " + found);
    }
    if ((last_failpoint_ == "publish.committed" || last_failpoint_ == "publish.collect") &&
        under_way_ && !after) {
      violations_.push_back("a publication that was committed is lost: " + *under_way_);
    }
    if (under_way_ && served_ != *under_way_) {
      ++(after ? num_after_ : num_before_);
    }
    served_ = found;
    under_way_.reset();
    last_failpoint_.clear();
  }

  void Execute(const ChildPlan& plan) {
    const ChildOutcome outcome = RunChild(plan, directory_ + "/children.log",
                                          [&](const CrashEvent& event) { OnEvent(event); });
    if (outcome.at_failpoint) {
      last_failpoint_ = plan.failpoint.substr(0, plan.failpoint.find(':'));
      ++visits_[last_failpoint_];
    }
    if (outcome.killed || outcome.at_failpoint) {
      ++num_kills_;
      ++(outcome.at_failpoint       ? num_at_failpoint_
         : outcome.open_seconds < 0 ? num_opening_
                                    : num_working_);
    }
    if (outcome.hung) {
      violations_.emplace_back("a child did not get on for three minutes");
    }
    if (!outcome.trouble.empty()) {
      violations_.push_back(outcome.trouble);
    }
  }

  void ReportProgress() {
    if (num_kills_ % 20 == 0) {
      std::cerr << fmt::format("release-crash: {} kills, {} replies, {} publishes, {:.0f} s\n",
                               num_kills_, counts_["replies"], counts_["publishes"],
                               stopwatch_.Seconds());
    }
  }

  int Report() {
    std::cout << fmt::format(
        "release-crash: seed {}, {:.0f} s\n"
        "  kills       {} ({} opening, {} working, {} at failpoints), {} databases\n"
        "  restarts    {} inspected; of the switches that a kill cut off {} came back from before "
        "and {} from after\n"
        "  replies     {} checked ({} of a follower) with {} rows; {} beside a scan of all labels, "
        "the graphs found {:.4f} of the best ten\n"
        "  statements  ",
        options_.seed, stopwatch_.Seconds(), num_kills_, num_opening_, num_working_,
        num_at_failpoint_, num_databases_, num_inspected_, num_before_, num_after_,
        counts_["replies"], counts_["replies of the follower"], counts_["rows"],
        counts_["compared"],
        static_cast<double>(counts_["found"]) /
            static_cast<double>(std::max<std::uint64_t>(counts_["wanted"], 1)));
    for (const char* name : {"trainings", "warm starts", "relinked", "resumes", "publishes",
                             "publishes with conditions", "refused publishes", "reverts",
                             "switches", "drops", "refreshes"}) {
      std::cout << name << " " << counts_[name] << ", ";
    }
    std::cout << "conflicts (40001) " << num_refused_ << "\n  failpoints ";
    for (const auto& [name, visits] : visits_) {
      std::cout << " " << name << " " << visits;
    }
    std::cout << "\n";
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
  const Stopwatch stopwatch_;
  Random random_;
  std::string directory_;
  std::vector<std::string> violations_;
  std::vector<std::string> failpoints_;
  std::map<std::string, int, std::less<>> visits_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  // What serves: as the last acknowledged statement left it, and maybe one that was under way.
  std::string served_;
  std::optional<std::string> under_way_;
  std::string last_failpoint_;
  std::size_t next_failpoint_ = 0;
  std::uint64_t next_database_at_ = 0;
  int num_databases_ = 0;
  std::uint64_t num_kills_ = 0;
  std::uint64_t num_opening_ = 0;
  std::uint64_t num_working_ = 0;
  std::uint64_t num_at_failpoint_ = 0;
  std::uint64_t num_inspected_ = 0;
  std::uint64_t num_before_ = 0;
  std::uint64_t num_after_ = 0;
  std::uint64_t num_refused_ = 0;
};

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--child") {
    CrashEventWriter events(kEventDescriptor);
    return RunReleaseChild(ParseChildArguments(argc, argv), &events);
  }
  Options options;
  CLI::App app("Kills a process that publishes releases, and checks what it answers.",
               "release-crash");
  app.add_option("--kills", options.num_kills, "At least so many")->capture_default_str();
  app.add_option("--queries", options.num_replies, "At least so many replies are checked")
      ->capture_default_str();
  app.add_option("--publishes", options.num_publishes, "At least so many")->capture_default_str();
  app.add_option("--seed", options.seed, "What all is chosen by")->capture_default_str();
  app.add_option("--askers", options.num_askers, "Threads that query")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--work-ms", options.work_ms_max, "A child works no longer before it is killed")
      ->capture_default_str()
      ->check(CLI::Range(21, 600'000));
  app.add_flag("!--some-failpoints", options.all_failpoints,
               "Do not insist on a kill at each failpoint");
  app.add_option("--directory", options.directory, "Where the databases go");
  CLI11_PARSE(app, argc, argv);
  return ReleaseCrashRun(options).Run();
}

}  // namespace
}  // namespace dashi::crash

int main(int argc, char** argv) { return dashi::crash::Main(argc, argv); }
