#include "tests/crash/crash_oracle.h"

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr std::size_t kNumDifferencesShown = 5;

std::string Shown(const std::optional<std::string>& value) {
  return value ? fmt::format("'{}'", value->substr(0, 60)) : "nothing";
}

std::optional<std::string> ValueAt(const Rows& rows, const std::string& key) {
  const auto row = rows.find(key);
  return row == rows.end() ? std::nullopt : std::optional<std::string>(row->second);
}

// The number or text of a document that has no split.
std::string TextAt(const Rows& rows, const std::string& document) {
  return ValueAt(rows, DocumentKey(document)).value_or("|").substr(1);
}

}  // namespace

void CrashOracle::OnEvent(const CrashEvent& event) {
  Owner& owner = owners_[event.owner];
  switch (event.kind) {
    case CrashEventKind::kRow:
      ApplyChanges(event.changes, &found_);
      break;
    case CrashEventKind::kDumped:
      Verify();
      break;
    case CrashEventKind::kProblem:
      violations_.push_back(event.text);
      break;
    case CrashEventKind::kIntent:
      owner.under_way = event.changes;
      break;
    case CrashEventKind::kAcknowledged:
      ApplyChanges(*owner.under_way, &owner.rows);
      owner.under_way.reset();
      ++num_acknowledged_;
      break;
    case CrashEventKind::kRefused:
      owner.under_way.reset();
      if (event.text.starts_with("53200")) {
        too_large_.push_back(event.text);
      } else {
        ++num_conflicts_;
      }
      break;
    default:
      break;
  }
}

void CrashOracle::Reset() {
  owners_.clear();
  found_.clear();
}

void CrashOracle::Verify() {
  std::map<int, Rows> found;
  for (const auto& [key, value] : found_) {
    found[OwnerOf(key)].emplace(key, value);
    owners_.try_emplace(OwnerOf(key));
  }
  for (auto& [number, owner] : owners_) {
    if (number != kSharedOwner) {
      VerifyOwner(number, &owner, found[number]);
    }
  }
  VerifyCounters();
  VerifyClaims();
  num_checked_ = num_acknowledged_;
}

void CrashOracle::VerifyOwner(int number, Owner* owner, const Rows& found) {
  const RowChanges under_way = owner->under_way.value_or(RowChanges());
  owner->under_way.reset();
  Rows with_commit = owner->rows;
  ApplyChanges(under_way, &with_commit);
  if (found == owner->rows || found == with_commit) {
    owner->rows = found;
    return;
  }
  std::size_t num_shown = 0;
  bool lost = false;
  for (const auto& [key, value] : Difference(owner->rows, found)) {
    const auto change = under_way.find(key);
    if (change != under_way.end() && change->second == value) {
      continue;
    }
    lost = lost || change == under_way.end();
    if (++num_shown <= kNumDifferencesShown) {
      violations_.push_back(fmt::format("writer {}: {} is {}, and must be {}{}", number, key,
                                        Shown(value), Shown(ValueAt(owner->rows, key)),
                                        change == under_way.end() ? "" : " or what was under way"));
    }
  }
  if (num_shown == 0) {
    violations_.push_back(fmt::format("writer {}: of the {} changes of a commit only {} are there",
                                      number, under_way.size(),
                                      Difference(owner->rows, found).size()));
  }
  ++(lost ? num_lost_ : num_half_visible_);
  owner->rows = found;
}

void CrashOracle::VerifyCounters() {
  for (int counter = 0; counter < kNumCounters; ++counter) {
    std::int64_t sum = 0;
    for (const auto& [number, owner] : owners_) {
      const std::string text = TextAt(owner.rows, fmt::format("t{}-counter-{}", number, counter));
      sum += text.empty() ? 0 : std::stoll(text);
    }
    const std::string text = TextAt(found_, fmt::format("s-counter-{}", counter));
    if (sum != (text.empty() ? 0 : std::stoll(text))) {
      violations_.push_back(fmt::format("counter {} is '{}', the writers' parts of it add up to {}",
                                        counter, text, sum));
      ++num_half_visible_;
    }
  }
}

void CrashOracle::VerifyClaims() {
  for (int claim = 0; claim < kNumClaims; ++claim) {
    std::vector<std::string> claimants;
    for (const auto& [number, owner] : owners_) {
      const std::string text = TextAt(owner.rows, fmt::format("t{}-claim-{}", number, claim));
      if (!text.empty()) {
        claimants.push_back(text);
      }
    }
    const auto label = ValueAt(found_, LabelKey(fmt::format("s-claim-{}", claim)));
    const bool right = label ? claimants == std::vector<std::string>{*label} : claimants.empty();
    if (!right) {
      violations_.push_back(fmt::format("claim {} is {}, the claimants say [{}]", claim,
                                        Shown(label), fmt::join(claimants, ", ")));
      ++num_half_visible_;
    }
  }
}

}  // namespace dashi::crash
