#include "trainer/ramen/graph_terms.h"

#include <algorithm>
#include <utility>

#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kNone = SameTexts::kNone;

void SortOnce(std::vector<std::uint32_t>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

}  // namespace

GraphTerms::GraphTerms(const TrainingGraph& graph, const RamenOptions& options)
    : graph_(graph),
      options_(options),
      first_anchor_(FirstWithSameText(graph.anchor_tokens)),
      column_of_anchor_(first_anchor_.size(), kNone) {}

std::vector<std::uint32_t> GraphTerms::KnownAnchors(const GraphEdges& edges,
                                                    std::uint32_t row) const {
  std::vector<std::uint32_t> anchors;
  edges.AppendKept(row, &anchors);
  for (std::uint32_t& anchor : anchors) {
    anchor = first_anchor_[anchor];
  }
  SortOnce(&anchors);
  return anchors;
}

std::vector<GraphTerms::Drawn> GraphTerms::DrawAnchors(const GraphEdges& edges,
                                                       std::span<const GraphRow> rows,
                                                       Random& random, const EncoderBatch& batch) {
  std::vector<Drawn> drawn;
  drawn.reserve(rows.size());
  for (const GraphRow& row : rows) {
    // Every row draws, so that what one draws does not hang on the others' edges.
    const bool takes_part = random.UniformReal() < options_.row_share;
    const std::uint64_t choice = random.Next();
    if (!takes_part) {
      continue;
    }
    Drawn one{row, {}, KnownAnchors(edges, row.row)};
    std::vector<std::uint32_t> others = one.known;
    std::erase_if(others, [&](std::uint32_t anchor) {
      return RowColumns(graph_.anchor_tokens, anchor).empty() ||
             IsSameRow(graph_.anchor_tokens, anchor, batch.texts, row.text);
    });
    if (others.empty()) {
      continue;
    }
    if (others.size() > options_.anchors_per_row) {
      Random(choice).Shuffle(std::span<std::uint32_t>(others));
      others.resize(options_.anchors_per_row);
      std::sort(others.begin(), others.end());
    }
    one.positives = std::move(others);
    drawn.push_back(std::move(one));
  }
  return drawn;
}

void GraphTerms::AddColumns(const std::vector<Drawn>& drawn, SameTexts* texts, EncoderBatch* batch,
                            ContrastiveTerm* term) {
  anchors_.clear();
  for (const Drawn& one : drawn) {
    anchors_.insert(anchors_.end(), one.positives.begin(), one.positives.end());
  }
  SortOnce(&anchors_);
  WillNeedRows(graph_.anchor_tokens, anchors_);
  term->columns.reserve(anchors_.size());
  for (const std::uint32_t anchor : anchors_) {
    column_of_anchor_[anchor] = static_cast<std::uint32_t>(term->columns.size());
    std::uint32_t text = texts->Find(graph_.anchor_tokens, anchor);
    if (text == kNone) {
      text = static_cast<std::uint32_t>(batch->texts.num_rows());
      AppendRow(graph_.anchor_tokens, anchor, &batch->texts);
      texts->Add(text);
    }
    term->columns.push_back(text);
  }
}

void GraphTerms::AddRow(const Drawn& drawn, ContrastiveTerm* term) const {
  term->rows.push_back(drawn.row.text);
  for (const std::uint32_t anchor : drawn.positives) {
    term->positives.columns.push_back(column_of_anchor_[anchor]);
  }
  term->positives.offsets.push_back(term->positives.columns.size());
  std::vector<std::uint32_t> masked;
  for (const std::uint32_t anchor : drawn.known) {
    if (column_of_anchor_[anchor] != kNone &&
        !std::binary_search(drawn.positives.begin(), drawn.positives.end(), anchor)) {
      masked.push_back(column_of_anchor_[anchor]);
    }
  }
  const auto own = std::find(term->columns.begin(), term->columns.end(), drawn.row.text);
  if (own != term->columns.end()) {
    masked.push_back(static_cast<std::uint32_t>(own - term->columns.begin()));
    SortOnce(&masked);
  }
  term->masked.columns.insert(term->masked.columns.end(), masked.begin(), masked.end());
  term->masked.offsets.push_back(term->masked.columns.size());
}

bool GraphTerms::Append(const GraphEdges& edges, std::span<const GraphRow> rows, Random& random,
                        SameTexts* texts, EncoderBatch* batch) {
  const std::vector<Drawn> drawn = DrawAnchors(edges, rows, random, *batch);
  if (drawn.empty()) {
    return false;
  }
  ContrastiveTerm term;
  term.loss = options_.loss;
  AddColumns(drawn, texts, batch, &term);
  for (const Drawn& one : drawn) {
    AddRow(one, &term);
  }
  for (const std::uint32_t anchor : anchors_) {
    column_of_anchor_[anchor] = kNone;
  }
  batch->terms.push_back(std::move(term));
  return true;
}

}  // namespace dashi::trainer
