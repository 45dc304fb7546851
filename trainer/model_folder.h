#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "trainer/transformer/transformer_directory.h"

namespace dashi::trainer {

/// What a release has beside its encoder. Row i of classifiers and ranker belongs to label_ids[i].
struct FolderRelease {
  std::string algorithm;  ///< of its model: "ngame"
  /// Of the release: seed, options, environment, dim, metrics, the three weights of fusion,
  /// num_documents, train_seconds.
  storage::ReleaseRecord record;
  std::vector<std::string> label_ids;      ///< distinct
  std::vector<std::uint16_t> classifiers;  ///< [label_ids.size(), record.dim] binary16
  std::string ranker;                      ///< as SerializeRanker writes it; empty: none
};

/// A model as a folder (docs/FORMATS.md): a transformer as Hugging Face's libraries read it, or a
/// bag encoder, and in `dashi/` what makes it a release.
struct ModelFolder {
  std::optional<PretrainedTransformer> transformer;
  std::string bag;                       ///< without a transformer: what SerializeBagEncoder gave
  std::optional<FolderRelease> release;  ///< nullopt: an encoder alone
};

/// Errors: kNotFound when the folder or a file of it is not there, kCorruption, kInvalidArgument
///         and kUnimplemented for what is in them; each names the file and the tensor.
Result<ModelFolder> ReadModelFolder(const std::string& path);

/// Writes the files of `model`, of which release is given, to a folder that is made.
///
/// Errors: kIoError, kResourceExhausted.
Status WriteModelFolder(const ModelFolder& model, const std::string& path);

}  // namespace dashi::trainer
