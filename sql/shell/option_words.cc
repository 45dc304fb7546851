#include "sql/shell/option_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "sql/shell/ascii_case.h"

namespace dashi {

namespace {

// Names between blanks; behind a colon the values, between bars.

constexpr std::string_view kCopyFrom =
    "format:csv|jsonl|text|tsv|xc unknown:error|ignore graph header:on|off delimiter null "
    "on_conflict:error|replace|ignore rejects split:train|test|valid titles_only:on|off labels "
    "documents document_prefix";
constexpr std::string_view kCopyTo = "format:csv|jsonl|text|tsv header:on|off delimiter null";

constexpr std::string_view kModelOptions =
    "encoder:bag|transformer dim hidden seed threads device:auto|cpu|cuda "
    "precision:auto|float32|bfloat16 warm_start:on|off epochs batch_size loss:softmax|triplet "
    "temperature margin num_negatives label_documents:on|off learning_rate dense_learning_rate "
    "warmup_steps cluster_size recluster_epochs path layers hidden_size heads vocabulary_size "
    "max_tokens weight_decay classifier_epochs classifier_trains_encoder:on|off random_labels "
    "classifier_loss:softmax|triplet|bce classifier_learning_rate "
    "classifier_embedding_learning_rate dropout validation_share checkpoint_seconds "
    "token_cache:on|off memory_limit_mb rows_memory_mb validation objective:balanced|head|tail "
    "index:auto|exact|hnsw relink:on|off ranker:sparse|off ranker_c retrieval:on|off "
    "relevance_from min_clicks window positive_weights:auto|uniform|propensity graphs "
    "document_graph:on|off label_graph:on|off walk_hops walk_restart walk_neighbours head_degree "
    "neighbour_words neighbours_per_row graph_row_share graph_loss:softmax|triplet "
    "graph_temperature graph_margin graph_num_negatives graph_weight bandit:evidence|on|off "
    "graph_warmup_share graph_warmup_terms:on|off pruning:on|off prune_epochs prune_cosine "
    "prune_deviations bandit_floor bandit_rate bandit_deviation "
    "bandit_steps bandit_momentum bandit_frozen_share";
constexpr std::string_view kServing = "retain_releases seal_rows";
constexpr std::string_view kWait = "wait:on|off";

constexpr std::string_view kEvaluate =
    "k filter:none|reciprocal slices:all scores:fused|dense|encoder|classifier bootstrap a b seed";
constexpr std::string_view kCompare = "rows:metrics|documents documents";
constexpr std::string_view kGraph = "half_life directed:on|off event_days";
constexpr std::string_view kBackup = "keep verify:new|all";

constexpr std::string_view kSettings =
    "ann.exact:on|off ann.require_index:on|off bytea_output:hex "
    "client_min_messages:debug5|debug4|debug3|debug2|debug1|log|notice|warning|error "
    "default_transaction_read_only:on|off intervalstyle:postgres "
    "standard_conforming_strings:on synchronous_commit:on|off";

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

void Add(std::string_view list, std::vector<OptionWords>* options) {
  for (const std::string_view option : Split(list, ' ')) {
    const std::size_t colon = std::min(option.find(':'), option.size());
    OptionWords words;
    words.name = option.substr(0, colon);
    words.values = Split(option.substr(std::min(colon + 1, option.size())), '|');
    options->push_back(std::move(words));
  }
}

using Typed = std::span<const std::string_view>;

bool Is(Typed typed, std::size_t place, std::string_view word) {
  return place < typed.size() && EqualsIgnoringCase(typed[place], word);
}

// The first of `words` outside of parentheses.
bool Has(Typed typed, std::string_view word) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    depth += typed[i] == "(" ? 1 : 0;
    depth -= typed[i] == ")" && depth > 0 ? 1 : 0;
    if (depth == 0 && Is(typed, i, word)) {
      return true;
    }
  }
  return false;
}

