#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/fault/point_processes.h"
#include "tests/fault/store_workload.h"
#include "tests/testing/failing_gate.h"
#include "tests/testing/tiny_database.h"

namespace dashi::testing {
namespace {

using storage::Store;
using Fault = FailingGate::Fault;

// A twentieth of the points may be such a one; where few are tried, three more, since a hundredth
// is one and which of them depends on RocksDB's threads.
constexpr std::uint64_t kSlack = kPointStride == 1 ? 0 : 60;

// The steps of a workload on one store, and what became of each.
class WorkedStore {
 public:
  explicit WorkedStore(FailingGate& gate) : gate_(gate) {}

  Status Open() {
    reopened_ = store_ != nullptr;
    store_.reset();
    Result<std::unique_ptr<Store>> opened =
        Store::Open(directory_.path() + "/db", SmallStoreOptions(gate_));
    if (!opened.ok()) {
      return opened.status();
    }
    store_ = std::move(opened).value();
    return Status::Ok();
  }
  void Close() { store_.reset(); }

  // Does the steps whose condition holds; a failed one must say `sqlstate`.
  void Work(const std::string& sqlstate) {
    for (const WorkStep& step : steps_) {
      if (!std::all_of(step.after.begin(), step.after.end(),
                       [this](const std::string& name) { return acknowledged_.contains(name); })) {
        continue;
      }
      tried_.insert(step.name);
      const Status status = step.run(*store_);
      if (status.ok()) {
        acknowledged_.insert(step.name);
      } else {
        EXPECT_EQ(status.sqlstate(), sqlstate) << step.name << ": " << status.ToString();
        EXPECT_FALSE(status.hint().empty() && sqlstate == "53100") << status.ToString();
      }
    }
  }

  // Every acknowledged step is there, and no other one is half there.
  void Check(const std::string& when) {
    for (const WorkStep& step : steps_) {
      if (!tried_.contains(step.name)) {
        continue;
      }
      const Result<bool> done = step.is_done(*store_);
      ASSERT_TRUE(done.ok()) << when << ": " << step.name << ": " << done.status().ToString();
      const bool may_go =
          reopened_ && !step.kept_by.empty() && !acknowledged_.contains(step.kept_by);
      EXPECT_TRUE(done.value() || may_go || !acknowledged_.contains(step.name))
          << when << ": an acknowledged step is lost: " << step.name;
    }
  }

  // One more write, which is expected to succeed, unless RocksDB lost its way out of the full disk.
  void Insert(const std::string& name) {
    const WorkStep step = InsertStep(name);
    const Status status = step.run(*store_);
    if (status.ToString().find("recovery from a full disk did not end") != std::string::npos) {
      stuck_ = true;
      return;
    }
    ASSERT_TRUE(status.ok()) << name << ": " << status.ToString();
    steps_.push_back(step);
    tried_.insert(name);
    acknowledged_.insert(name);
  }

  Store& store() { return *store_; }
  bool is_stuck() const { return stuck_; }
  bool is_open() const { return store_ != nullptr; }
  std::size_t num_acknowledged() const { return acknowledged_.size(); }

 private:
  FailingGate& gate_;
  TemporaryDirectory directory_;
  std::vector<WorkStep> steps_ = StoreWorkload();
  bool reopened_ = false;
  bool stuck_ = false;
  std::set<std::string> tried_;
  std::set<std::string> acknowledged_;
  std::unique_ptr<Store> store_;
};

void ReopenAndCheck(WorkedStore& run) {
  const Status reopened = run.Open();
  ASSERT_TRUE(reopened.ok()) << reopened.ToString();
  run.Check("after the next open");
  run.Insert("after the next open");
  EXPECT_EQ(StrayFiles(run.store()), "");
}

TEST(DiskErrorTest, TheWorkloadSucceedsOnAGoodDisk) {
  RunPoints([](std::uint64_t /*n*/) {
    FailingGate gate;
    WorkedStore run(gate);
    EXPECT_TRUE(run.Open().ok());
    run.Work("none");
    EXPECT_EQ(run.num_acknowledged(), StoreWorkload().size());
    run.Check("before the close");
    ReopenAndCheck(run);
    return Report::kNotReached;
  });
}

TEST(DiskErrorTest, AFullDiskAtAnyPointStopsWritesUntilThereIsRoom) {
  const Outcome outcome = RunPoints([](std::uint64_t n) {
    FailingGate gate;
    WorkedStore run(gate);
    gate.Arm(Fault::kFull, n);
    const Status opened = run.Open();
    if (opened.ok()) {
      run.Work("53100");
    } else {
      EXPECT_EQ(opened.sqlstate(), "53100") << opened.ToString();
    }
    if (gate.failed().empty()) {
      return Report::kNotReached;
    }
    SCOPED_TRACE("full at change " + std::to_string(n) + ": " + gate.failed());
    if (run.is_open()) {
      run.Check("while the disk is full");
      EXPECT_EQ(InsertStep("too much").run(run.store()).sqlstate(), "53100");
      gate.Clear();
      run.Insert("room again");
      run.Insert("and again");
      run.Check("with room again");
    }
    gate.Clear();
    ReopenAndCheck(run);
    return run.is_stuck() ? Report::kRemarkable : Report::kPassed;
  });
  std::printf("full disk: %llu write points, %llu that only the next open got over, %llu aborted\n",
              static_cast<unsigned long long>(outcome.num_points),
              static_cast<unsigned long long>(outcome.num_remarkable),
              static_cast<unsigned long long>(outcome.num_aborted));
  EXPECT_GE(outcome.num_points * kPointStride, 200U);
  // RocksDB 7.8 can lose a flush that is due when an error comes.
  EXPECT_LE((outcome.num_remarkable + outcome.num_aborted) * 20, outcome.num_points + kSlack)
      << outcome.told_of_remarkable + outcome.told_of_aborted;
}

TEST(DiskErrorTest, AnIoErrorAtAnyPointLosesNothing) {
  const Outcome outcome = RunPoints([](std::uint64_t n) {
    FailingGate gate;
    WorkedStore run(gate);
    gate.Arm(Fault::kIoError, n);
    const Status opened = run.Open();
    if (opened.ok()) {
      run.Work("58030");
    } else {
      EXPECT_EQ(opened.sqlstate(), "58030") << opened.ToString();
    }
    if (gate.failed().empty()) {
      return Report::kNotReached;
    }
    SCOPED_TRACE("error at change " + std::to_string(n) + ": " + gate.failed());
    if (run.is_open()) {
      run.Check("after the error");
      if (gate.failed_in_sync()) {
        // What the kernel dropped then is lost: a later sync would only seem to save it.
        const Status stopped = InsertStep("too much").run(run.store());
        EXPECT_EQ(stopped.sqlstate(), "58030") << stopped.ToString();
        EXPECT_THAT(std::string(stopped.message()), ::testing::HasSubstr("writing has stopped"));
        run.Check("while writing has stopped");
      }
    }
    const bool in_sync = gate.failed_in_sync();
    ReopenAndCheck(run);
    return in_sync ? Report::kRemarkable : Report::kPassed;
  });
  std::printf("I/O error: %llu points, %llu of them syncs, %llu aborted\n",
              static_cast<unsigned long long>(outcome.num_points),
              static_cast<unsigned long long>(outcome.num_remarkable),
              static_cast<unsigned long long>(outcome.num_aborted));
  EXPECT_GE(outcome.num_points * kPointStride, 250U);
  EXPECT_LE(outcome.num_aborted * 20, outcome.num_points + kSlack) << outcome.told_of_aborted;
}

}  // namespace
}  // namespace dashi::testing
