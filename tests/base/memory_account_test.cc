#include "base/memory_account.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/byte_size.h"
#include "base/random.h"

namespace dashi {
namespace {

using Holder = MemoryAccount::Holder;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
/// What an account may have from its parent beyond what it counts.
constexpr std::uint64_t kSpareBytesMax = 192 * kKiB;

MemoryAccountRef Role(std::uint64_t limit_bytes) {
  return MemoryAccount::Make(Holder::kRole, "ann", limit_bytes, {});
}

MemoryAccountRef Statement(std::uint64_t limit_bytes, const MemoryAccountRef& parent) {
  return MemoryAccount::Make(Holder::kStatement, {}, limit_bytes, parent);
}

TEST(ByteSizeTest, ReadsAndWritesUnits) {
  EXPECT_EQ(ParseByteSize("64MB"), 64 * kMiB);
  EXPECT_EQ(ParseByteSize("64 mb"), 64 * kMiB);
  EXPECT_EQ(ParseByteSize("1tB"), std::uint64_t{1} << 40U);
  EXPECT_EQ(ParseByteSize("17"), 17U);
  EXPECT_EQ(ParseByteSize("17b"), 17U);
  for (const char* wrong :
       {"", "MB", "-1", "1.5MB", "1 M B", "1MBs", "99999999999999999999", "99999999TB"}) {
    EXPECT_EQ(ParseByteSize(wrong), std::nullopt) << wrong;
  }
  for (const char* text : {"0", "1000", "1kB", "64MB", "3GB", "1024TB", "1025kB"}) {
    EXPECT_EQ(ByteSizeText(ParseByteSize(text).value_or(1)), text);
  }
}

TEST(MemoryAccountTest, GivesTheLastByteBelowTheLimitAndNoMore) {
  const MemoryAccountRef statement = Statement(100'001, {});
  EXPECT_TRUE(statement->TryCharge(100'000));
  EXPECT_FALSE(statement->TryCharge(2));
  const Status refusal = statement->Refusal();
  EXPECT_EQ(refusal.sqlstate(), "53200");
  EXPECT_NE(refusal.message().find("100001"), std::string::npos) << refusal.message();
  EXPECT_NE(refusal.message().find("statement_memory"), std::string::npos) << refusal.message();
  EXPECT_EQ(statement->Refusal().message(), "out of memory") << "it is told once";
  EXPECT_TRUE(statement->TryCharge(1));
  EXPECT_EQ(statement->used_bytes(), 100'001U);
  statement->Release(100'001);
  EXPECT_EQ(statement->used_bytes(), 0U);
}

TEST(MemoryAccountTest, NamesTheAccountThatRefuses) {
  const MemoryAccountRef role = Role(kMiB);
  const MemoryAccountRef session = MemoryAccount::Make(Holder::kSession, {}, 0, role);
  const MemoryAccountRef statement = Statement(2 * kMiB, session);
  EXPECT_TRUE(statement->TryCharge(kMiB));
  EXPECT_FALSE(statement->TryCharge(1));
  const Status refusal = statement->Refusal();
  EXPECT_NE(refusal.message().find("role ann"), std::string::npos) << refusal.message();
  EXPECT_NE(refusal.message().find("1MB"), std::string::npos) << refusal.message();
  role->set_limit_bytes(0);
  EXPECT_TRUE(statement->TryCharge(kMiB));
  EXPECT_FALSE(statement->TryCharge(1));
  EXPECT_NE(statement->Refusal().message().find("2MB"), std::string::npos);
  statement->Charge(1);  // That asks no limit.
  EXPECT_EQ(statement->used_bytes(), 2 * kMiB + 1);
  EXPECT_GE(role->used_bytes(), 2 * kMiB + 1);
  statement->Release(2 * kMiB + 1);
  role->set_limit_bytes(1);
  session->Charge(1000);
  session->Release(999);
  session->Trim();
  EXPECT_EQ(role->used_bytes(), 1U);
  EXPECT_FALSE(statement->TryCharge(1)) << "nothing is kept in spare beyond a limit";
}

TEST(MemoryAccountTest, MemoryThatOutlivesItsStatementStaysCounted) {
  const MemoryAccountRef role = Role(0);
  MemoryAccountRef statement = Statement(0, role);
  MemoryAccount* const raw = statement.get();
  EXPECT_TRUE(raw->TryCharge(kMiB));
  raw->Ref();  // As an allocation does.
  statement = MemoryAccountRef();
  EXPECT_EQ(role->used_bytes(), kMiB);
  EXPECT_FALSE(role->is_unshared());
  raw->Release(kMiB);
  raw->Unref();
  EXPECT_EQ(role->used_bytes(), 0U);
  EXPECT_TRUE(role->is_unshared());
}

TEST(MemoryAccountTest, ChargesAndScopesNest) {
  const MemoryAccountRef outer = Statement(kMiB, {});
  const MemoryAccountRef inner = Statement(kMiB, {});
  EXPECT_EQ(MemoryScope::account(), nullptr);
  EXPECT_EQ(MemoryScope::OutOfMemory().sqlstate(), "53200");
  {
    const MemoryScope scope(outer.get());
    MemoryCharge charge;
    EXPECT_TRUE(charge.Resize(1000).ok());
    {
      const MemoryScope nested(inner.get(), MemoryScope::Limits::kDoNotHold);
      EXPECT_EQ(MemoryScope::account(), inner.get());
      EXPECT_FALSE(MemoryScope::limits_hold());
      EXPECT_TRUE(charge.Add(1000).ok()) << "it stays with its account";
    }
    EXPECT_TRUE(MemoryScope::limits_hold());
    EXPECT_EQ(outer->used_bytes(), 2000U);
    EXPECT_FALSE(charge.TryResize(2 * kMiB));
    EXPECT_EQ(MemoryScope::OutOfMemory().sqlstate(), "53200");
    EXPECT_EQ(charge.Resize(2 * kMiB).sqlstate(), "53200");
    EXPECT_EQ(charge.bytes(), 2000U);
    MemoryCharge moved = std::move(charge);
    EXPECT_TRUE(moved.Resize(10).ok());
    EXPECT_EQ(outer->used_bytes(), 10U);
  }
  EXPECT_EQ(outer->used_bytes(), 0U);
  EXPECT_EQ(inner->used_bytes(), 0U);
  MemoryCharge nobodys;
  EXPECT_TRUE(nobodys.Resize(std::uint64_t{1} << 60U).ok());
}

constexpr std::size_t kNumStatements = 4;  // of each role
constexpr std::uint64_t kStatementLimit = 4 * kMiB;

/// A statement, and what it should have.
struct CountedStatement {
  MemoryAccountRef account;
  std::vector<std::uint64_t> charges;
  std::uint64_t used = 0;
};

/// A role and its statements, which charge and release at random: what fits must be granted but for
/// what siblings may have in spare, and what does not fit must not.
class CountedRole {
 public:
  CountedRole(std::uint64_t limit, const MemoryAccountRef& parent)
      : limit_(limit), account_(MemoryAccount::Make(Holder::kRole, "r", limit, parent)) {
    for (CountedStatement& each : statements_) {
      each.account = Statement(kStatementLimit, account_);
    }
  }

  void Step(Random& random) {
    CountedStatement& one = statements_[random.Uniform(kNumStatements)];
    if (!one.charges.empty() && random.Uniform(100) < 45) {
      std::swap(one.charges[random.Uniform(one.charges.size())], one.charges.back());
      one.account->Release(one.charges.back());
      one.used -= one.charges.back();
      one.charges.pop_back();
    } else {
      const std::uint64_t most = random.Uniform(10) == 0 ? kMiB : 100 * kKiB;
      Charge(&one, 1 + random.Uniform(random.Uniform(2) == 0 ? 64 : most));
    }
    ASSERT_EQ(one.account->used_bytes(), one.used);
    ASSERT_GE(account_->used_bytes(), Used());
    ASSERT_LE(account_->used_bytes(), Used() + kNumStatements * kSpareBytesMax);
  }
  void End() {
    for (CountedStatement& one : statements_) {
      one.account->Release(one.used);
      one.account = MemoryAccountRef();
    }
    EXPECT_EQ(account_->used_bytes(), 0U);
    account_ = MemoryAccountRef();
  }
  int num_refused() const { return num_refused_; }

 private:
  void Charge(CountedStatement* one, std::uint64_t bytes) {
    const bool fits =
        one->used + bytes <= kStatementLimit && (limit_ == 0 || Used() + bytes <= limit_);
    const bool fits_surely =
        fits && (limit_ == 0 || Used() + bytes + kNumStatements * kSpareBytesMax <= limit_);
    if (one->account->TryCharge(bytes)) {
      ASSERT_TRUE(fits);
      one->charges.push_back(bytes);
      one->used += bytes;
    } else {
      ++num_refused_;
      ASSERT_FALSE(fits_surely);
    }
  }
  std::uint64_t Used() const {
    std::uint64_t used = 0;
    for (const CountedStatement& each : statements_) {
      used += each.used;
    }
    return used;
  }

  const std::uint64_t limit_;
  MemoryAccountRef account_;
  std::array<CountedStatement, kNumStatements> statements_;
  int num_refused_ = 0;
};

TEST(MemoryAccountTest, RandomChargesAgreeWithSums) {
  constexpr int kNumSteps = 20'000;
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  const MemoryAccountRef all = MemoryAccount::Make(Holder::kDatabase, {}, 0, {});
  CountedRole limited(8 * kMiB, all);
  CountedRole unlimited(0, all);
  for (int step = 0; step < kNumSteps && !::testing::Test::HasFatalFailure(); ++step) {
    (random.Uniform(2) == 0 ? limited : unlimited).Step(random);
  }
  EXPECT_GT(limited.num_refused(), 100);
  EXPECT_GT(unlimited.num_refused(), 0);
  limited.End();
  unlimited.End();
  EXPECT_EQ(all->used_bytes(), 0U);
}

TEST(MemoryAccountTest, ThreadsShareAnAccountAndFreeWhatOthersAllocated) {
  constexpr int kNumThreads = 4;
  constexpr int kNumCharges = 20'000;
  const MemoryAccountRef role = Role(0);
  const MemoryAccountRef shared = Statement(0, role);
  std::vector<std::thread> threads;
  threads.reserve(kNumThreads);
  for (int t = 0; t < kNumThreads; ++t) {
    threads.emplace_back([&, t] {
      const MemoryAccountRef own = Statement(0, role);
      Random random(static_cast<std::uint64_t>(t) + 1);
      for (int i = 0; i < kNumCharges; ++i) {
        const std::uint64_t bytes = 1 + random.Uniform(100 * kKiB);
        MemoryAccount* const account = random.Uniform(2) == 0 ? own.get() : shared.get();
        if (account->TryCharge(bytes)) {
          account->Release(bytes);
        }
      }
      own->Charge(kMiB);
      shared->Charge(kMiB);
      own->Release(kMiB);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(shared->used_bytes(), kNumThreads * kMiB);
  shared->Release(kNumThreads * kMiB);
  EXPECT_LE(role->used_bytes(), kSpareBytesMax);
}

}  // namespace
}  // namespace dashi
