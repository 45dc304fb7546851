#pragma once

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "storage/store.h"

namespace dashi::trainer {

/// The labels that AddPlantedRows adds: "L0", "L1", ...
inline constexpr int kNumPlantedLabels = 40;

/// Documents "D0", "D1", ... whose words point at their label through a word that the label's text
/// does not have; each fifth is a test document.
void AddPlantedRows(storage::Store& store, int num_documents);

/// Options of a training of a second or less, on one thread.
storage::OptionMap SmallOptions();

/// A model "m" of NGAME.
Status CreatePlantedModel(storage::Store& store, const storage::OptionMap& options);

}  // namespace dashi::trainer
