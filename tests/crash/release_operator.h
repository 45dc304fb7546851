#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_session.h"
#include "tests/crash/release_truth.h"
#include "tests/crash/served_ledger.h"

namespace dashi::crash {

/// The one thread that trains, publishes, reverts and drops the releases of the model `m`, and
/// tells the ledger what it is about to have served.
///
/// Threads: one thread at a time.
class ReleaseOperator {
 public:
  /// Database, events, ledger and truths are borrowed. With `trains_first` each step trains, and
  /// publishes what came out.
  ReleaseOperator(Database* database, CrashEventWriter* events, ServedLedger* ledger,
                  TruthBook* truths, std::uint64_t seed, bool trains_first);

  void Step();
  /// What was done since the last call: "publishes", "reverts" and so on.
  std::map<std::string, std::uint64_t> TakeCounts();

 private:
  void BeginTraining();
  void FinishTraining();
  void Resume();
  void ReadReleases();
  void Publish(int number);
  void PublishRefused(int number);
  void Revert();
  void Drop(int number);
  // Runs a statement that is to have `number` served.
  bool Serve(const std::string& sql, int number);
  // A statement that one of these SQLSTATEs may refuse.
  bool RunUnless(const std::string& sql, const std::vector<std::string>& sqlstates);

  CrashSession session_;
  ServedLedger& ledger_;
  TruthBook& truths_;
  Random random_;
  const bool trains_first_;
  std::vector<int> releases_;        // Those whose truth is known.
  std::vector<int> published_;       // The end of the model's list, as far as it is known.
  std::optional<std::int64_t> job_;  // That trains beside.
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace dashi::crash
