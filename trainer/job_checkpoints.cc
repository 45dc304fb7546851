#include "trainer/job_checkpoints.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

// How many times as long as a checkpoint takes a training goes on before the next.
constexpr double kWorkPerSaveSecond = 20;
constexpr std::string_view kFolder = "checkpoint-";

}  // namespace

class JobCheckpoints::Writer final : public StateWriter {
 public:
  Writer(storage::Store& store, std::string prefix, std::vector<std::string>* names)
      : store_(store), prefix_(std::move(prefix)), names_(names) {}

  Status Put(const std::string& name, std::string_view bytes) override {
    names_->push_back(prefix_ + name);
    status_ = store_.PutWeights(names_->back(), bytes);
    return status_;
  }
  /// What the store said to the last part.
  const Status& status() const { return status_; }

 private:
  storage::Store& store_;
  const std::string prefix_;
  std::vector<std::string>* const names_;
  Status status_;
};

class JobCheckpoints::Reader final : public StateReader {
 public:
  Reader(storage::Store& store, std::map<std::string, std::string> blobs)
      : store_(store), blobs_(std::move(blobs)) {}

  Result<std::string> Get(const std::string& name) const override {
    const auto blob = blobs_.find(name);
    if (blob == blobs_.end()) {
      return Status::NotFound("the checkpoint has no part " + name);
    }
    DASHI_ASSIGN_OR_RETURN(const auto view, store_.NewSnapshot());
    return view->GetWeights(blob->second);
  }

 private:
  storage::Store& store_;
  const std::map<std::string, std::string> blobs_;  // by the part's name
};

JobCheckpoints::JobCheckpoints(storage::Store& store, std::uint64_t job,
                               std::vector<std::string> names, Options options)
    : store_(store),
      prefix_(fmt::format("job-{}/", job)),
      options_(std::move(options)),
      next_seconds_(options_.interval_seconds) {
  std::map<std::string, std::string> parts;
  for (std::string& blob : names) {
    std::string part = blob.substr(std::min(blob.size(), prefix_.size()));
    if (!part.starts_with(kFolder)) {
      parts[part] = blob;
      shared_.push_back(std::move(blob));
      continue;
    }
    const std::size_t slash = part.find('/');
    number_ = std::strtoull(part.c_str() + kFolder.size(), nullptr, 10);
    parts[slash == std::string::npos ? part : part.substr(slash + 1)] = blob;
    names_.push_back(std::move(blob));
  }
  if (!parts.empty()) {
    latest_ = std::make_unique<Reader>(store_, std::move(parts));
  }
}

bool JobCheckpoints::IsDue() const {
  return !is_final_ && (options_.is_wanted() || since_start_.Seconds() >= next_seconds_);
}

Status JobCheckpoints::WriteAll(const std::function<Status(StateWriter&)>& write,
                                std::vector<std::string>* shared, std::vector<std::string>* names,
                                bool* bad_state) {
  if (shared->empty()) {
    Writer writer(store_, prefix_, shared);
    DASHI_RETURN_IF_ERROR(options_.write_shared(writer));
  }
  Writer writer(store_, fmt::format("{}{}{}/", prefix_, kFolder, number_ + 1), names);
  const Status written = write(writer);
  *bad_state = !written.ok() && writer.status().ok();
  DASHI_RETURN_IF_ERROR(written);
  DASHI_FAILPOINT("train.checkpoint");
  std::vector<std::string> all = *shared;
  all.insert(all.end(), names->begin(), names->end());
  DASHI_RETURN_IF_ERROR(options_.commit(all));
  DASHI_FAILPOINT("train.checkpoint.named");
  return Status();
}

Status JobCheckpoints::Save(const std::function<Status(StateWriter&)>& write) {
  const Stopwatch since_begin;
  const bool is_wanted = options_.is_wanted();
  std::vector<std::string> shared = shared_;
  std::vector<std::string> names;
  bool bad_state = false;
  Status saved = WriteAll(write, &shared, &names, &bad_state);
  next_seconds_ = since_start_.Seconds() +
                  std::max(options_.interval_seconds, kWorkPerSaveSecond * since_begin.Seconds());
  if (!saved.ok()) {
    Remove(names);
    if (shared_.empty()) {
      Remove(shared);
    }
    if (bad_state) {
      return saved;
    }
    LogWarning("{}: no checkpoint could be written, the last one stands: {}",
               std::string_view(prefix_).substr(0, prefix_.size() - 1), saved.ToString());
    return Status();
  }
  ++number_;
  is_final_ = is_wanted;
  shared_ = std::move(shared);
  std::swap(names_, names);
  Remove(names);
  return Status();
}

void JobCheckpoints::Discard() {
  Remove(names_);
  Remove(shared_);
  names_.clear();
  shared_.clear();
  latest_.reset();
}

void JobCheckpoints::Remove(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    store_.DeleteWeights(name).IgnoreError("removed by the next open");
  }
}

}  // namespace dashi::trainer
