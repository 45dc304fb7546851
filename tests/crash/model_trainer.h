#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_rows.h"
#include "tests/crash/crash_session.h"

namespace dashi::crash {

/// The one thread that declares models, trains tiny releases, publishes, reverts and drops them.
///
/// Threads: one thread at a time.
class ModelTrainer {
 public:
  struct Options {
    std::uint64_t seed = 0;
    bool trains = false;        ///< trains now and then; it takes long to begin with
    bool trains_first = false;  ///< trains and publishes at once, again and again
  };
  ModelTrainer(Database* database, CrashEventWriter* events, const Options& options, Rows rows);

  /// Works until `stop` says so.
  void Run(const std::function<bool()>& stop);

 private:
  void AddTrainingRows();
  void Step();
  void CreateModel();
  void DropModel(const std::string& model);
  void Train(const std::string& model);
  void Publish(const std::string& model);
  void Revert(const std::string& model);
  void DropRelease(const std::string& model);
  // Takes out of `rows` the releases of a model that are older than `number`, but for `kept`.
  void EraseOlder(const std::string& model, int number, const std::string& kept, Rows* rows) const;
  void Evaluate(const std::string& model);
  // Has the published release loaded, so that labels that came after it are embedded and sealed.
  void Ask(const std::string& model);
  void Commit(const std::string& sql, Rows after);

  std::vector<std::string> Models() const;
  std::vector<int> Releases(const std::string& model) const;
  int NextRelease(const std::string& model);

  CrashSession session_;
  const Options options_;
  Random random_;
  Rows rows_;
  // The newest part of each model's list of published releases, as far as it is known.
  std::map<std::string, std::vector<int>> published_;
};

}  // namespace dashi::crash