// What the list is of that opens behind the words.
std::optional<OptionList> ListOf(Typed before) {
  const bool explain = Is(before, 0, "EXPLAIN");
  const Typed words = before.subspan(explain ? 1 : 0);
  const bool with = !words.empty() && EqualsIgnoringCase(words.back(), "WITH");
  if (Is(words, 0, "COPY")) {
    const bool file = !words.empty() &&
                      (words.back().front() == '\'' || EqualsIgnoringCase(words.back(), "STDIN") ||
                       EqualsIgnoringCase(words.back(), "STDOUT"));
    if (!with && !file) {
      return std::nullopt;
    }
    return Has(words, "TO") ? OptionList::kCopyTo : OptionList::kCopyFrom;
  }
  if (Is(words, 0, "ALTER") && Is(words, 1, "MODEL") && EqualsIgnoringCase(words.back(), "SET")) {
    return OptionList::kAlterModel;
  }
  if (!with) {
    return std::nullopt;
  }
  struct Begin {
    std::string_view first;
    std::string_view second;
    OptionList list;
  };
  static constexpr std::array kBegins = {Begin{"CREATE", "MODEL", OptionList::kCreateModel},
                                         Begin{"CREATE", "GRAPH", OptionList::kCreateGraph},
                                         Begin{"TRAIN", "MODEL", OptionList::kTrainModel},
                                         Begin{"EVALUATE", "MODEL", OptionList::kEvaluateModel},
                                         Begin{"COMPARE", "", OptionList::kCompare},
                                         Begin{"RESUME", "JOB", OptionList::kResumeJob},
                                         Begin{"BACKUP", "TO", OptionList::kBackup}};
  for (const Begin& begin : kBegins) {
    if (Is(words, 0, begin.first) && (begin.second.empty() || Is(words, 1, begin.second))) {
      return begin.list;
    }
  }
  return std::nullopt;
}

OptionPlace ValuesOf(OptionList list, std::string_view name) {
  OptionPlace place;
  for (const OptionWords& option : OptionsOf(list)) {
    if (EqualsIgnoringCase(option.name, name)) {
      place.words = option.values;
      place.found = true;
    }
  }
  return place;
}

// SET [LOCAL | SESSION] name = | TO
OptionPlace CompleteSetting(Typed typed) {
  const std::size_t name = Is(typed, 1, "LOCAL") || Is(typed, 1, "SESSION") ? 2 : 1;
  const bool value = typed.size() == name + 2 && (typed.back() == "=" || Is(typed, name + 1, "TO"));
  OptionPlace place;
  if (value) {
    place = ValuesOf(OptionList::kSettings, typed[name]);
    place.found = true;
  }
  return place;
}

}  // namespace

std::vector<OptionWords> OptionsOf(OptionList list) {
  std::vector<OptionWords> options;
  switch (list) {
    case OptionList::kCopyFrom:
      Add(kCopyFrom, &options);
      break;
    case OptionList::kCopyTo:
      Add(kCopyTo, &options);
      break;
    case OptionList::kCreateModel:
    case OptionList::kAlterModel:
      Add(kModelOptions, &options);
      Add(kServing, &options);
      break;
    case OptionList::kTrainModel:
      Add(kModelOptions, &options);
      Add(kWait, &options);
      break;
    case OptionList::kEvaluateModel:
      Add(kEvaluate, &options);
      break;
    case OptionList::kCompare:
      Add(kEvaluate, &options);
      Add(kCompare, &options);
      break;
    case OptionList::kCreateGraph:
      Add(kGraph, &options);
      break;
    case OptionList::kResumeJob:
      Add(kWait, &options);
      break;
    case OptionList::kBackup:
      Add(kBackup, &options);
      break;
    case OptionList::kSettings:
      Add(kSettings, &options);
      break;
  }
  return options;
}

OptionPlace CompleteOption(Typed typed) {
  if (Is(typed, 0, "SET")) {
    return CompleteSetting(typed);
  }
  // The parenthesis that is open.
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    if (typed[i] == "(") {
      open.push_back(i);
    } else if (typed[i] == ")" && !open.empty()) {
      open.pop_back();
    }
  }
  if (open.size() != 1) {
    return {};
  }
  const std::optional<OptionList> list = ListOf(typed.first(open.front()));
  if (!list) {
    return {};
  }
  const std::string_view last = typed.back();
  if (last == "(" || last == ",") {
    OptionPlace place;
    place.found = true;
    for (const OptionWords& option : OptionsOf(*list)) {
      place.words.push_back(option.name);
    }
    return place;
  }
  const bool equals = last == "=" && typed.size() > 1;
  OptionPlace place = ValuesOf(*list, equals ? typed[typed.size() - 2] : last);
  place.found = true;  // Whatever stands there, no word of another kind follows.
  return place;
}

}  // namespace dashi
