#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_session.h"
#include "tests/crash/release_truth.h"
#include "tests/crash/served_ledger.h"

namespace dashi::crash {

/// What a thread that asks has found so far.
struct ReplyCounts {
  std::uint64_t num_replies = 0;
  std::uint64_t num_rows = 0;
  std::uint64_t num_compared = 0;  ///< replies that were compared with a scan of all labels
  std::uint64_t num_wanted = 0;    ///< the best labels in those
  std::uint64_t num_found = 0;     ///< and what the graph found of them
};

/// Asks topk again and again, and holds each reply to what its release alone says.
///
/// Every row must name one release, which was serving while the query ran, and must have the score
/// that this release gives the label's text, or one that the label had before: a statement does not
/// wait for what others commit by the dozen. In a database that follows another it waits, and the
/// text is the label's own. There, now and then, in one snapshot, the reply must also be that of
/// the same release when it is named, and by a scan it must be the ten best of all labels that
/// there are.
///
/// Threads: one thread at a time.
class ReplyChecker {
 public:
  /// All are borrowed. Without a ledger any release may answer: the database follows one that
  /// another process writes, and may be behind.
  ReplyChecker(Database* database, CrashEventWriter* events, const ServedLedger* ledger,
               const TruthBook* truths, const TextHistory* history, std::uint64_t seed);

  void Step();
  /// What came since the last call.
  ReplyCounts TakeCounts();

 private:
  struct Reply {
    std::string release;  // Empty when there are no rows.
    std::vector<Row> rows;
  };

  Result<Reply> Ask(std::size_t query, const std::string& options);
  void AskAlone(std::size_t query);
  void AskInSnapshot(std::size_t query);
  Status CompareInSnapshot(std::size_t query);
  // Holds the rows of a reply to what its release says.
  void CheckScores(std::size_t query, const Reply& reply);
  void CheckBest(std::size_t query, const Reply& found, const Reply& scanned,
                 const std::vector<Row>& labels);
  // Whether a release gives a label this score, by a text that it may have answered with.
  bool IsScoreOf(const ReleaseTruth& truth, std::size_t query, const Row& row) const;
  void Refuse(std::size_t query, const Reply& reply, const std::string& what);

  CrashSession session_;
  const ServedLedger* const ledger_;
  const TruthBook& truths_;
  const TextHistory& history_;
  Random random_;
  ReplyCounts counts_;
};

}  // namespace dashi::crash
