#include "storage/graph/rocksdb_edge_stager.h"

#include <utility>

#include "base/file.h"
#include "base/status.h"

namespace dashi::storage {

EdgeStager::EdgeStager(RocksdbStoreState* state, const GraphRecord& graph, EdgeOperation operation,
                       const std::string& name, std::uint64_t marker)
    : state_(state),
      graph_(graph),
      operation_(operation),
      marker_(marker),
      writer_(state, Family::kEdges, name) {}

Result<std::unique_ptr<EdgeStager>> EdgeStager::Start(RocksdbStoreState* state,
                                                      const GraphRecord& graph,
                                                      EdgeOperation operation,
                                                      const std::string& name,
                                                      std::uint64_t marker) {
  std::unique_ptr<EdgeStager> stager(new EdgeStager(state, graph, operation, name, marker));
  DASHI_RETURN_IF_ERROR(CatchAsStatus("start of a thread", [&stager] {
    stager->thread_ = std::thread([raw = stager.get()] { raw->Run(); });
  }));
  return stager;
}

EdgeStager::~EdgeStager() {
  {
    const MutexLock lock(mutex_);
    dropped_ = !keeps_files_;
  }
  Join();
  if (!keeps_files_) {
    writer_.Remove();
  }
}

void EdgeStager::Join() {
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

Status EdgeStager::Add(EdgeRun* run) {
  const MutexLock lock(mutex_);
  while (status_.ok() && !next_.empty()) {
    changed_.Wait(mutex_);
  }
  DASHI_RETURN_IF_ERROR(Status(status_));
  pending_bytes_ += run->bytes();
  std::swap(next_, *run);  // next_ is empty, with the memory of an earlier run.
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

bool EdgeStager::TakeRun(EdgeRun* run) {
  const MutexLock lock(mutex_);
  while (next_.empty() && !ended_) {
    changed_.Wait(mutex_);
  }
  if (next_.empty() || dropped_) {
    return false;
  }
  std::swap(*run, next_);
  changed_.NotifyAll();
  return true;
}

void EdgeStager::Run() {
  EdgeRun run;
  Status status = CatchAsStatus("writing a load's files", [this] {
    return writer_.Add(LoadMarkerKey(marker_), std::string_view());
  });
  while (status.ok() && TakeRun(&run)) {
    status = CatchAsStatus("writing a load's files", [&] { return WriteRun(&run); });
  }
  if (status.ok()) {
    status = CatchAsStatus("writing a load's files", [this] { return writer_.Finish(); });
  }
  const MutexLock lock(mutex_);
  status_ = std::move(status);
  changed_.NotifyAll();
}

Status EdgeStager::WriteRun(EdgeRun* run) {
  const std::uint64_t bytes = run->bytes();
  DASHI_RETURN_IF_ERROR(
      run->Drain(graph_, operation_, [this](std::string_view key, std::string_view delta) {
        return delta.empty() ? writer_.Add(key, delta) : writer_.AddOperand(key, delta);
      }));
  pending_bytes_ -= bytes;
  return Status::Ok();
}

}  // namespace dashi::storage
