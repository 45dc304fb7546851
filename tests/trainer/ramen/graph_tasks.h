#pragma once

#include <cstdint>
#include <string>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// A task with a graph whose anchors tell which words mean the same. Documents of a label draw 3 of
/// its 12 words, beside noise, so that one or two training documents, which half of the labels
/// have, leave most of the words unknown; each of a label's 3 anchors has 6 of the words. Four
/// documents a label are held out, and have anchors that training must not see.
TrainingTask TaskWithPlantedGraph(std::uint32_t num_labels, std::uint64_t seed);

/// The graph with all edges of both sides to other anchors at random: as many a row and, nearly, as
/// many an anchor.
TrainingGraph Shuffled(TrainingGraph graph, std::uint64_t seed);

/// The graph with as many random edges again beside each row's own.
TrainingGraph WithNoise(TrainingGraph graph, std::uint64_t seed);

}  // namespace dashi::trainer
