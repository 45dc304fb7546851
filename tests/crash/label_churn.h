#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_session.h"
#include "tests/crash/release_truth.h"

namespace dashi::crash {

/// The words that texts are made of: `count` of them, drawn at random.
std::string RandomText(Random* random, int count);

/// Adds the rows that models are trained on, where they are not there yet.
void AddTrainingRows(CrashSession* session);

/// Commits rows all the time, so that every release lacks some: labels come, change their texts and
/// go, documents come. The labels that models were first trained on only change their texts: some
/// one by one, and now and then more than a fifth of all at once, to one of two texts each, so that
/// graphs are linked anew without them and with them.
///
/// Threads: one thread at a time.
class LabelChurn {
 public:
  /// All are borrowed.
  /// `many_first`: begins with the many.
  LabelChurn(Database* database, CrashEventWriter* events, TextHistory* history, std::uint64_t seed,
             bool many_first);

  void Step();

 private:
  void AddLabel();
  void DropLabel();
  void ChangeMany();

  CrashSession session_;
  TextHistory& history_;
  Random random_;
  std::vector<std::string> labels_;  // Its own.
  std::uint64_t num_made_ = 0;
  std::string prefix_;
  bool many_first_;
};

}  // namespace dashi::crash
