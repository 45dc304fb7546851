#include "tests/crash/release_operator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::crash {

namespace {

constexpr std::size_t kPublishedMax = 2;  // retain_releases is 1.
constexpr int kOperatorOwner = 0;

std::string NameOf(int number) { return fmt::format("m@{}", number); }

}  // namespace

ReleaseOperator::ReleaseOperator(Database* database, CrashEventWriter* events, ServedLedger* ledger,
                                 TruthBook* truths, std::uint64_t seed, bool trains_first)
    : session_(database, events, kOperatorOwner),
      ledger_(*ledger),
      truths_(*truths),
      random_(seed),
      trains_first_(trains_first) {
  session_.MustRun(
      "CREATE MODEL IF NOT EXISTS m USING ngame WITH (dim = 16, hidden = 16, epochs = 1, "
      "classifier_epochs = 1, batch_size = 64, cluster_size = 8, random_labels = 10, threads = 1, "
      "checkpoint_seconds = 0, rows_memory_mb = 0, index = 'hnsw', retain_releases = 1)");
  const std::string served = ledger_.Served();
  if (!served.empty()) {
    published_.push_back(std::stoi(served.substr(served.find('@') + 1)));
  }
  ReadReleases();
}

void ReleaseOperator::Step() {
  if (releases_.empty() || trains_first_) {
    BeginTraining();
    FinishTraining();
    if (!releases_.empty()) {
      Publish(releases_.back());
    }
    return;
  }
  if (!job_ && random_.Uniform(4) == 0) {
    random_.Uniform(4) == 0 ? Resume() : BeginTraining();
  } else if (job_ && random_.Uniform(4) == 0) {
    FinishTraining();
  }
  if (releases_.empty()) {
    return;
  }
  const int number = releases_[random_.Uniform(releases_.size())];
  switch (random_.Uniform(8)) {
    case 0:
      PublishRefused(number);
      break;
    case 1:
    case 2:
      Revert();
      break;
    case 3:
      Drop(number);
      break;
    case 4:
      if (!published_.empty()) {
        session_.MustRun("REFRESH MODEL m");
        ++counts_["refreshes"];
      }
      break;
    default:
      Publish(number);
  }
}

std::map<std::string, std::uint64_t> ReleaseOperator::TakeCounts() {
  return std::exchange(counts_, {});
}

void ReleaseOperator::BeginTraining() {
  const bool warm = !published_.empty() && random_.Uniform(2) == 0;
  const auto job = session_.Query(fmt::format(
      "TRAIN MODEL m WITH (wait = off, seed = {}, warm_start = {}, relink = {})",
      random_.Uniform(1000), warm ? "on" : "off", random_.Uniform(4) == 0 ? "off" : "on"));
  if (!job.ok()) {
    session_.SendProblem("TRAIN MODEL: " + job.status().ToString());
    return;
  }
  job_ = job.value()[0][0].integer();
  ++counts_["trainings"];
  counts_["warm starts"] += warm ? 1 : 0;
}

void ReleaseOperator::FinishTraining() {
  if (job_) {
    // Its start may have been dropped meanwhile, and a conflict with a statement is no mistake.
    RunUnless(fmt::format("WAIT JOB {}", *job_), {"42704", "40001"});
    job_.reset();
    const std::uint64_t before = truths_.num_relinked();
    ReadReleases();
    counts_["relinked"] += truths_.num_relinked() - before;
  }
}

void ReleaseOperator::Resume() {
  const auto stopped = session_.Query("SELECT max(id) FROM jobs WHERE state = 'interrupted'");
  if (stopped.ok() && !stopped.value()[0][0].is_null() &&
      RunUnless(fmt::format("RESUME JOB {} WITH (wait = off)", stopped.value()[0][0].integer()),
                {})) {
    job_ = stopped.value()[0][0].integer();
    ++counts_["resumes"];
  }
}

void ReleaseOperator::ReadReleases() {
  const Status read = truths_.Refresh();
  const auto found =
      session_.Query("SELECT number FROM releases WHERE model = 'm' ORDER BY number");
  if (!read.ok() || !found.ok()) {
    session_.SendProblem(
        fmt::format("releases: {} {}", read.ToString(), found.status().ToString()));
    return;
  }
  releases_.clear();
  for (const Row& row : found.value()) {
    const auto number = static_cast<int>(row[0].integer());
    if (truths_.Find(NameOf(number)) != nullptr) {
      releases_.push_back(number);
    }
  }
}

bool ReleaseOperator::Serve(const std::string& sql, int number) {
  ledger_.Begin(NameOf(number));
  const bool done = session_.Commit(sql, {{"served", NameOf(number)}});
  ledger_.End(done);
  return done;
}

void ReleaseOperator::Publish(int number) {
  std::string sql = fmt::format("PUBLISH m@{}", number);
  const bool gated = random_.Uniform(4) == 0;
  if (gated) {
    sql += " WHEN p@1 >= 0 AND ann_recall@10 >= 0 * current AND size <= '1 GB'";
  }
  if (!Serve(sql, number)) {
    return;
  }
  ++counts_["publishes"];
  counts_["publishes with conditions"] += gated ? 1 : 0;
  if (published_.empty() || published_.back() != number) {
    ++counts_["switches"];
    std::erase(published_, number);
    published_.push_back(number);
    if (published_.size() > kPublishedMax) {
      published_.erase(published_.begin());
    }
  }
  ReadReleases();
}

void ReleaseOperator::PublishRefused(int number) {
  session_.MustFail(fmt::format("PUBLISH m@{} WHEN p@1 >= 0 AND latency_p50 <= '0 ms'", number),
                    "55000");
  ++counts_["refused publishes"];
}

void ReleaseOperator::Revert() {
  if (published_.size() < 2 || !Serve("REVERT MODEL m", published_[published_.size() - 2])) {
    return;
  }
  published_.pop_back();
  ++counts_["reverts"];
  ++counts_["switches"];
  ReadReleases();
}

void ReleaseOperator::Drop(int number) {
  if (releases_.size() < 3 || NameOf(number) == ledger_.Served()) {
    return;
  }
  // A job may start from it.
  if (RunUnless("DROP RELEASE " + NameOf(number), {"55006", "40001"})) {
    std::erase(published_, number);
    ++counts_["drops"];
  }
  ReadReleases();
}

bool ReleaseOperator::RunUnless(const std::string& sql, const std::vector<std::string>& sqlstates) {
  const Status status = session_.Run(sql);
  if (!status.ok() &&
      std::find(sqlstates.begin(), sqlstates.end(), status.sqlstate()) == sqlstates.end()) {
    session_.SendProblem(fmt::format("{} {}: {}", status.sqlstate(), status.ToString(), sql));
  }
  return status.ok();
}

}  // namespace dashi::crash
