#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/graph/random_walk.h"

namespace dashi::trainer {

/// Which graphs are read for a training, and how.
struct GraphReading {
  std::vector<std::string> names;
  WalkOptions walk;                 ///< completes the rows; no hops: their own edges, all of them
  std::uint32_t walk_anchors = 10;  ///< that a row gets of a walk
  std::uint32_t anchor_words = 32;  ///< of an anchor's text; the rest is left out
  std::uint32_t max_tokens = 0;     ///< of an anchor's text, with subwords
};

}  // namespace dashi::trainer
