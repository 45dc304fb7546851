#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dashi::trainer {

/// How many bytes a process can still take before the kernel ends one: what the machine has
/// available, and what the limits of the process's control groups (version 1 or 2) leave, whichever
/// is less. File pages that a group has not used lately count as free. `root` is where `/proc` and
/// `/sys` are looked for. nullopt where the system does not tell.
std::optional<std::uint64_t> AvailableMemoryBytes(const std::string& root = "");

}  // namespace dashi::trainer
