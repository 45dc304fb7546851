#pragma once

#include <cstddef>

#include "dashi/status.h"
#include "trainer/ramen/ramen_options.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Errors: kInvalidArgument naming the option that is out of range.
Status CheckRamenOptions(const RamenOptions& options);

/// Errors: kInvalidArgument naming the graph whose matrices do not fit the task.
Status CheckGraph(const TrainingGraph& graph, std::size_t num_documents, std::size_t num_labels);

}  // namespace dashi::trainer
