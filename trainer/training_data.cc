#include "trainer/training_data.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/store.h"
#include "trainer/graph/training_graphs.h"
#include "trainer/labelled_documents.h"
#include "trainer/positives/positive_weights.h"
#include "trainer/scratch/number_writer.h"
#include "trainer/scratch/row_writer.h"
#include "trainer/text/word_piece_learner.h"
#include "trainer/tokens/token_cache.h"
#include "trainer/transformer/transformer_encoder.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::RelevanceNeighbour;
using storage::View;

constexpr std::uint32_t kNoRow = TrainingTask::kNoLabel;
// Counted up when the same text and vocabulary give other tokens.
constexpr int kReadingVersion = 1;

// A character may stand as a piece of its own and as a continuation: half of the vocabulary is left
// for joined pieces.
WordPieceLearnOptions SubwordLearning(const SubwordReading& reading) {
  WordPieceLearnOptions options;
  options.vocabulary_size = reading.vocabulary_size;
  options.alphabet_size_max = std::min(options.alphabet_size_max, reading.vocabulary_size / 4);
  return options;
}

/// Makes the subword tokenizer that is given, or that the learner has learned.
Status MakeSubwords(const SubwordReading& reading, const WordPieceLearner& learner,
                    TrainingData* data) {
  TokenizerSpec spec;
  if (reading.spec != nullptr) {
    spec = *reading.spec;
  } else {
    Result<std::vector<std::string>> vocabulary = learner.Learn();
    if (!vocabulary.ok()) {
      return Status::FailedPrecondition("there is nothing to train on: " +
                                        std::string(vocabulary.status().message()));
    }
    spec = BertTokenizerSpec(std::move(vocabulary).value(), BertTextOptions());
  }
  DASHI_ASSIGN_OR_RETURN(data->subwords, SubwordTokenizer::Make(std::move(spec)));
  data->task.vocabulary_size = data->subwords->num_tokens();
  const std::size_t num_template = data->subwords->num_template_tokens();
  if (num_template == 0 || num_template >= reading.max_tokens) {
    return Status::InvalidArgument(
        fmt::format("the tokenizer puts {} tokens around a text, of {} at most", num_template,
                    reading.max_tokens));
  }
  return Status();
}

Status LearnVocabulary(const View& view, const TrainingDataOptions& options,
                       const TrainingControl& control, TrainingData* data) {
  const bool ranker = options.ranker;
  const bool words = ranker || !options.subwords;
  const bool pieces = options.subwords && options.subwords->spec == nullptr;
  BagTokenizer::Learner learner({});
  RankerFeatures::Learner pairs;
  WordPieceLearner piece_learner(SubwordLearning(options.subwords.value_or(SubwordReading())));
  const auto add = [&](EntityKind kind) {
    return ForEachRow(view, kind, control.should_stop, [&](Ordinal, const EntityRow& row) {
      if (kind != EntityKind::kDocument || IsTrainingDocument(row)) {
        if (words && kind == EntityKind::kLabel) {
          learner.AddName(row.text);
        } else if (words) {
          learner.AddText(row.text);
        }
        if (ranker) {
          pairs.AddText(row.text);
        }
        if (pieces) {
          piece_learner.AddText(row.text);
        }
      }
      return Status::Ok();
    });
  };
  DASHI_RETURN_IF_ERROR(add(EntityKind::kDocument));
  DASHI_RETURN_IF_ERROR(add(EntityKind::kLabel));
  if (options.subwords) {
    DASHI_RETURN_IF_ERROR(MakeSubwords(*options.subwords, piece_learner, data));
  } else {
    data->tokenizer = learner.Build();
    data->task.vocabulary_size = data->tokenizer->vocabulary_size();
  }
  if (ranker) {
    data->ranker_features =
        std::make_unique<RankerFeatures>(learner.BuildWithNames(), pairs.BucketIdf());
    data->task.num_features = data->ranker_features->num_features();
  }
  return Status();
}

/// Of all texts that a vocabulary is learned from, in their order.
Result<std::uint64_t> HashTexts(const View& view, const TrainingControl& control) {
  std::string state(sizeof(std::uint64_t), '\0');
  const auto add = [&](EntityKind kind) {
    return ForEachRow(view, kind, control.should_stop, [&](Ordinal, const EntityRow& row) {
      if (kind != EntityKind::kDocument || IsTrainingDocument(row)) {
        AppendLittleEndian64(&state, storage::HashText(row.text));
        const std::uint64_t hash = storage::HashText(state);
        state.clear();
        AppendLittleEndian64(&state, hash);
      }
      return Status::Ok();
    });
  };
  DASHI_RETURN_IF_ERROR(add(EntityKind::kDocument));
  DASHI_RETURN_IF_ERROR(add(EntityKind::kLabel));
  return storage::HashText(state);
}

