#include "server/worker_pool.h"

#include <utility>

#include "base/status.h"

namespace dashi {

Result<std::unique_ptr<WorkerPool>> WorkerPool::Start(int num_threads,
                                                      std::size_t num_waiting_max) {
  std::unique_ptr<WorkerPool> pool(new WorkerPool(num_waiting_max));
  DASHI_RETURN_IF_ERROR(CatchAsStatus("start of the worker threads", [&] {
    for (int i = 0; i < num_threads; ++i) {
      pool->threads_.emplace_back([raw = pool.get()] { raw->Work(); });
    }
  }));
  return pool;
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::Submit(std::function<void()> job) {
  const MutexLock lock(mutex_);
  if (stopped_ || jobs_.size() >= num_waiting_max_) {
    return false;
  }
  jobs_.push_back(std::move(job));
  has_job_.NotifyOne();
  return true;
}

void WorkerPool::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    has_job_.NotifyAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
}

void WorkerPool::Work() {
  while (true) {
    std::function<void()> job;
    {
      const MutexLock lock(mutex_);
      while (jobs_.empty() && !stopped_) {
        has_job_.Wait(mutex_);
      }
      if (jobs_.empty()) {
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace dashi
