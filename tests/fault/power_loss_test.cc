#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/fault/point_processes.h"
#include "tests/fault/store_workload.h"
#include "tests/testing/power_gate.h"
#include "tests/testing/tiny_database.h"

namespace dashi::testing {
namespace {

using storage::Store;
using Survival = PowerGate::Survival;

constexpr std::uint64_t kNumCuts = 200;
// About as many changes as the workload makes.
constexpr std::uint64_t kNumChangesMax = 460;

// What the workload got acknowledged before the power went.
struct Acknowledged {
  std::map<std::string, bool> steps;  // whether it was, for each one that was tried
  std::string first_failed;           // the only one that may be there without
};

Acknowledged Work(Store* store, const std::vector<WorkStep>& steps) {
  Acknowledged result;
  for (const WorkStep& step : steps) {
    bool ready = true;
    for (const std::string& before : step.after) {
      ready = ready && result.steps[before];
    }
    if (ready) {
      const bool ok = step.run(*store).ok();
      result.steps[step.name] = ok;
      if (!ok && result.first_failed.empty()) {
        result.first_failed = step.name;
      }
    }
  }
  return result;
}

void CheckSurvivors(Store& store, const std::vector<WorkStep>& steps, Acknowledged& acknowledged) {
  for (const WorkStep& step : steps) {
    if (!acknowledged.steps.contains(step.name)) {
      continue;
    }
    const Result<bool> done = step.is_done(store);
    ASSERT_TRUE(done.ok()) << step.name << ": " << done.status().ToString();
    const bool was_acknowledged = acknowledged.steps[step.name];
    const bool may_go = !step.kept_by.empty() && !acknowledged.steps[step.kept_by];
    EXPECT_TRUE(done.value() || may_go || !was_acknowledged)
        << "an acknowledged step is lost: " << step.name;
    EXPECT_TRUE(!done.value() || was_acknowledged || step.name == acknowledged.first_failed)
        << "a later step is there without an earlier one: " << step.name;
  }
}

// Runs the workload on a disk whose power goes at the `cut_at`-th change, and notes what it got.
// The store is left as it is: no process closes its files when the power goes.
Acknowledged WorkUntilCut(PowerGate& gate, const std::string& directory, std::uint64_t cut_at) {
  gate.CutAt(cut_at);
  auto opened = Store::Open(directory, SmallStoreOptions(gate));
  Acknowledged acknowledged;
  if (opened.ok()) {
    acknowledged = Work(opened.value().get(), StoreWorkload());
    opened.value().release();  // NOLINT(bugprone-unused-return-value): see above
  }
  gate.Cut();
  return acknowledged;
}

// A sector that was written in part makes the last record of a log or of the manifest damaged,
// which is refused, since damage that is not at the end looks alike.
Report CutOnce(std::uint64_t seed) {
  if (seed > kNumCuts) {
    return Report::kNotReached;
  }
  Random random(seed);
  const auto survival = static_cast<Survival>(random.Uniform(3));
  const std::uint64_t cut_at = 1 + random.Uniform(kNumChangesMax);
  const TemporaryDirectory directory;
  const TemporaryDirectory survivors;
  PowerGate gate(directory.path());
  Acknowledged acknowledged = WorkUntilCut(gate, directory.path() + "/db", cut_at);
  const std::string found = survivors.path() + "/disk";
  const std::string lost = gate.WriteSurvivors(found, survival, random);
  SCOPED_TRACE(fmt::format("seed {}: cut at change {}, survival {}; lost:\n{}", seed, cut_at,
                           static_cast<int>(survival), lost));
  for (int open = 0; open < 2; ++open) {
    auto opened = Store::Open(found + "/db", SmallStoreOptions(FileGate::System()));
    if (survival == Survival::kTorn && opened.status().sqlstate() == "XX001") {
      EXPECT_EQ(open, 0);
      return Report::kRemarkable;
    }
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    if (!opened.ok()) {
      return Report::kFailed;
    }
    CheckSurvivors(*opened.value(), StoreWorkload(), acknowledged);
    EXPECT_EQ(StrayFiles(*opened.value()), "");
    const Status written = InsertStep(fmt::format("after open {}", open)).run(*opened.value());
    EXPECT_TRUE(written.ok()) << written.ToString();
  }
  return Report::kPassed;
}

TEST(PowerLossTest, WhatWasAcknowledgedSurvivesAndNothingIsHalfThere) {
  const Outcome outcome = RunPoints(CutOnce);
  std::printf("power loss: %llu cuts (seeds 1 to %llu), %llu torn ones refused, %llu aborted\n",
              static_cast<unsigned long long>(outcome.num_points),
              static_cast<unsigned long long>(kNumCuts),
              static_cast<unsigned long long>(outcome.num_remarkable),
              static_cast<unsigned long long>(outcome.num_aborted));
  EXPECT_EQ(outcome.num_points, (kNumCuts + kPointStride - 1) / kPointStride);
  EXPECT_EQ(outcome.num_aborted, 0U) << outcome.told_of_aborted;
  EXPECT_LE(outcome.num_remarkable * 4, outcome.num_points);
}

}  // namespace
}  // namespace dashi::testing
