#include "bench/accuracy/graphs.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "base/status.h"
#include "bench/accuracy/text_lines.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;

std::string_view FirstWords(std::string_view text, std::size_t words_max) {
  std::size_t words = 0;
  for (std::size_t i = 0; words_max > 0 && i < text.size(); ++i) {
    if (text[i] == ' ' && ++words == words_max) {
      return text.substr(0, i);
    }
  }
  return text;
}

class GraphReader {
 public:
  GraphReader(const GraphOptions& options, const Texts& documents, const Texts& labels,
              const Texts& nodes, const BagTokenizer& tokenizer)
      : options_(options),
        documents_(documents),
        labels_(labels),
        nodes_(nodes),
        tokenizer_(tokenizer),
        training_row_(documents.texts.size(), kNone) {
    for (std::size_t row = 0; row < documents.texts.size(); ++row) {
      if (documents.splits[row] != "test" && documents.splits[row] != "dropped") {
        training_row_[row] = num_documents_++;
      }
    }
  }

  Result<TrainingGraph> Read(const std::string& path) {
    anchor_of_id_.clear();
    document_edges_.assign(num_documents_, {});
    label_edges_.assign(labels_.texts.size(), {});
    TrainingGraph graph;
    graph.name = path.substr(path.find_last_of('/') + 1);
    graph.name.resize(std::min(graph.name.size(), graph.name.find('.')));
    DASHI_RETURN_IF_ERROR(ForEachLine(path, [&](std::string_view line) {
      const std::vector<std::string> fields = TabFields(line);
      if (fields.size() > 1) {
        AddEdge(fields[0], fields[1], &graph);
      }
      return Status();
    }));
    DropHeads(graph.anchor_tokens.num_rows());
    Random random(options_.shuffle_seed);
    graph.document_anchors = Rows(&document_edges_, random);
    graph.label_anchors = Rows(&label_edges_, random);
    return graph;
  }

 private:
  using Edges = std::vector<std::vector<std::uint32_t>>;

  void AddEdge(const std::string& source, const std::string& target, TrainingGraph* graph) {
    const auto document = documents_.row_of_id.find(source);
    const auto label = labels_.row_of_id.find(source);
    const bool has_document =
        document != documents_.row_of_id.end() && training_row_[document->second] != kNone;
    const bool has_label = label != labels_.row_of_id.end();
    if (!has_document && !has_label) {
      return;
    }
    const auto [anchor, is_new] = anchor_of_id_.try_emplace(target, kNone);
    if (is_new) {
      const std::string* text = TextOf(target);
      if (text != nullptr) {
        anchor->second = static_cast<std::uint32_t>(graph->anchor_tokens.num_rows());
        AppendBag(tokenizer_.Tokenize(FirstWords(*text, options_.words_max)),
                  &graph->anchor_tokens);
      }
    }
    if (anchor->second == kNone) {
      return;
    }
    if (has_document) {
      document_edges_[training_row_[document->second]].push_back(anchor->second);
    }
    if (has_label) {
      label_edges_[label->second].push_back(anchor->second);
    }
  }

  const std::string* TextOf(const std::string& id) const {
    const std::vector<const Texts*> order = options_.labels_first
                                                ? std::vector{&labels_, &documents_, &nodes_}
                                                : std::vector{&documents_, &labels_, &nodes_};
    for (const Texts* texts : order) {
      const auto row = texts->row_of_id.find(id);
      if (row != texts->row_of_id.end()) {
        return &texts->texts[row->second];
      }
    }
    return nullptr;
  }

  void DropHeads(std::size_t num_anchors) {
    std::vector<std::size_t> degrees(num_anchors);
    for (const Edges* edges : {&document_edges_, &label_edges_}) {
      for (const auto& row : *edges) {
        for (const std::uint32_t anchor : row) {
          ++degrees[anchor];
        }
      }
    }
    for (Edges* edges : {&document_edges_, &label_edges_}) {
      for (auto& row : *edges) {
        std::erase_if(row, [&](std::uint32_t anchor) {
          return options_.degree_max > 0 && degrees[anchor] > options_.degree_max;
        });
      }
    }
  }

  SparseRows Rows(Edges* edges, Random& random) const {
    if (options_.shuffled) {
      std::vector<std::uint32_t> all;
      for (const auto& row : *edges) {
        all.insert(all.end(), row.begin(), row.end());
      }
      random.Shuffle(std::span<std::uint32_t>(all));
      auto next = all.begin();
      for (auto& row : *edges) {
        std::copy_n(next, row.size(), row.begin());
        next += static_cast<std::ptrdiff_t>(row.size());
      }
    }
    SparseRows rows;
    for (auto& row : *edges) {
      std::sort(row.begin(), row.end());
      row.erase(std::unique(row.begin(), row.end()), row.end());
      rows.columns.insert(rows.columns.end(), row.begin(), row.end());
      rows.offsets.push_back(rows.columns.size());
    }
    return rows;
  }

  const GraphOptions& options_;
  const Texts& documents_;
  const Texts& labels_;
  const Texts& nodes_;
  const BagTokenizer& tokenizer_;
  std::vector<std::uint32_t> training_row_;  // [documents], kNone where it does not train
  std::uint32_t num_documents_ = 0;
  std::unordered_map<std::string, std::uint32_t> anchor_of_id_;  // kNone without a text
  Edges document_edges_;
  Edges label_edges_;
};

}  // namespace

Result<std::vector<TrainingGraph>> ReadGraphs(const GraphOptions& options, const Texts& documents,
                                              const Texts& labels, const BagTokenizer& tokenizer) {
  Texts nodes;
  if (!options.nodes_path.empty()) {
    DASHI_ASSIGN_OR_RETURN(nodes, ReadTexts(options.nodes_path));
  }
  GraphReader reader(options, documents, labels, nodes, tokenizer);
  std::vector<TrainingGraph> graphs;
  graphs.reserve(options.paths.size());
  for (const std::string& path : options.paths) {
    DASHI_ASSIGN_OR_RETURN(TrainingGraph graph, reader.Read(path));
    graphs.push_back(std::move(graph));
  }
  return graphs;
}

}  // namespace dashi::trainer