/// How the texts are read, as stamps of a cache.
struct ReadingStamps {
  std::uint64_t tokens = 0;
  std::uint64_t features = 0;
};

Result<ReadingStamps> StampReading(const View& view, const TrainingDataOptions& options,
                                   const TrainingControl& control) {
  const bool is_given = options.subwords && options.subwords->spec != nullptr;
  std::uint64_t texts = 0;
  if (!is_given || options.ranker) {
    DASHI_ASSIGN_OR_RETURN(texts, HashTexts(view, control));
  }
  std::string tokens = fmt::format("tokens {} bag {}", kReadingVersion, texts);
  if (is_given) {
    tokens = fmt::format("tokens {} given {} {}", kReadingVersion, options.subwords->max_tokens,
                         FormatTokenizerJson(*options.subwords->spec));
  } else if (options.subwords) {
    tokens = fmt::format("tokens {} learned {} {} {}", kReadingVersion,
                         options.subwords->max_tokens, options.subwords->vocabulary_size, texts);
  }
  return ReadingStamps{storage::HashText(tokens),
                       storage::HashText(fmt::format("features {} {}", kReadingVersion, texts))};
}

/// Takes the vocabularies of the last training out of the cache. Returns whether they are all
/// there; else they are learned anew.
bool TakeVocabulary(const TrainingDataOptions& options, const std::optional<std::string>& tokens,
                    const std::optional<std::string>& features, TrainingData* data) {
  if (!tokens || (options.ranker && !features)) {
    return false;
  }
  if (options.subwords) {
    Result<TokenizerSpec> spec = ParseTokenizerJson(*tokens);
    Result<std::unique_ptr<SubwordTokenizer>> made =
        spec.ok() ? SubwordTokenizer::Make(std::move(spec).value())
                  : Result<std::unique_ptr<SubwordTokenizer>>(spec.status());
    if (!made.ok()) {
      return false;
    }
    data->subwords = std::move(made).value();
    data->task.vocabulary_size = data->subwords->num_tokens();
  } else {
    Result<std::unique_ptr<BagTokenizer>> made = BagTokenizer::Parse(*tokens);
    if (!made.ok()) {
      return false;
    }
    data->tokenizer = std::move(made).value();
    data->task.vocabulary_size = data->tokenizer->vocabulary_size();
  }
  if (options.ranker) {
    Result<std::unique_ptr<RankerFeatures>> made = ParseRankerFeatures(*features);
    if (!made.ok()) {
      return false;
    }
    data->ranker_features = std::move(made).value();
    data->task.num_features = data->ranker_features->num_features();
  }
  return true;
}

/// The vocabularies of the last training when the texts are the same, else new ones.
Status FindVocabulary(const View& view, const TrainingDataOptions& options,
                      const TrainingControl& control, TrainingData* data) {
  if (options.cache == nullptr) {
    return LearnVocabulary(view, options, control, data);
  }
  DASHI_ASSIGN_OR_RETURN(const ReadingStamps stamps, StampReading(view, options, control));
  TokenCache& cache = *options.cache;
  const std::optional<std::string> tokens = cache.tokens.Begin(stamps.tokens);
  const std::optional<std::string> features =
      options.ranker ? cache.features.Begin(stamps.features) : std::nullopt;
  if (TakeVocabulary(options, tokens, features, data)) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(LearnVocabulary(view, options, control, data));
  cache.tokens.SetVocabulary(data->subwords != nullptr ? FormatTokenizerJson(data->subwords->spec())
                                                       : data->tokenizer->Serialize());
  if (data->ranker_features != nullptr) {
    cache.features.SetVocabulary(SerializeRankerFeatures(*data->ranker_features));
  }
  return Status();
}

/// What the texts of a table become.
struct TextRows {
  explicit TextRows(ScratchSpace* space) : tokens(space), features(space) {}

  RowWriter tokens;
  RowWriter features;
};

/// How texts become rows of the task, from the cache where it has them.
class TextReader {
 public:
  TextReader(std::uint32_t max_tokens, TokenCache* cache, TrainingData* data)
      : max_tokens_(max_tokens), cache_(cache), data_(*data) {}

