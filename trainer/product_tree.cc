#include "trainer/product_tree.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/balanced_tree.h"
#include "trainer/level_splitter.h"
#include "trainer/sampled_rules.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kMax = ProductTree::kRowsMax;

// Squared lengths of sums that count as zero: rounding may leave a little of them.
constexpr float kSquareMin = 1e-12F;

// The 2-means of a node, by the products of its rows.
class ProductSplit {
 public:
  // `products` [kMax, kMax] are those of all rows of the tree.
  ProductSplit(const std::vector<float>& products, std::span<const std::uint32_t> places)
      : size_(places.size()) {
    for (std::size_t i = 0; i < size_; ++i) {
      const float* row = products.data() + places[i] * kMax;
      for (std::size_t j = 0; j < size_; ++j) {
        products_[i][j] = row[places[j]];
        total_[i] += products_[i][j];
      }
    }
  }

  // Which rows are in the second half.
  std::array<bool, kMax> Run(Random random) {
    Start(random);
    float similarity = 0;
    for (int i = 0;; ++i) {
      CutAtMedian();
      if (i + 1 == SampledRules::kIterationsMax) {
        return is_second_;
      }
      const float next = Move();
      if (i > 0 && next - similarity < static_cast<float>(SampledRules::kGainMin)) {
        return is_second_;
      }
      similarity = next;
    }
  }

 private:
  void Start(Random& random) {
    std::size_t first = 0;
    std::size_t second = 0;
    for (std::size_t i = 0; i < SplitRules::kStartPairs; ++i) {
      first = random.Uniform(size_);
      second = random.Uniform(size_ - 1);
      second += second >= first ? 1 : 0;
      if (products_[first][first] + products_[second][second] - 2 * products_[first][second] >
          SplitRules::kDistanceMin) {
        break;
      }
    }
    for (std::size_t i = 0; i < size_; ++i) {
      scores_[i] = products_[second][i] - products_[first][i];
    }
  }

  void CutAtMedian() {
    std::array<std::uint64_t, kMax> keys;
    std::array<std::uint64_t, kMax> selected;
    for (std::size_t i = 0; i < size_; ++i) {
      keys[i] = selected[i] = SortKey(scores_[i], static_cast<std::uint32_t>(i));
    }
    const auto median = selected.begin() + static_cast<std::ptrdiff_t>((size_ + 1) / 2);
    std::nth_element(selected.begin(), median,
                     selected.begin() + static_cast<std::ptrdiff_t>(size_));
    for (std::size_t i = 0; i < size_; ++i) {
      is_second_[i] = keys[i] >= *median;
    }
  }

  // Scores by the halves' means. Returns the mean similarity of rows to them.
  float Move() {
    std::array<float, kMax> with_first{};  // products with the sum of the first half
    for (std::size_t i = 0; i < size_; ++i) {
      if (!is_second_[i]) {
        for (std::size_t j = 0; j < kMax; ++j) {
          with_first[j] += products_[i][j];
        }
      }
    }
    float first_square = 0;
    float second_square = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      (is_second_[i] ? second_square : first_square) +=
          is_second_[i] ? total_[i] - with_first[i] : with_first[i];
    }
    const float first_length = first_square > kSquareMin ? std::sqrt(first_square) : 0;
    const float second_length = second_square > kSquareMin ? std::sqrt(second_square) : 0;
    const float first_scale = first_length > 0 ? 1 / first_length : 0;
    const float second_scale = second_length > 0 ? 1 / second_length : 0;
    for (std::size_t i = 0; i < size_; ++i) {
      scores_[i] = (total_[i] - with_first[i]) * second_scale - with_first[i] * first_scale;
    }
    return (first_length + second_length) / static_cast<float>(size_);
  }

  const std::size_t size_;
  std::array<std::array<float, kMax>, kMax> products_{};
  std::array<float, kMax> total_{};  // products with the sum of all rows
  std::array<float, kMax> scores_{};
  std::array<bool, kMax> is_second_{};
};

}  // namespace

ProductTree::ProductTree(std::size_t dim) : dim_(dim), wide_(kMax * dim), products_(kMax * kMax) {}

void ProductTree::Cluster(index::HalfMatrixView vectors, std::uint64_t number,
                          std::size_t num_levels, std::uint64_t seed,
                          std::span<std::uint32_t> rows) {
  DASHI_CHECK(rows.size() <= kMax && vectors.dim == dim_);
  // Those with the rows before it; the other half of the matrix is the same.
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float* row = wide_.data() + i * dim_;
    index::FromHalf(vectors.data + std::size_t{rows[i]} * dim_, row, dim_);
    index::MatrixVector(wide_.data(), row, i + 1, dim_, products_.data() + i * kMax);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      products_[j * kMax + i] = products_[i * kMax + j];
    }
  }
  std::array<std::uint32_t, kMax> places;
  std::iota(places.begin(), places.end(), 0U);
  Split(number, num_levels, seed, {places.data(), rows.size()});
  std::array<std::uint32_t, kMax> before;
  std::copy(rows.begin(), rows.end(), before.begin());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = before[places[i]];
  }
}

void ProductTree::Split(std::uint64_t number, std::size_t num_levels, std::uint64_t seed,
                        std::span<std::uint32_t> places) {
  if (num_levels == 0 || places.size() < 2) {
    return;
  }
  if (places.size() > 2) {
    Cut(SampledRules::NodeSeed(seed, number), places);
  }
  const std::size_t half = (places.size() + 1) / 2;
  Split(2 * number, num_levels - 1, seed, places.subspan(0, half));
  Split(2 * number + 1, num_levels - 1, seed, places.subspan(half));
}

void ProductTree::Cut(std::uint64_t seed, std::span<std::uint32_t> places) {
  const std::array<bool, kMax> is_second = ProductSplit(products_, places).Run(Random(seed));
  std::array<std::uint32_t, kMax> before;
  std::copy(places.begin(), places.end(), before.begin());
  std::size_t first = 0;
  std::size_t second = (places.size() + 1) / 2;
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[is_second[i] ? second : first] = before[i];
    second += is_second[i] ? 1 : 0;
    first += is_second[i] ? 0 : 1;
  }
}

}  // namespace dashi::trainer
