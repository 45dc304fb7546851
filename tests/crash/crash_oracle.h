#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/crash_event.h"
#include "tests/crash/crash_rows.h"

namespace dashi::crash {

/// Knows, outside the processes that are killed, what a database must hold.
///
/// Each writer commits one thing at a time and alone changes the rows of its own. So what a writer
/// owns must be, row for row, what its acknowledged commits made, or that and its one commit that
/// was under way, whole. The rows that all writers change are held to what the writers own: every
/// increment of a counter is also in a row of the writer that did it, in the same commit, so a
/// counter that differs from the sum lost an update or shows half a commit; and every claimed
/// label has one claimant.
class CrashOracle {
 public:
  /// A process begins: what it finds is compared when it has told all.
  void Restart() { found_.clear(); }
  void OnEvent(const CrashEvent& event);
  /// Forgets everything: the next database is a new one.
  void Reset();

  const std::vector<std::string>& violations() const { return violations_; }
  std::uint64_t num_acknowledged() const { return num_acknowledged_; }
  std::uint64_t num_checked() const { return num_checked_; }
  std::uint64_t num_conflicts() const { return num_conflicts_; }
  /// The commits that were refused because of the memory limit (53200), and why.
  const std::vector<std::string>& too_large() const { return too_large_; }
  std::uint64_t num_lost() const { return num_lost_; }
  std::uint64_t num_half_visible() const { return num_half_visible_; }

 private:
  struct Owner {
    Rows rows;                            // what its acknowledged commits made
    std::optional<RowChanges> under_way;  // what it may have committed beyond
  };

  void Verify();
  void VerifyOwner(int number, Owner* owner, const Rows& found);
  void VerifyCounters();
  void VerifyClaims();

  std::map<int, Owner> owners_;
  Rows found_;
  std::vector<std::string> violations_;
  std::uint64_t num_acknowledged_ = 0;
  std::uint64_t num_checked_ = 0;
  std::uint64_t num_conflicts_ = 0;
  std::vector<std::string> too_large_;
  std::uint64_t num_lost_ = 0;
  std::uint64_t num_half_visible_ = 0;
};

}  // namespace dashi::crash