  /// Appends a text's tokens and, where there is a ranker, its features.
  Status Append(EntityKind table, Ordinal ordinal, std::string_view text, TextRows* rows) {
    const std::uint64_t hash = cache_ == nullptr ? 0 : storage::HashText(text);
    const auto read = [&](TokenGroup* group, const auto& find) {
      std::vector<std::uint32_t> ids;
      if (group == nullptr || !group->Find(table, ordinal, hash, &ids)) {
        ids = find();
        if (group != nullptr) {
          group->Add(ordinal, hash, ids);
        }
      }
      return ids;
    };
    TokenGroup* const token_group = cache_ == nullptr ? nullptr : &cache_->tokens;
    if (data_.subwords != nullptr) {
      const auto ids = read(token_group, [&] {
        SparseRows row;
        AppendTokenRow(*data_.subwords, text, max_tokens_, &row);
        return std::vector<std::uint32_t>(row.columns.begin(), row.columns.end());
      });
      DASHI_RETURN_IF_ERROR(rows->tokens.Append(ids, {}));
    } else {
      const TokenBag bag =
          data_.tokenizer->Weigh(read(token_group, [&] { return data_.tokenizer->FindIds(text); }));
      DASHI_RETURN_IF_ERROR(rows->tokens.Append(bag.ids, bag.weights));
    }
    if (data_.ranker_features == nullptr) {
      return Status();
    }
    const TokenBag bag =
        data_.ranker_features->Weigh(read(cache_ == nullptr ? nullptr : &cache_->features,
                                          [&] { return data_.ranker_features->FindIds(text); }));
    return rows->features.Append(bag.ids, bag.weights);
  }

 private:
  const std::uint32_t max_tokens_;
  TokenCache* const cache_;
  TrainingData& data_;
};

/// Labels' rows by id and by ordinal.
struct LabelRows {
  std::unordered_map<std::string, std::uint32_t> by_id;
  std::vector<std::uint32_t> by_ordinal;

  std::uint32_t Find(Ordinal ordinal) const {
    const std::uint32_t index = storage::ToInteger(ordinal);
    return index < by_ordinal.size() ? by_ordinal[index] : kNoRow;
  }
};

Status FinishTexts(TextRows* read, SparseRows* tokens, SparseRows* features) {
  DASHI_ASSIGN_OR_RETURN(*tokens, read->tokens.Finish());
  DASHI_ASSIGN_OR_RETURN(*features, read->features.Finish());
  return Status();
}

Status ReadLabels(const View& view, TextReader& texts, const TrainingControl& control,
                  TrainingData* data, LabelRows* rows) {
  TextRows read(control.scratch);
  const auto add = [&](Ordinal ordinal, const EntityRow& row) {
    const auto label = static_cast<std::uint32_t>(data->label_ordinals.size());
    rows->by_id.emplace(row.id, label);
    rows->by_ordinal.resize(storage::ToInteger(ordinal) + std::size_t{1}, kNoRow);
    rows->by_ordinal.back() = label;
    data->label_ordinals.push_back(ordinal);
    return texts.Append(EntityKind::kLabel, ordinal, row.text, &read);
  };
  DASHI_RETURN_IF_ERROR(ForEachRow(view, EntityKind::kLabel, control.should_stop, add));
  return FinishTexts(&read, &data->task.label_tokens, &data->task.label_features);
}

