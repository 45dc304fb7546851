#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace dashi {
namespace {

thread_local bool inside_parallel_for = false;

/// One ParallelFor call. Lives on the caller's stack until no worker holds it.
struct Loop {
  std::size_t size;
  std::size_t chunk;
  const std::function<void(std::size_t, std::size_t)>* body;
  std::atomic<std::size_t> next{0};
  // Guarded by the pool's mutex.
  int num_workers = 0;
  std::exception_ptr failure = nullptr;

  bool Exhausted() const { return next.load(std::memory_order_relaxed) >= size; }

  // Returns what the body threw, after which no chunk begins.
  std::exception_ptr Run() {
    try {
      for (;;) {
        const std::size_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
        if (begin >= size) {
          return nullptr;
        }
        (*body)(begin, std::min(size, begin + chunk));
      }
    } catch (...) {
      next = size;
      return std::current_exception();
    }
  }
};

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(int num_threads) {
    for (int i = 1; i < num_threads; ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  }

  ~Impl() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.NotifyAll();
    for (auto& thread : threads_) {
      thread.join();
    }
  }

  int num_threads() const { return static_cast<int>(threads_.size()) + 1; }

  void Run(Loop* loop) {
    {
      MutexLock lock(mutex_);
      loops_.push_back(loop);
    }
    wake_.NotifyAll();
    inside_parallel_for = true;
    std::exception_ptr failure = loop->Run();
    inside_parallel_for = false;
    {
      MutexLock lock(mutex_);
      loops_.erase(std::remove(loops_.begin(), loops_.end(), loop), loops_.end());
      while (loop->num_workers > 0) {
        finished_.Wait(mutex_);
      }
      failure = failure != nullptr ? failure : loop->failure;
    }
    if (failure != nullptr) {
      std::rethrow_exception(failure);
    }
  }

 private:
  void Work() {
    inside_parallel_for = true;
    MutexLock lock(mutex_);
    for (;;) {
      // Asked once: the threads that run a loop exhaust it without the mutex.
      Loop* loop = nullptr;
      while (!stopping_ && (loop = Open()) == nullptr) {
        wake_.Wait(mutex_);
      }
      if (stopping_) {
        return;
      }
      ++loop->num_workers;
      mutex_.Unlock();
      const std::exception_ptr failure = loop->Run();
      mutex_.Lock();
      loop->failure = failure != nullptr ? failure : loop->failure;
      if (--loop->num_workers == 0) {
        finished_.NotifyAll();
      }
    }
  }

  Loop* Open() const DASHI_REQUIRES(mutex_) {
    for (Loop* loop : loops_) {
      if (!loop->Exhausted()) {
        return loop;
      }
    }
    return nullptr;
  }

  std::vector<std::thread> threads_;
  Mutex mutex_;
  CondVar wake_;
  CondVar finished_;
  std::deque<Loop*> loops_ DASHI_GUARDED_BY(mutex_);
  bool stopping_ DASHI_GUARDED_BY(mutex_) = false;
};

ThreadPool::ThreadPool(int num_threads) {
  if (num_threads <= 0) {
    num_threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
  impl_ = std::make_unique<Impl>(num_threads);
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::num_threads() const { return impl_->num_threads(); }

void ThreadPool::ParallelFor(std::size_t size, std::size_t chunk,
                             const std::function<void(std::size_t, std::size_t)>& body) {
  DASHI_CHECK(chunk > 0);
  if (size <= chunk || num_threads() == 1 || inside_parallel_for) {
    for (std::size_t begin = 0; begin < size; begin += chunk) {
      body(begin, std::min(size, begin + chunk));
    }
    return;
  }
  Loop loop{size, chunk, &body};
  impl_->Run(&loop);
}

}  // namespace dashi
