#include "server/worker_pool.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

Result<std::unique_ptr<WorkerPool>> WorkerPool::Start(int num_threads, std::size_t num_waiting_max,
                                                      std::chrono::milliseconds idle_max) {
  std::unique_ptr<WorkerPool> pool(
      new WorkerPool(static_cast<std::size_t>(num_threads), num_waiting_max, idle_max));
  const MutexLock lock(pool->mutex_);
  for (int i = 0; i < num_threads; ++i) {
    DASHI_RETURN_IF_ERROR(pool->AddThread());
  }
  return pool;
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::Submit(std::function<void()> job) {
  const MutexLock lock(mutex_);
  if (stopped_ || jobs_.size() >= num_waiting_max_) {
    return false;
  }
  jobs_.push_back(std::move(job));
  changed_.NotifyOne();
  ReplaceBlocked();
  return true;
}

void WorkerPool::BeginBlocking() {
  const MutexLock lock(mutex_);
  ++num_blocked_;
  ReplaceBlocked();
}

void WorkerPool::EndBlocking() {
  const MutexLock lock(mutex_);
  --num_blocked_;
}

WorkerPool::Load WorkerPool::load() const {
  const MutexLock lock(mutex_);
  return {num_live_, num_blocked_, jobs_.size()};
}

void WorkerPool::Stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

void WorkerPool::ReplaceBlocked() {
  if (stopped_ || jobs_.size() <= num_idle_ || num_live_ >= num_threads_ + num_blocked_) {
    return;
  }
  AddThread().IgnoreError("the jobs wait for the threads that there are");
}

Status WorkerPool::AddThread() {
  for (const std::thread::id id : std::exchange(ended_, {})) {
    const auto ended =
        std::find_if(threads_.begin(), threads_.end(),
                     [id](const std::thread& thread) { return thread.get_id() == id; });
    ended->join();  // It has let go of the lock and returns.
    threads_.erase(ended);
  }
  DASHI_ASSIGN_OR_RETURN(std::thread thread,
                         CatchAsStatus("start of a worker thread", [this]() -> Result<std::thread> {
                           return std::thread([this] { Work(); });
                         }));
  threads_.push_back(std::move(thread));
  ++num_live_;
  return Status();
}

bool WorkerPool::TakeJob(std::function<void()>* job) {
  const MutexLock lock(mutex_);
  bool waited_in_vain = false;
  while (jobs_.empty() && !stopped_) {
    const bool surplus = num_live_ > num_threads_ + num_blocked_;
    if (surplus && waited_in_vain) {
      break;
    }
    ++num_idle_;
    waited_in_vain = !changed_.WaitFor(mutex_, idle_max_);
    --num_idle_;
  }
  if (jobs_.empty()) {
    --num_live_;
    if (!stopped_) {
      ended_.push_back(std::this_thread::get_id());
    }
    return false;
  }
  *job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

void WorkerPool::Work() {
  std::function<void()> job;
  while (TakeJob(&job)) {
    job();
    job = nullptr;
  }
}

}  // namespace dashi
