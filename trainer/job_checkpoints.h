#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// The checkpoints of one job in the `weights` column family. The parts of a state are blobs
/// "job-7/checkpoint-3/<part>"; parts that every state shares are written once, as "job-7/<part>".
/// The job's row names the blobs, so that a state replaces the last one in the commit of the row,
/// and blobs that no row names are removed by the next open.
///
/// Threads: one thread at a time.
class JobCheckpoints final : public TrainingCheckpoints {
 public:
  struct Options {
    double interval_seconds = 60;
    /// True when the owner wants a state now, because the training is about to stop.
    std::function<bool()> is_wanted;
    /// Writes the parts that all states share.
    std::function<Status(StateWriter&)> write_shared;
    /// Stores the job's row with the names of the blobs.
    std::function<Status(const std::vector<std::string>& names)> commit;
  };

  /// `names`: the blobs of the last state as the job's row has them; empty without one.
  JobCheckpoints(storage::Store& store, std::uint64_t job, std::vector<std::string> names,
                 Options options);

  /// True when the owner wants a state that was not saved yet. Also when the interval has passed
  /// since the last state, or twenty times as long as that one took to write, whichever is longer:
  /// saving takes at most a twentieth of the time.
  bool IsDue() const override;
  Status Save(const std::function<Status(StateWriter&)>& write) override;
  const StateReader* Latest() const override { return latest_.get(); }

  /// Removes all blobs, which no row may name any more.
  void Discard();

 private:
  class Writer;
  class Reader;

  Status WriteAll(const std::function<Status(StateWriter&)>& write,
                  std::vector<std::string>* shared, std::vector<std::string>* names,
                  bool* bad_state);
  void Remove(const std::vector<std::string>& names);

  storage::Store& store_;
  const std::string prefix_;  // "job-7/"
  const Options options_;
  std::vector<std::string> shared_;  // blobs
  std::vector<std::string> names_;   // the other blobs of the last state
  std::uint64_t number_ = 0;         // of the last state
  std::unique_ptr<StateReader> latest_;
  bool is_final_ = false;  // saved for the owner who stops the training
  const Stopwatch since_start_;
  double next_seconds_;  // on since_start_
};

}  // namespace dashi::trainer
