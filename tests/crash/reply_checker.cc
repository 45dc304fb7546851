#include "tests/crash/reply_checker.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::crash {

namespace {

constexpr std::uint64_t kStepsPerComparison = 16;
constexpr std::size_t kLabels = 10;
// The kernels add in another order, and 8 bits steer the walk alone.
constexpr float kRounding = 2e-4F;
// A graph is walked only with a narrow beam where there are so few rows.
constexpr const char* kWalk = R"("ef":16,"ranker":false)";
constexpr const char* kScan = R"("exact":true,"ranker":false)";

constexpr int kReaderOwner = 1;

}  // namespace

ReplyChecker::ReplyChecker(Database* database, CrashEventWriter* events, const ServedLedger* ledger,
                           const TruthBook* truths, const TextHistory* history, std::uint64_t seed)
    : session_(database, events, kReaderOwner),
      ledger_(ledger),
      truths_(*truths),
      history_(*history),
      random_(seed) {}

void ReplyChecker::Step() {
  const std::size_t query = random_.Uniform(truths_.queries().size());
  if (ledger_ == nullptr && random_.Uniform(kStepsPerComparison) == 0) {
    AskInSnapshot(query);
  } else {
    AskAlone(query);
  }
}

ReplyCounts ReplyChecker::TakeCounts() { return std::exchange(counts_, ReplyCounts()); }

Result<ReplyChecker::Reply> ReplyChecker::Ask(std::size_t query, const std::string& options) {
  const std::string sql = fmt::format(
      "SELECT label, text, score, release FROM topk('{}', {}, '{{\"model\":\"m\",{}}}')",
      truths_.queries()[query], kLabels, options);
  Reply reply;
  DASHI_ASSIGN_OR_RETURN(reply.rows, session_.Query(sql));
  for (const Row& row : reply.rows) {
    const std::string release(row[3].text());
    if (reply.release.empty()) {
      reply.release = release;
    }
    if (reply.release != release) {
      Refuse(query, reply, "a row comes from " + release);
    }
  }
  return reply;
}

void ReplyChecker::AskAlone(std::size_t query) {
  const std::size_t mark = ledger_ == nullptr ? 0 : ledger_->Mark();
  const Result<Reply> reply = Ask(query, kWalk);
  if (!reply.ok()) {
    session_.SendProblem("topk failed: " + reply.status().ToString());
    return;
  }
  if (ledger_ != nullptr && !reply->release.empty() &&
      !ledger_->MayHaveServed(mark, reply->release)) {
    Refuse(query, *reply, "it did not serve then");
  }
  CheckScores(query, *reply);
}

void ReplyChecker::AskInSnapshot(std::size_t query) {
  session_.MustRun("BEGIN READ ONLY");
  const Status compared = CompareInSnapshot(query);
  if (!compared.ok()) {
    session_.SendProblem("a comparison failed: " + compared.ToString());
  }
  session_.MustRun("ROLLBACK");
}

Status ReplyChecker::CompareInSnapshot(std::size_t query) {
  DASHI_ASSIGN_OR_RETURN(const Reply served, Ask(query, kWalk));
  CheckScores(query, served);
  if (served.release.empty()) {
    return Status::Ok();
  }
  const std::string named =
      fmt::format("\"release\":{},", served.release.substr(served.release.find('@') + 1));
  DASHI_ASSIGN_OR_RETURN(const Reply again, Ask(query, named + kWalk));
  CheckScores(query, again);
  if (again.rows != served.rows) {
    Refuse(query, again, "it answers otherwise where it is named");
  }
  DASHI_ASSIGN_OR_RETURN(const Reply scanned, Ask(query, kScan));
  CheckScores(query, scanned);
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> labels,
                         session_.Query("SELECT id, text FROM labels"));
  CheckBest(query, served, scanned, labels);
  return Status::Ok();
}

void ReplyChecker::CheckScores(std::size_t query, const Reply& reply) {
  ++counts_.num_replies;
  counts_.num_rows += reply.rows.size();
  if (reply.rows.empty()) {
    const auto truth = ledger_ == nullptr ? nullptr : truths_.Find(ledger_->Served());
    if (truth != nullptr && truth->Knows(query)) {
      Refuse(query, reply, "there are no rows");
    }
    return;
  }
  const auto truth = truths_.Find(reply.release);
  if (truth == nullptr) {
    Refuse(query, reply, "nobody has made it");
    return;
  }
  for (const Row& row : reply.rows) {
    if (!IsScoreOf(*truth, query, row)) {
      const Result<float> score = truth->Score(query, std::string(row[0].text()), row[1].text());
      Refuse(query, reply,
             fmt::format("{} has the score {}, and by the release {}", row[0].text(), row[2].real(),
                         score.ok() ? fmt::format("{}", *score) : score.status().ToString()));
      return;
    }
  }
}

bool ReplyChecker::IsScoreOf(const ReleaseTruth& truth, std::size_t query, const Row& row) const {
  const std::string label(row[0].text());
  const auto is_given = [&](std::optional<float> score) {
    return score && std::abs(*score - static_cast<float>(row[2].real())) <= kRounding;
  };
  const auto by_text = [&](std::string_view text) {
    const Result<float> score = truth.Score(query, label, text);
    return score.ok() && is_given(*score);
  };
  if (by_text(row[1].text())) {
    return true;
  }
  if (ledger_ == nullptr) {
    return false;
  }
  const std::vector<std::string> earlier = history_.TextsOf(label);
  return is_given(truth.OwnScore(query, label)) ||
         std::any_of(earlier.begin(), earlier.end(), by_text);
}

void ReplyChecker::CheckBest(std::size_t query, const Reply& found, const Reply& scanned,
                             const std::vector<Row>& labels) {
  const auto truth = truths_.Find(scanned.release);
  std::vector<float> best;
  best.reserve(labels.size());
  for (const Row& label : labels) {
    const Result<float> score = truth->Score(query, std::string(label[0].text()), label[1].text());
    best.push_back(score.ok() ? *score : 0);
  }
  std::sort(best.begin(), best.end(), std::greater<>());
  best.resize(std::min(best.size(), kLabels));
  ++counts_.num_compared;
  counts_.num_wanted += best.size();
  for (const Row& row : found.rows) {
    counts_.num_found += static_cast<float>(row[2].real()) >= best.back() - kRounding ? 1 : 0;
  }
  if (scanned.release != found.release || scanned.rows.size() != best.size()) {
    Refuse(query, scanned,
           fmt::format("a scan gives {} rows of {}", scanned.rows.size(), scanned.release));
    return;
  }
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (std::abs(static_cast<float>(scanned.rows[i][2].real()) - best[i]) > kRounding) {
      Refuse(query, scanned,
             fmt::format("place {} has the score {}, and the best is {}", i + 1,
                         scanned.rows[i][2].real(), best[i]));
      return;
    }
  }
}

void ReplyChecker::Refuse(std::size_t query, const Reply& reply, const std::string& what) {
  session_.SendProblem(fmt::format("a reply of {} to '{}': {}",
                                   reply.release.empty() ? "no release" : reply.release,
                                   truths_.queries()[query], what));
}

}  // namespace dashi::crash
