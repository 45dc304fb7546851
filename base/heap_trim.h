#pragma once

namespace dashi {

/// Gives pages of the heap that hold nothing back to the system, where the C library can. Worth it
/// between stages of large work that differ in what they allocate: what one has freed in pieces is
/// of no use to the next, and stays.
///
/// Cost: milliseconds for a heap of some hundred MiB.
void TrimHeap();

}  // namespace dashi
