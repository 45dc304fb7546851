#include "storage/graph/rocksdb_edge_stager.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

// Runs that wait or are being written.
constexpr std::size_t kRunsMax = 2;

}  // namespace

EdgeStager::EdgeStager(RocksdbStoreState* state, const GraphRecord& graph, EdgeOperation operation,
                       const std::string& name, std::uint64_t marker)
    : state_(state),
      graph_(graph),
      operation_(operation),
      marker_(marker),
      sides_{Side(EdgeSide::kOut, state, name + "-out"), Side(EdgeSide::kIn, state, name + "-in")} {
}

Result<std::unique_ptr<EdgeStager>> EdgeStager::Start(RocksdbStoreState* state,
                                                      const GraphRecord& graph,
                                                      EdgeOperation operation,
                                                      const std::string& name,
                                                      std::uint64_t marker) {
  std::unique_ptr<EdgeStager> stager(new EdgeStager(state, graph, operation, name, marker));
  for (Side& side : stager->sides_) {
    DASHI_RETURN_IF_ERROR(CatchAsStatus("start of a thread", [raw = stager.get(), &side] {
      side.thread = std::thread([raw, &side] { raw->Run(&side); });
    }));
  }
  return stager;
}

EdgeStager::~EdgeStager() {
  {
    const MutexLock lock(mutex_);
    dropped_ = !keeps_files_;
  }
  Join();
  if (!keeps_files_) {
    for (Side& side : sides_) {
      side.writer.Remove();
    }
  }
}

void EdgeStager::Join() {
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  for (Side& side : sides_) {
    if (side.thread.joinable()) {
      side.thread.join();
    }
  }
}

std::vector<StagedFile> EdgeStager::files() const {
  std::vector<StagedFile> files;
  for (const Side& side : sides_) {
    files.insert(files.end(), side.writer.files().begin(), side.writer.files().end());
  }
  return files;
}

Status EdgeStager::Add(EdgeRun* run) {
  const MutexLock lock(mutex_);
  while (status_.ok() && runs_.size() >= kRunsMax) {
    changed_.Wait(mutex_);
  }
  DASHI_RETURN_IF_ERROR(Status(status_));
  pending_bytes_ += run->bytes();
  std::unique_ptr<EdgeRun> taken =
      spare_ != nullptr ? std::move(spare_) : std::make_unique<EdgeRun>();
  std::swap(*taken, *run);
  runs_.push_back(std::move(taken));
  changed_.NotifyAll();
  return Status::Ok();
}

Status EdgeStager::Finish() {
  Join();
  {
    const MutexLock lock(mutex_);
    DASHI_RETURN_IF_ERROR(Status(status_));
  }
  return SyncFolder(state_->paths.tmp, state_->disk);
}

// Waits for the side's next run. Null when none comes, or it need not be written.
const EdgeRun* EdgeStager::TakeRun(Side* side) {
  const MutexLock lock(mutex_);
  while (side->num_written - num_released_ == runs_.size() && !ended_ && status_.ok()) {
    changed_.Wait(mutex_);
  }
  const std::uint64_t place = side->num_written - num_released_;
  return place == runs_.size() || dropped_ || !status_.ok() ? nullptr : runs_[place].get();
}

// Called when a side has written its part of a run: gives back what both have written.
void EdgeStager::EndRun(Side* side) {
  const MutexLock lock(mutex_);
  ++side->num_written;
  while (std::min(sides_[0].num_written, sides_[1].num_written) > num_released_) {
    spare_ = std::move(runs_.front());
    runs_.pop_front();
    ++num_released_;
    pending_bytes_ -= spare_->bytes();
    spare_->Clear();
  }
  changed_.NotifyAll();
}

void EdgeStager::Run(Side* side) {
  Status status = CatchAsStatus("writing a load's files", [&] { return WriteRuns(side); });
  if (!status.ok()) {
    const MutexLock lock(mutex_);
    status_ = std::move(status);
    changed_.NotifyAll();
  }
}

Status EdgeStager::WriteRuns(Side* side) {
  if (side->side == EdgeSide::kOut) {
    DASHI_RETURN_IF_ERROR(side->writer.Add(LoadMarkerKey(marker_), std::string_view()));
  }
  while (const EdgeRun* run = TakeRun(side)) {
    DASHI_RETURN_IF_ERROR(run->VisitSide(
        graph_, side->side, operation_, [side](std::string_view key, std::string_view delta) {
          return delta.empty() ? side->writer.Add(key, delta) : side->writer.AddOperand(key, delta);
        }));
    EndRun(side);
  }
  return side->writer.Finish();
}

}  // namespace dashi::storage