Status ReadDocuments(const View& view, const PositiveSource& source, TextReader& texts,
                     const TrainingControl& control, const LabelRows& labels,
                     const ValidationPredicate& is_held_out, TrainingData* data) {
  TrainingTask& task = data->task;
  TextRows read(control.scratch);
  RowWriter relevance(control.scratch);
  NumberWriter<std::uint32_t> own_label(control.scratch);
  NumberWriter<Ordinal> ordinals(control.scratch);
  std::vector<std::uint32_t> positives;
  const auto add = [&](Ordinal ordinal, const EntityRow& row,
                       const std::vector<RelevanceNeighbour>& neighbours) {
    if (!IsTrainingDocument(row)) {
      return Status::Ok();
    }
    positives.clear();
    for (const RelevanceNeighbour& neighbour : neighbours) {
      const std::uint32_t label = labels.Find(neighbour.ordinal);
      if (label != kNoRow) {
        positives.push_back(label);
      }
    }
    if (positives.empty()) {
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(relevance.Append(positives, {}));
    const auto own = labels.by_id.find(row.id);
    DASHI_RETURN_IF_ERROR(own_label.Append(own == labels.by_id.end() ? kNoRow : own->second));
    if (is_held_out && is_held_out(row)) {
      task.held_out->push_back(static_cast<std::uint32_t>(ordinals.size()));
    }
    DASHI_RETURN_IF_ERROR(ordinals.Append(ordinal));
    return texts.Append(EntityKind::kDocument, ordinal, row.text, &read);
  };
  DASHI_RETURN_IF_ERROR(source.ForEachDocument(view, control.should_stop, add));
  DASHI_ASSIGN_OR_RETURN(task.relevance, relevance.Finish());
  DASHI_ASSIGN_OR_RETURN(task.own_label, own_label.Finish());
  DASHI_ASSIGN_OR_RETURN(data->document_ordinals, ordinals.Finish());
  return FinishTexts(&read, &task.document_tokens, &task.document_features);
}

/// Whether a text of the rows has a token beside those of the template.
bool HasTokens(const TrainingData& data, const SparseRows& rows) {
  const std::size_t fewest = data.subwords == nullptr ? 0 : data.subwords->num_template_tokens();
  return rows.columns.size() > rows.num_rows() * fewest;
}

Status NoDocument(const PositiveSource& source) {
  if (source.is_graph()) {
    return Status::FailedPrecondition(
               "there is nothing to train on: no document of split 'train' has a label of the "
               "graph: " +
               source.Describe())
        .WithHint(
            "Lower min_clicks, widen window, and give training documents split 'train' or NULL.");
  }
  return Status::FailedPrecondition(
             "there is nothing to train on: no document of split 'train' has a relevant label")
      .WithHint("Load the relevance table, and give training documents split 'train' or NULL.");
}

Status CheckHoldOut(const TrainingData& data, const ValidationRule& rule) {
  const auto& held_out = data.task.held_out;
  if (!held_out || (!held_out->empty() && held_out->size() < data.document_ordinals.size())) {
    return Status::Ok();
  }
  return Status::FailedPrecondition(
      fmt::format("the option validation holds out {} training documents by the column {}",
                  held_out->empty() ? "none of the" : "all", rule.column));
}

}  // namespace

Result<TrainingData> ReadTrainingData(const View& view, const TrainingDataOptions& options,
                                      const TrainingControl& control) {
  TrainingData data;
  DASHI_ASSIGN_OR_RETURN(const auto schema, view.GetSchema(EntityKind::kDocument));
  ValidationPredicate is_held_out;
  if (!options.validation.is_random()) {
    DASHI_ASSIGN_OR_RETURN(is_held_out, BindValidationRule(options.validation, *schema));
    data.task.held_out.emplace();
  }
  DASHI_RETURN_IF_ERROR(FindVocabulary(view, options, control, &data));
  TextReader texts(options.subwords ? options.subwords->max_tokens : 0, options.cache, &data);
  LabelRows labels;
  DASHI_RETURN_IF_ERROR(ReadLabels(view, texts, control, &data, &labels));
  if (data.label_ordinals.empty()) {
    return Status::FailedPrecondition("there is nothing to train on: the table labels is empty");
  }
  DASHI_ASSIGN_OR_RETURN(const PositiveSource source,
                         PositiveSource::Find(view, options.positives, control.should_stop));
  DASHI_RETURN_IF_ERROR(ReadDocuments(view, source, texts, control, labels, is_held_out, &data));
  if (data.document_ordinals.empty()) {
    return NoDocument(source);
  }
  if (source.is_graph()) {
    LogInfo("positives of a training: {}", source.Describe());
  }
  if (options.propensity_weights) {
    data.task.label_weights = PropensityWeights(data.task.relevance, data.label_ordinals.size());
  }
  DASHI_RETURN_IF_ERROR(CheckHoldOut(data, options.validation));
  if (data.task.vocabulary_size == 0) {
    return Status::FailedPrecondition(
        "there is nothing to train on: no word occurs in two texts of documents and labels");
  }
  if (!HasTokens(data, data.task.document_tokens) && !HasTokens(data, data.task.label_tokens)) {
    return Status::FailedPrecondition(
        "there is nothing to train on: all texts of documents and labels are empty");
  }
  DASHI_RETURN_IF_ERROR(ReadTrainingGraphs(view, options.graphs, control, &data));
  return data;
}

}  // namespace dashi::trainer
